//! Parallel states.

use super::StateKind;
use super::diagnostics::Step;
use super::fields;
use super::parse::{Building, read_level};
use super::reader::{Object, Reader};

/// Reads a Parallel's own fields. `None` has been refused.
pub(super) fn read<'a>(
    reader: &mut Reader<'a>,
    building: &mut Building<'a>,
    object: &'a Object,
) -> Option<StateKind> {
    reader.require(object, &["Branches"]);
    let list = reader.list(object, "Branches")?;
    if list.is_empty() {
        reader.field("Branches", |reader| reader.schema("Value cannot be empty"));
    }
    let mut branches = Vec::new();
    for (index, value) in list.iter().enumerate() {
        let branch = reader.field("Branches", |reader| {
            reader.within(Step::Index(index), |reader| {
                let branch = reader.object(value)?;
                reader.check_fields(branch, |name| fields::of_list(fields::BRANCH, name));
                read_level(reader, building, branch, false)
            })
        });
        branches.extend(branch);
    }
    (branches.len() == list.len()).then_some(StateKind::Parallel { branches })
}
