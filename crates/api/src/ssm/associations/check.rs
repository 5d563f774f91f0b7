//! What CreateAssociation and UpdateAssociation ask for: everything that must hold before the
//! machine gets it.

use serde_json::{Map, Value};
use trackway_association::schedule::rules;
use trackway_association::spec::{DocumentKind, Spec};
use trackway_runbook::document::{self, DocumentType};

use super::targets::normalized;
use super::{no_such_node, parameters};
use crate::Caller;
use crate::answer::read;
use crate::ssm::documents::Resolved;
use crate::ssm::refusal::{Code, Failure, Refusal, invalid};
use crate::ssm::{Ssm, locations, table};

/// Members that the legacy form can't be combined with. Source: `InstanceId` of CreateAssociation.
const NOT_WITH_INSTANCE_ID: [&str; 6] = [
    "AssociationName",
    "DocumentVersion",
    "MaxErrors",
    "MaxConcurrency",
    "OutputLocation",
    "ScheduleExpression",
];

/// What is to run, by the document's type; none if associations don't run it.
pub(super) fn kind_of(document_type: DocumentType) -> Option<DocumentKind> {
    match document_type {
        DocumentType::Command | DocumentType::Policy => Some(DocumentKind::Command),
        DocumentType::Automation => Some(DocumentKind::Automation),
        _ => None,
    }
}

impl Ssm {
    /// Reads and checks what an association is to say.
    pub(super) async fn checked_spec(
        &self,
        caller: &Caller,
        input: Value,
    ) -> Result<Spec, Failure> {
        let mut spec: Spec = read(input.clone())?;
        let version = input["DocumentVersion"].as_str();
        let document = self.resolve_document(caller, &spec.name, version).await?;
        let Some(kind) = kind_of(document.document_type) else {
            let what = document.document_type.as_str();
            let message = format!("Associations can't run documents of the type {what}.");
            return Err(Refusal::new(Code::InvalidDocument, message).into());
        };
        if version.is_none() {
            spec.document_version = "$DEFAULT".to_owned();
        }
        let content = document::read(document.content.text(), document.format).unwrap_or_default();
        if let Some(node) = spec.instance_id.clone() {
            self.check_legacy(caller, &input, (&node, &content)).await?;
            let platforms = document.parsed.facts().platform_types;
            self.check_platforms(caller, std::slice::from_ref(&node), &platforms).await?;
            spec.targets = vec![trackway_association::spec::Target {
                key: "InstanceIds".to_owned(),
                values: vec![node],
            }];
        }
        check_targets(&mut spec, kind)?;
        check_target_maps(&spec, kind)?;
        check_parameters(&spec, &content)?;
        check_rest(caller, &spec)?;
        for calendar in &spec.calendar_names {
            self.check_calendar(caller, calendar).await?;
        }
        Ok(spec)
    }

    async fn check_legacy(
        &self,
        caller: &Caller,
        input: &Value,
        (node, document): (&str, &Value),
    ) -> Result<(), Failure> {
        let given = NOT_WITH_INSTANCE_ID.iter().find(|name| input.get(**name).is_some());
        if let Some(name) = given {
            return Err(
                invalid(format!("{name} can't be used with InstanceId: use Targets.")).into()
            );
        }
        if input.get("Targets").is_some_and(|targets| targets.as_array() != Some(&Vec::new())) {
            let message = "Specify either InstanceId or Targets, not both.";
            return Err(Refusal::new(Code::InvalidTarget, message).into());
        }
        let schema = document["schemaVersion"].as_str().unwrap_or_default();
        if !schema.starts_with("1.") {
            let message = format!(
                "InstanceId can't be used with documents of the schema version {schema}: use Targets."
            );
            return Err(Refusal::new(Code::InvalidDocument, message).into());
        }
        self.check_node(caller, node).await
    }

