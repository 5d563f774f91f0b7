//! Addresses that the API shows of an action, made of the templates of its type.
//!
//! A template names a key of the configuration as `{Config:Key}`, and what the provider calls the
//! execution as `{ExternalExecutionId}`. Without a value for one of them there is no address; a
//! secret is none. Source: "Create and add a custom action in CodePipeline".

use serde_json::{Map, Value};

use super::state::Act;
use crate::structure::Action;
use crate::types::{self, Settings};

/// `entityUrl`: what an action works on.
pub(super) fn entity(action: &Action) -> Option<String> {
    let template = match &action.urls {
        Some(urls) => urls.entity_url_template.clone(),
        None => types::find(&action.action_type_id)?.settings?.entity_url_template,
    };
    filled(&template?, (&action.configuration, &action.secret), None)
}

/// `revisionUrl` of an action of a type that isn't built in.
pub(super) fn revision(action: &Action) -> Option<String> {
    let Settings { revision_url_template, .. } = action.urls.as_ref()?;
    let template = revision_url_template.as_deref()?;
    filled(template, (&action.configuration, &action.secret), None)
}

/// `externalExecutionUrl` of an action of a type that isn't built in.
pub(super) fn execution(action: &Action, act: &Act) -> Option<String> {
    let Settings { execution_url_template, .. } = action.urls.as_ref()?;
    let external = act.details.external_execution_id.as_deref();
    let configuration = act.configuration(action);
    filled(execution_url_template.as_deref()?, (&configuration, &action.secret), external)
}

fn filled(
    template: &str,
    (configuration, secret): (&Map<String, Value>, &[String]),
    external: Option<&str>,
) -> Option<String> {
    let (mut url, mut rest) = (String::new(), template);
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        let value = match name.strip_prefix("Config:") {
            Some(key) if secret.iter().any(|it| it == key) => None,
            Some(key) => configuration.get(key)?.as_str(),
            None => external.filter(|_| name == "ExternalExecutionId"),
        };
        // A variable that is not resolved.
        let value = value.filter(|value| !value.contains("#{"))?;
        url.push_str(before);
        url.push_str(value);
        rest = after;
    }
    url.push_str(rest);
    (!url.is_empty()).then_some(url)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_template_has_a_value_for_each_name_or_is_no_address() {
        let configuration = json!({ "Project": "{Config:Key}", "Key": "k", "Late": "#{a.b}" });
        let configuration = configuration.as_object().cloned().unwrap_or_default();
        let secret = ["Key".to_owned()];
        for (template, external, expected) in [
            ("https://x/", None, Some("https://x/")),
            ("", None, None),
            ("https://x/{Config:Project}/y", None, Some("https://x/{Config:Key}/y")),
            ("https://x/{Config:Key}", None, None),
            ("https://x/{Config:Late}", None, None),
            ("https://x/{Config:None}", None, None),
            ("https://x/{ExternalExecutionId}", None, None),
            ("https://x/{ExternalExecutionId}", Some("7"), Some("https://x/7")),
            ("https://x/{Other}", Some("7"), None),
            ("https://x/{Config:Project", None, None),
        ] {
            let made = filled(template, (&configuration, &secret), external);
            assert_eq!(made.as_deref(), expected, "{template}");
        }
    }
}
