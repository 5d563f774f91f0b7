//! References to variables in texts: `#{namespace.key}`.
//!
//! ```text
//! #{SourceVariables.CommitId}            what an action with this namespace made
//! #{variables.NAME}                      a variable of the pipeline
//! #{codepipeline.PipelineExecutionId}    what every execution has
//! ```
//!
//! Namespaces and keys are letters, digits, `@`, `-` and `_`, as AWS's model has them
//! (`ActionNamespace`, `OutputVariablesKey`, `PipelineVariableName`), and are told apart by case.
//! What has not this form, such as one with a space inside, is text and stays as it is. There is no
//! escape, and a value is taken as it is: a reference within it is text.
//! Source: "Variables reference".

use std::borrow::Cow;

/// The namespace of what every execution has.
pub const IMPLICIT: &str = "codepipeline";
/// The namespace of the pipeline's variables.
pub const PIPELINE: &str = "variables";
/// The one key of [`IMPLICIT`].
pub const EXECUTION_ID: &str = "PipelineExecutionId";

/// Where a text refers to a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference<'t> {
    /// What stands before the point.
    pub namespace: &'t str,
    /// What stands behind it.
    pub key: &'t str,
}

/// A reference to what there is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the variable #{{{namespace}.{key}}} could not be resolved")]
pub struct Unresolved {
    /// What stands before the point.
    pub namespace: String,
    /// What stands behind it.
    pub key: String,
}

/// A text with what it refers to.
///
/// # Errors
/// The first reference for which `lookup` knows nothing.
pub fn resolve<'v>(
    text: &str,
    lookup: impl Fn(Reference<'_>) -> Option<Cow<'v, str>>,
) -> Result<String, Unresolved> {
    let mut resolved = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, reference, behind)) = next(rest) {
        let Some(value) = lookup(reference) else {
            let Reference { namespace, key } = reference;
            return Err(Unresolved { namespace: namespace.to_owned(), key: key.to_owned() });
        };
        resolved.push_str(before);
        resolved.push_str(&value);
        rest = behind;
    }
    resolved.push_str(rest);
    Ok(resolved)
}

/// The first reference: what stands before it, itself, what stands behind it.
fn next(text: &str) -> Option<(&str, Reference<'_>, &str)> {
    for (start, sign) in text.match_indices("#{") {
        let inner = &text[start + sign.len()..];
        if let Some((namespace, inner)) = name(inner)
            && let Some((key, inner)) = inner.strip_prefix('.').and_then(name)
            && let Some(behind) = inner.strip_prefix('}')
        {
            return Some((&text[..start], Reference { namespace, key }, behind));
        }
    }
    None
}

/// A namespace or a key, and what stands behind it.
pub(crate) fn name(text: &str) -> Option<(&str, &str)> {
    let is_of_name = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '@' | '-' | '_');
    let end = text.find(|sign| !is_of_name(sign)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(text: &str) -> Result<String, Unresolved> {
        resolve(text, |Reference { namespace, key }| {
            Some(Cow::Borrowed(match (namespace, key) {
                (IMPLICIT, EXECUTION_ID) => "id-1",
                (PIPELINE, "env") => "prod",
                (PIPELINE, "Env") => "Prod",
                (PIPELINE, "empty") => "",
                (PIPELINE, "a@b-c_1") => "all",
                ("Source", "CommitId") => "c0ffee",
                ("Source", "CommitMessage") => "fix #{variables.env} \"x\"",
                ("S-1_@", "ETag") => "e",
                _ => return None,
            }))
        })
    }

    #[test]
    fn references_become_values() {
        for (text, expected) in [
            ("", ""),
            ("no reference", "no reference"),
            ("#{codepipeline.PipelineExecutionId}", "id-1"),
            ("#{variables.env}", "prod"),
            ("#{variables.Env}", "Prod"),
            ("#{variables.a@b-c_1}", "all"),
            ("[#{variables.empty}]", "[]"),
            ("v-#{Source.CommitId}-#{variables.env}.zip", "v-c0ffee-prod.zip"),
            ("#{Source.CommitId}#{Source.CommitId}", "c0ffeec0ffee"),
            ("#{S-1_@.ETag}", "e"),
            (
                r##"[{"name":"A","value":"#{Source.CommitId}","type":"PLAINTEXT"}]"##,
                r#"[{"name":"A","value":"c0ffee","type":"PLAINTEXT"}]"#,
            ),
            ("ü#{variables.env}ü", "üprodü"),
            // A value is not read again.
            ("#{Source.CommitMessage}", "fix #{variables.env} \"x\""),
        ] {
            assert_eq!(resolved(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_reference_stays() {
        for text in [
            "#", "#{", "#{}", "#{.}", "#{a}", "#{a.}", "#{.b}", "#{a.b", "#{a.b.c}", "# {a.b}",
            "#{ a.b}", "#{a.b }", "#{a .b}", "#{a/b.c}", "#{ä.b}", "${a.b}", "{a.b}", "#{a..b}",
            "#{a.b\n}", "#{a:b.c}",
        ] {
            assert_eq!(resolved(text).as_deref(), Ok(text));
            assert!(next(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_reference_may_stand_in_what_is_none() {
        for (text, expected) in [
            ("#{#{variables.env}}", "#{prod}"),
            ("#{a #{variables.env}", "#{a prod"),
            ("##{variables.env}", "#prod"),
            ("$#{variables.env}}", "$prod}"),
        ] {
            assert_eq!(resolved(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn the_first_unknown_is_named() {
        for (text, namespace, key) in [
            ("#{variables.env} #{variables.none} #{No.no}", "variables", "none"),
            ("#{Variables.env}", "Variables", "env"),
            ("#{variables.ENV}", "variables", "ENV"),
            ("#{source.CommitId}", "source", "CommitId"),
            ("#{codepipeline.PipelineName}", "codepipeline", "PipelineName"),
            ("#{codepipeline.pipelineexecutionid}", "codepipeline", "pipelineexecutionid"),
        ] {
            let expected = Unresolved { namespace: namespace.to_owned(), key: key.to_owned() };
            assert_eq!(resolved(text), Err(expected), "{text}");
        }
        let text = resolved("#{a.b}").unwrap_err().to_string();
        assert_eq!(text, "the variable #{a.b} could not be resolved");
    }
}
