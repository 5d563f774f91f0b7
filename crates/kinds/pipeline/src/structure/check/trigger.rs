//! Triggers: each of a connection's source action.

use super::{Invalid, Structure, actions, repeated};
use crate::structure::GitPush;

pub(super) fn check(structure: &Structure) -> Result<(), Invalid> {
    let is_connection = |name: &str| {
        actions(structure).any(|(_, action)| {
            action.name == name && action.action_type_id.provider == "CodeStarSourceConnection"
        })
    };
    let named =
        || structure.triggers.iter().map(|one| one.git_configuration.source_action_name.as_str());
    if !named().all(is_connection) {
        return Err(Invalid::structure(
            "Triggers for connections must reference a CodeStarSourceConnection action.",
        ));
    }
    // Ours, like what follows: "You can only specify one trigger configuration per source action."
    if let Some(name) = repeated(named()) {
        return Err(Invalid::structure(format!(
            "Only one trigger configuration can be specified per source action. The following source action has more than one: {name}"
        )));
    }
    for trigger in &structure.triggers {
        let git = &trigger.git_configuration;
        if git.push.iter().any(mixes_tags) {
            return Err(Invalid::structure(format!(
                "A push filter cannot have both tags and branches or file paths. The following source action has such a filter: {}",
                git.source_action_name
            )));
        }
    }
    Ok(())
}

/// A push is one of a tag or one of a branch.
fn mixes_tags(push: &GitPush) -> bool {
    push.tags.is_some() && (push.branches.is_some() || push.file_paths.is_some())
}
