//! Secrets of configurations: known to the action, never shown.

use serde_json::Value;

use super::check::{Invalid, InvalidKind};
use super::{Action, Structure};

/// What is shown instead of a secret; in an update it stands for what was there.
pub(crate) const MASK: &str = "****";

impl Structure {
    /// The structure as it is shown: secrets are masked, and what is ours is left out.
    #[must_use]
    pub fn mask(&self) -> Self {
        let mut shown = self.clone();
        for action in shown.stages.iter_mut().flat_map(|stage| &mut stage.actions) {
            action.urls = None;
            for key in std::mem::take(&mut action.secret) {
                if let Some(value) = action.configuration.get_mut(&key) {
                    *value = Value::from(MASK);
                }
            }
        }
        shown
    }

    /// The action of this name in the stage of this name.
    fn declared(&self, stage: &str, name: &str) -> Option<&Action> {
        let stage = self.stages.iter().find(|known| known.name == stage)?;
        stage.actions.iter().find(|known| known.name == name)
    }
}

/// Puts the secrets that were there in the place of masks.
///
/// # Errors
/// A mask of a secret that was not there.
pub(super) fn unmask(
    action: &mut Action,
    stage: &str,
    before: Option<&Structure>,
) -> Result<(), Invalid> {
    let known = before.and_then(|before| before.declared(stage, &action.name));
    let known = known.filter(|known| known.action_type_id == action.action_type_id);
    for key in &action.secret {
        let Some(value) = action.configuration.get_mut(key) else { continue };
        if value != MASK {
            continue;
        }
        let Some(secret) = known.and_then(|known| known.configuration.get(key)) else {
            return Err(Invalid::new(
                InvalidKind::Action,
                format!(
                    "Action configuration for the new action '{}' contains an invalid configuration for the secret property '{key}'. '{MASK}' may be used in secret properties only when updating an existing action.",
                    action.name
                ),
            ));
        };
        *value = secret.clone();
    }
    Ok(())
}
