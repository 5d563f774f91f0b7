//! Map states, INLINE.

use super::fields::{self, UNSUPPORTED_MODE};
use super::parse::{Building, read_level};
use super::reader::{Object, Reader, Shape};
use super::state::read_filter;
use super::{MachineType, Map, Number};

/// Reads a Map's own fields. `None` has been refused.
pub(super) fn read<'a>(
    reader: &mut Reader<'a>,
    building: &mut Building<'a>,
    object: &'a Object,
) -> Option<Map> {
    let field = reader.exactly_one(object, &["ItemProcessor", "Iterator"]);
    let items_path = read_filter(reader, object, "ItemsPath", Shape::Reference);
    let max_concurrency = read_max_concurrency(reader, object);
    let field = field?;
    let value = object.get(field)?;
    let processor = reader.field(field, |reader| {
        let processor = reader.object(value)?;
        reader.check_fields(processor, |name| fields::of_list(fields::PROCESSOR, name));
        if let Some(config) = processor.get("ProcessorConfig") {
            reader.field("ProcessorConfig", |reader| {
                let config = reader.object(config)?;
                read_config(reader, config);
                Some(())
            });
        }
        read_level(reader, building, processor, false)
    })?;
    Some(Map { processor, items_path, max_concurrency })
}

fn read_max_concurrency<'a>(reader: &mut Reader<'a>, object: &'a Object) -> Number {
    let path = match reader.at_most_one(object, &["MaxConcurrency", "MaxConcurrencyPath"]) {
        Some("MaxConcurrencyPath") => {
            reader.path(object, "MaxConcurrencyPath", Shape::InputReference)
        }
        _ => None,
    };
    match path {
        Some(path) => Number::Path(path),
        None => Number::Fixed(reader.integer(object, "MaxConcurrency", 0, i64::MAX).unwrap_or(0)),
    }
}

fn read_config<'a>(reader: &mut Reader<'a>, config: &'a Object) {
    let mode = reader.choice(config, "Mode", &["INLINE", "DISTRIBUTED"]);
    let distributed = mode == Some(UNSUPPORTED_MODE);
    for name in config.keys().filter(|name| *name != "Mode") {
        if !(distributed && name == "ExecutionType") {
            reader.schema(format!("Field '{name}' is not supported"));
        }
    }
    if !distributed {
        return;
    }
    if reader.machine == MachineType::Express {
        reader.schema(
            "The field 'Mode' with value 'DISTRIBUTED' is not supported inside 'EXPRESS' state \
             machines",
        );
    }
    reader.require(config, &["ExecutionType"]);
    reader.choice(config, "ExecutionType", &["STANDARD", "EXPRESS"]);
    reader.field("Mode", |reader| reader.unsupported("Mode DISTRIBUTED"));
}
