//! Addresses that an action type makes of its actions, for people.
//!
//! A template names configuration keys as `{Config:Key}`, and the execution of the action elsewhere
//! as `{ExternalExecutionId}`. Without one of them there is no address, and none shows a secret.
//! Source: "Create a custom action for a pipeline".

use serde_json::{Map, Value};

use super::state::Act;
use crate::structure::Action;
use crate::types::{self, Settings};

/// `entityUrl`: what an action works on.
pub(super) fn of_entity(action: &Action) -> Option<String> {
    let of_type = || types::find(&action.action_type_id)?.settings;
    let template = action.urls.clone().or_else(of_type)?.entity_url_template?;
    filled(&template, action, &action.configuration, None)
}

/// `revisionUrl` of an action whose source has none: where its configuration is changed.
pub(super) fn of_revision(action: &Action) -> Option<String> {
    let template = custom(action)?.revision_url_template.as_ref()?;
    filled(template, action, &action.configuration, None)
}

/// `externalExecutionUrl`: what the action's performer says, or its type.
pub(super) fn of_execution(action: &Action, act: &Act) -> Option<String> {
    let of_type = || {
        let template = custom(action)?.execution_url_template.as_ref()?;
        let id = act.details.external_execution_id.as_deref();
        filled(template, action, &act.configuration(action), id)
    };
    act.details.url.clone().or_else(of_type)
}

fn custom(action: &Action) -> Option<&Settings> {
    action.urls.as_ref()
}

/// The template with every name in it replaced by its value; a value is taken as it is.
fn filled(
    template: &str,
    action: &Action,
    configuration: &Map<String, Value>,
    execution: Option<&str>,
) -> Option<String> {
    let mut url = String::new();
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once('{') {
        let (name, behind) = behind.split_once('}')?;
        let value = match name.strip_prefix("Config:") {
            Some(key) if action.secret.iter().any(|secret| secret == key) => return None,
            Some(key) => configuration.get(key)?.as_str()?,
            None if name == "ExternalExecutionId" => execution?,
            None => return None,
        };
        url.push_str(before);
        url.push_str(value);
        rest = behind;
    }
    url.push_str(rest);
    Some(url)
}
