//! From text to [`Definition`]: the machine and its levels.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::diagnostics::{Code, Diagnostic, Step};
use super::fields::{self, UNSUPPORTED_LANGUAGE};
use super::graph::{Edge, Level};
use super::reader::{Object, Reader};
use super::{Definition, Graph, MachineType, State, StateId, state};
use crate::json;

/// AWS's limit of a definition's length, in bytes.
pub const DEFINITION_BYTES_MAX: usize = 1_048_576;

/// AWS's limit of a state name's length, in characters.
pub const STATE_NAME_CHARS_MAX: usize = 80;

/// Reads a definition.
///
/// # Errors
/// Everything that is wrong with it, as ValidateStateMachineDefinition lists it;
/// [`super::to_aws_message`] makes CreateStateMachine's text of it.
pub fn parse(text: &str, machine: MachineType) -> Result<Definition, Vec<Diagnostic>> {
    let root = read_json(text).map_err(|problem| vec![problem])?;
    let mut reader = Reader::new(machine);
    let mut building = Building::default();
    let parts = read_machine(&mut reader, &mut building, &root);
    let found = reader.finish();
    if !found.is_empty() {
        return Err(found);
    }
    let states: Option<Vec<State>> = building.states.into_iter().collect();
    match (parts, states) {
        (Some((root, timeout_seconds)), Some(states)) => {
            Ok(Definition { root, states, timeout_seconds })
        }
        // Reading fails only with a diagnostic; were one forgotten, the definition is still refused.
        _ => Err(vec![Diagnostic::error(
            Code::SchemaValidationFailed,
            "The definition could not be read",
            Some("/".to_owned()),
        )]),
    }
}

fn read_json(text: &str) -> Result<Value, Diagnostic> {
    if text.trim().is_empty() {
        return Err(Diagnostic::error(Code::MissingDescription, "Missing description", None));
    }
    if text.len() > DEFINITION_BYTES_MAX {
        let message = format!("The definition is longer than {DEFINITION_BYTES_MAX} bytes");
        return Err(Diagnostic::error(Code::InvalidJsonDescription, message, None));
    }
    json::read(text).map_err(|error| {
        let place = error.place();
        let message = format!("{}\n at {place}", error.message);
        Diagnostic::error(Code::InvalidJsonDescription, message, Some(place))
    })
}

/// The states read so far, of all levels.
#[derive(Default)]
pub(super) struct Building<'a> {
    /// A state is `None` until it is read, and stays so when it is wrong.
    pub(super) states: Vec<Option<State>>,
    /// The names of all levels.
    names: BTreeSet<&'a str>,
    /// Transitions of the level being read, by the state that makes them.
    pub(super) edges: Vec<Edge<'a>>,
}

fn read_machine<'a>(
    reader: &mut Reader<'a>,
    building: &mut Building<'a>,
    root: &'a Value,
) -> Option<(Graph, Option<u64>)> {
    let object = reader.object(root)?;
    reader.jsonata_machine = read_language(reader, object);
    reader.jsonata = reader.jsonata_machine;
    reader.check_fields(object, |name| fields::of_list(fields::MACHINE, name));
    reader.choice(object, "Version", &["1.0"]);
    let timeout = reader.integer(object, "TimeoutSeconds", 0, 99_999_999);
    let graph = read_level(reader, building, object, true)?;
    // A machine's timeout of 0 is accepted and is none.
    let timeout = timeout.and_then(|seconds| u64::try_from(seconds).ok()).filter(|s| *s > 0);
    Some((graph, timeout))
}

/// Reads `QueryLanguage` of a machine or a state; whether it is JSONata.
pub(super) fn read_language<'a>(reader: &mut Reader<'a>, object: &'a Object) -> bool {
    let language = reader.choice(object, "QueryLanguage", &["JSONPath", "JSONata"]);
    let jsonata = language == Some(UNSUPPORTED_LANGUAGE);
    if jsonata {
        reader.field("QueryLanguage", |reader| reader.unsupported("QueryLanguage JSONata"));
    }
    jsonata
}

/// Reads `StartAt` and `States`: the machine, a branch, a processor.
pub(super) fn read_level<'a>(
    reader: &mut Reader<'a>,
    building: &mut Building<'a>,
    object: &'a Object,
    top: bool,
) -> Option<Graph> {
    reader.require(object, &["StartAt", "States"]);
    let start_at = reader.text(object, "StartAt");
    let states = object.get("States")?;
    let states = reader.field("States", |reader| reader.object(states))?;
    if states.is_empty() {
        reader.field("States", |reader| reader.schema("Value cannot be empty"));
        return None;
    }
    let outer = std::mem::take(&mut building.edges);
    let mut ids = BTreeMap::new();
    for (name, value) in states {
        reader.field("States", |reader| {
            reader.field(name, |reader| {
                let id = read_named(reader, building, name, value, states)?;
                ids.insert(name.as_str(), id);
                Some(())
            })
        });
    }
    let edges = std::mem::replace(&mut building.edges, outer);
    let start_at = start_at?;
    Level { states, ids: &ids, edges: &edges, start_at, top }.check(reader);
    for edge in &edges {
        edge.resolve(&ids, &mut building.states);
    }
    Some(Graph { start_at: *ids.get(start_at)? })
}

fn read_named<'a>(
    reader: &mut Reader<'a>,
    building: &mut Building<'a>,
    name: &'a str,
    value: &'a Value,
    level: &'a Object,
) -> Option<StateId> {
    if name.chars().count() > STATE_NAME_CHARS_MAX {
        let message = format!(
            "Invalid State name: State '{name}' exceeds the {STATE_NAME_CHARS_MAX}-character limit \
             allowed by the service"
        );
        reader.refuse(Code::InvalidStateName, message);
    }
    if !building.names.insert(name) {
        reader.refuse(Code::DuplicateStateName, format!("Duplicate State name: {name}"));
    }
    let Ok(id) = u16::try_from(building.states.len()).map(StateId) else {
        reader.schema("The definition has too many states");
        return None;
    };
    building.states.push(None);
    let state = state::read(reader, building, state::Place { id, name, level }, value);
    building.states[usize::from(id.0)] = state;
    Some(id)
}

/// Reads a text as a level's transition, remembering it; the id is filled in later.
pub(super) fn read_target<'a>(
    reader: &mut Reader<'a>,
    building: &mut Building<'a>,
    object: &'a Object,
    field: &'a str,
    edge: impl FnOnce(&'a str) -> Edge<'a>,
    level: &Object,
) {
    let Some(target) = reader.text(object, field) else { return };
    if !level.contains_key(target) {
        let message = format!("Missing 'Next' target: {target}");
        reader.within(Step::Name(field), |reader| {
            reader.refuse_graph(Code::MissingTransitionTarget, message);
        });
        return;
    }
    building.edges.push(edge(target));
}
