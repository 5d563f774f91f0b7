//! Artifact stores: one, or one for each region that is acted in.

use std::collections::BTreeSet;

use super::{Invalid, Structure, actions, rules};

pub(super) fn check(structure: &Structure, region: &str) -> Result<(), Invalid> {
    let actions = actions(structure).filter_map(|(_, action)| action.region.as_deref());
    let rules = rules(structure).filter_map(|rule| rule.region.as_deref());
    let regions: BTreeSet<&str> = actions.chain(rules).chain([region]).collect();
    match (&structure.artifact_store, &structure.artifact_stores) {
        (Some(_), None) if regions.len() == 1 => Ok(()),
        (Some(_), None) => Err(Invalid::structure(
            "Your pipeline contains actions in more than one region. Use 'pipeline.artifactStores' instead of 'pipeline.artifactStore' to declare an artifact store, such as an artifact bucket, for each region where you have an action.",
        )),
        (None, Some(stores)) => {
            let missing: Vec<&str> =
                regions.into_iter().filter(|region| !stores.contains_key(*region)).collect();
            let (noun, verb) =
                if missing.len() == 1 { ("region", "is") } else { ("regions", "are") };
            if missing.is_empty() {
                return Ok(());
            }
            Err(Invalid::structure(format!(
                "Your pipeline must have an artifact store, such as an artifact bucket, for each region where you have an action. The following {noun} {verb} missing in 'pipeline.artifactStores': {}.",
                missing.join(", ")
            )))
        }
        // Ours, from the API reference.
        _ => Err(Invalid::structure(
            "You must include either artifactStore or artifactStores in your pipeline, but you cannot use both.",
        )),
    }
}
