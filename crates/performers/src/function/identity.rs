//! Names: whose functions these are, and the ways in which a caller may refer to one.

/// The region and the account that the functions live in; they appear in ARNs and in the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// For example `us-east-1`.
    pub region: String,
    /// Twelve digits.
    pub account: String,
}

impl Identity {
    /// The ARN of a function, without a qualifier.
    pub fn function_arn(&self, name: &str) -> String {
        let partition = match self.region.as_str() {
            region if region.starts_with("cn-") => "aws-cn",
            region if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        };
        format!("arn:{partition}:lambda:{}:{}:function:{name}", self.region, self.account)
    }
}

/// A reference to a function, taken apart: a name, a partial ARN or an ARN, each perhaps with a qualifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FunctionName<'a> {
    /// The name alone.
    pub name: &'a str,
    /// A version or an alias, when one was given.
    pub qualifier: Option<&'a str>,
}

impl<'a> FunctionName<'a> {
    /// Takes a reference apart. Total: text of no known form is taken as a name, which then is not found.
    pub fn parse(reference: &'a str) -> Self {
        // arn:aws:lambda:region:account:function:name:qualifier, or from "account:function:" on, or from the name on.
        let rest = match reference.split_once(":function:") {
            Some((_, rest)) => rest,
            None => reference.strip_prefix("function:").unwrap_or(reference),
        };
        match rest.split_once(':') {
            Some((name, qualifier)) => Self { name, qualifier: Some(qualifier) },
            None => Self { name: rest, qualifier: None },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_found_by_each_form_of_its_name() {
        let table = [
            ("hello", "hello", None),
            ("hello:prod", "hello", Some("prod")),
            ("111122223333:function:hello", "hello", None),
            ("111122223333:function:hello:7", "hello", Some("7")),
            ("function:hello", "hello", None),
            ("arn:aws:lambda:us-east-1:111122223333:function:hello", "hello", None),
            (
                "arn:aws:lambda:us-east-1:111122223333:function:hello:$LATEST",
                "hello",
                Some("$LATEST"),
            ),
            ("", "", None),
            (":", "", Some("")),
        ];
        for (reference, name, qualifier) in table {
            assert_eq!(
                FunctionName::parse(reference),
                FunctionName { name, qualifier },
                "{reference}"
            );
        }
    }

    #[test]
    fn the_partition_follows_the_region() {
        let arn = |region: &str| {
            Identity { region: region.into(), account: "1".into() }.function_arn("f")
        };
        assert_eq!(arn("eu-west-1"), "arn:aws:lambda:eu-west-1:1:function:f");
        assert_eq!(arn("cn-north-1"), "arn:aws-cn:lambda:cn-north-1:1:function:f");
        assert_eq!(arn("us-gov-west-1"), "arn:aws-us-gov:lambda:us-gov-west-1:1:function:f");
    }
}
