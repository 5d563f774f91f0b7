//! Task states.

use super::reader::{Object, Reader, Shape};
use super::state::SECONDS_MAX;
use super::{MachineType, Number, Pattern, Resource, Task, Template, resource};

/// Reads a Task's own fields. `None` has been refused.
pub(super) fn read<'a>(reader: &mut Reader<'a>, object: &'a Object) -> Option<Task> {
    reader.require(object, &["Resource"]);
    let timeout = read_seconds(reader, object, "TimeoutSeconds", "TimeoutSecondsPath");
    let heartbeat = read_seconds(reader, object, "HeartbeatSeconds", "HeartbeatSecondsPath");
    let resource = read_resource(reader, object);
    let credentials = read_credentials(reader, object, resource.as_ref());
    let resource = resource?;
    if let Resource::Service { arn, service, action, .. } = &resource {
        check_parameters(reader, object, arn, &mut resource::required_fields(service, action));
    }
    Some(Task { resource, timeout, heartbeat, credentials })
}

fn read_seconds<'a>(
    reader: &mut Reader<'a>,
    object: &'a Object,
    fixed: &'static str,
    path: &'static str,
) -> Option<Number> {
    let found = reader.at_most_one(object, &[fixed, path])?;
    if found == fixed {
        return reader.integer(object, fixed, 1, SECONDS_MAX).map(Number::Fixed);
    }
    reader.path(object, path, Shape::Reference).map(Number::Path)
}

fn read_resource<'a>(reader: &mut Reader<'a>, object: &'a Object) -> Option<Resource> {
    let text = reader.text(object, "Resource")?;
    reader.field("Resource", |reader| match resource::parse(text) {
        Ok(resource) => {
            check_express(reader, &resource);
            Some(resource)
        }
        Err(message) => {
            reader.schema(message);
            None
        }
    })
}

fn check_express(reader: &mut Reader<'_>, resource: &Resource) {
    if reader.machine != MachineType::Express {
        return;
    }
    let what = match resource {
        Resource::Activity { .. } => "Activity ARN",
        Resource::Service { pattern: Pattern::Sync | Pattern::Sync2, .. } => {
            "'.sync' service integration"
        }
        Resource::Service { pattern: Pattern::WaitForTaskToken, .. } => {
            "'.waitForTaskToken' service integration"
        }
        _ => return,
    };
    reader.schema(format!("Express state machine does not support {what}"));
}

fn read_credentials<'a>(
    reader: &mut Reader<'a>,
    object: &'a Object,
    resource: Option<&Resource>,
) -> Option<Template> {
    let value = object.get("Credentials")?;
    reader.field("Credentials", |reader| {
        if matches!(resource, Some(Resource::Activity { .. })) {
            reader.schema("The field 'Credentials' is not supported for activities");
        }
        let fields = reader.object(value)?;
        if !has(fields, "RoleArn") {
            reader.schema("The field 'RoleArn' is required but was missing");
        }
        Some(())
    })?;
    reader.template(object, "Credentials")
}

/// The request that a service integration is called with.
fn check_parameters<'a>(
    reader: &mut Reader<'a>,
    object: &'a Object,
    arn: &str,
    required: &mut dyn Iterator<Item = &'static str>,
) {
    let name = if reader.jsonata { "Arguments" } else { "Parameters" };
    let Some(value) = object.get(name) else {
        reader.schema(format!("{name} field is required for resource ARN: {arn}"));
        return;
    };
    if reader.jsonata && !value.is_object() {
        return;
    }
    reader.field(name, |reader| {
        let Some(fields) = reader.object(value) else { return };
        for field in required {
            if !has(fields, field) {
                reader.schema(format!("The field '{field}' is required but was missing"));
            }
        }
    });
}

/// Whether a template has the field, written down or looked up.
fn has(fields: &Object, name: &str) -> bool {
    fields.contains_key(name) || fields.contains_key(&format!("{name}.$"))
}