    /// Refuses a node that is not registered.
    pub(super) async fn check_node(&self, caller: &Caller, node: &str) -> Result<(), Failure> {
        let row = self.row(caller, table::NODES, node.as_bytes()).await?;
        row.map(|_| ()).ok_or_else(|| no_such_node(node).into())
    }

    /// A Change Calendar document.
    pub(super) async fn calendar(&self, caller: &Caller, name: &str) -> Result<Resolved, Failure> {
        let document = self.resolve_document(caller, name, None).await?;
        if document.document_type != DocumentType::ChangeCalendar {
            let message = format!("The document {name} is not a Change Calendar.");
            return Err(Refusal::new(Code::InvalidDocumentType, message).into());
        }
        Ok(document)
    }
}

fn check_targets(spec: &mut Spec, kind: DocumentKind) -> Result<(), Refusal> {
    let is_automation = kind == DocumentKind::Automation;
    let targets = std::mem::take(&mut spec.targets).into_iter();
    spec.targets =
        targets.map(|target| normalized(target, is_automation)).collect::<Result<_, _>>()?;
    let refused = |message: &str| Err(Refusal::new(Code::InvalidTarget, message));
    let has_parameter = spec.automation_target_parameter_name.is_some();
    if !is_automation && spec.targets.is_empty() {
        return refused("Specify Targets, or InstanceId.");
    }
    if !is_automation && has_parameter {
        return refused("AutomationTargetParameterName is for Automation documents.");
    }
    if is_automation && has_parameter == spec.targets.is_empty() {
        return refused(
            "An Automation document takes Targets together with AutomationTargetParameterName.",
        );
    }
    Ok(())
}

fn check_target_maps(spec: &Spec, kind: DocumentKind) -> Result<(), Refusal> {
    if spec.target_maps.is_none() {
        return Ok(());
    }
    let refused = |message: &str| Err(Refusal::new(Code::InvalidTargetMaps, message));
    if kind != DocumentKind::Automation {
        return refused("TargetMap parameter isn't valid: it is for Automation documents.");
    }
    if !spec.targets.is_empty() {
        return refused("TargetMap parameter isn't valid: Targets are given too.");
    }
    Ok(())
}

fn check_parameters(spec: &Spec, document: &Value) -> Result<(), Refusal> {
    let none = Map::new();
    let declared = document["parameters"].as_object().unwrap_or(&none);
    let mut elsewhere: Vec<&str> =
        spec.automation_target_parameter_name.iter().map(String::as_str).collect();
    if let Some(name) = elsewhere.iter().find(|name| !declared.contains_key(**name)) {
        let message = format!("The document has no parameter {name} for the targets.");
        return Err(Refusal::new(Code::InvalidParameters, message));
    }
    let maps = spec.target_maps.as_ref().and_then(Value::as_array);
    let keys = maps.into_iter().flatten().filter_map(Value::as_object).flat_map(Map::keys);
    for key in keys {
        if !declared.contains_key(key) {
            let message = format!("TargetMap parameter isn't valid: the document has no {key}.");
            return Err(Refusal::new(Code::InvalidTargetMaps, message));
        }
        elsewhere.push(key);
    }
    parameters::check(declared, &spec.parameters, &elsewhere)
}

fn check_rest(caller: &Caller, spec: &Spec) -> Result<(), Refusal> {
    rules::check(spec.terms()).map_err(|problem| {
        let expression = spec.schedule_expression.as_deref().unwrap_or_default();
        let message = format!("The schedule {expression:?} is invalid: {problem}.");
        Refusal::new(Code::InvalidSchedule, message)
    })?;
    let location = spec.output_location.as_ref().and_then(|location| location.get("S3Location"));
    if location.is_some_and(|location| location.get("OutputS3BucketName").is_none()) {
        let message = "The output location is not valid: OutputS3BucketName is missing.";
        return Err(Refusal::new(Code::InvalidOutputLocation, message));
    }
    let locations = spec.target_locations.as_ref().and_then(Value::as_array);
    locations::check(caller, locations.map(Vec::as_slice).unwrap_or_default())
}
