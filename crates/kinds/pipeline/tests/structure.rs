//! Structures against AWS's rules: each message from one that is valid but for one defect, and
//! random ones.

#![expect(clippy::unwrap_used, reason = "a test that can't go on is a test that fails")]

#[path = "structure/conditions.rs"]
mod conditions;
#[path = "structure/defects.rs"]
mod defects;
#[path = "structure/random.rs"]
mod random;
#[path = "structure/sound.rs"]
mod sound;
#[path = "structure/updates.rs"]
mod updates;

use serde_json::Value;
use trackway_pipeline::request::TypeId;
use trackway_pipeline::structure::{Context, Invalid, InvalidKind, Structure, check, read};
use trackway_pipeline::types::{ActionType, Counts, Property, find};

/// A custom type: one required property, by which workers may poll, and an optional number.
fn types(id: &TypeId) -> Option<ActionType> {
    if (&*id.owner, &*id.provider, &*id.version) != ("Custom", "Mine", "1") {
        return find(id);
    }
    let project = Property {
        name: "Project".to_owned(),
        required: true,
        queryable: true,
        ..Property::default()
    };
    let secret = Property { name: "Token".to_owned(), secret: true, ..Property::default() };
    Some(ActionType {
        id: id.clone(),
        action_configuration_properties: vec![project, secret],
        input_artifact_details: Counts { minimum_count: 0, maximum_count: 2 },
        output_artifact_details: Counts { minimum_count: 0, maximum_count: 1 },
        ..ActionType::default()
    })
}

/// The declaration as it is accepted.
fn accepted(declaration: &Value) -> Result<Structure, Invalid> {
    let mut structure = read(declaration.clone()).unwrap();
    let context = Context { region: "us-east-1", types: &types };
    check(&mut structure, None, context)?;
    Ok(structure)
}

/// Why a declaration is refused.
fn refused(declaration: &Value) -> (InvalidKind, String) {
    match accepted(declaration) {
        Ok(_) => panic!("it was accepted: {declaration}"),
        Err(why) => (why.kind, why.message),
    }
}
