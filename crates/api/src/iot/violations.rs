//! Violations of security profiles.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use trackway_core::Timestamp;
use trackway_engine::Fault;
use trackway_registry::security_profiles::behaviors::CriteriaType;
use trackway_registry::violations::lists::{self, Filter};
use trackway_registry::violations::{EventKind, Verification, Violation};
use trackway_registry::{security_profiles, violations};

use super::audited::period;
use super::lists::Paging;
use super::{Answer, Group, Iot, listed_only};
use crate::Caller;
use crate::answer::{Epoch, nothing, read, write};
use crate::page::Bound;

/// The operations of this group that are built.
pub(super) const GROUP: Group = Group {
    operations: &["ListActiveViolations", "ListViolationEvents", "PutVerificationStateOnViolation"],
    call: |service, operation, caller, input| Box::pin(call(service, operation, caller, input)),
};

async fn call(service: &Iot, operation: &str, caller: &Caller, input: Value) -> Answer {
    match operation {
        "ListActiveViolations" => service.list_active_violations(caller, read(input)?).await,
        "ListViolationEvents" => service.list_violation_events(caller, read(input)?).await,
        "PutVerificationStateOnViolation" => service.verify_violation(caller, read(input)?).await,
        other => Err(listed_only(other)),
    }
}

/// What both lists can be asked for.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    thing_name: Option<String>,
    security_profile_name: Option<String>,
    behavior_criteria_type: Option<CriteriaType>,
    list_suppressed_alerts: Option<bool>,
    verification_state: Option<Verification>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListActive {
    #[serde(flatten)]
    wanted: Wanted,
    #[serde(flatten)]
    paging: Paging,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListEvents {
    start_time: f64,
    end_time: f64,
    #[serde(flatten)]
    wanted: Wanted,
    #[serde(flatten)]
    paging: Paging,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Verify {
    violation_id: String,
    verification_state: Verification,
    verification_state_description: Option<String>,
}

impl Wanted {
    /// What a token is bound to.
    fn text(&self) -> Result<String, Fault> {
        serde_json::to_string(self)
            .map_err(|error| Fault::new(format!("could not write a filter: {error}")))
    }

    fn filter(self) -> Filter {
        Filter {
            thing: self.thing_name,
            profile: self.security_profile_name,
            criteria: self.behavior_criteria_type,
            suppressed: self.list_suppressed_alerts,
            verification: self.verification_state,
        }
    }
}

/// What `ActiveViolation` and `ViolationEvent` have in common.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    violation_id: String,
    thing_name: String,
    security_profile_name: String,
    behavior: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    violation_event_additional_info: Option<AdditionalInfo>,
    verification_state: Verification,
    #[serde(skip_serializing_if = "Option::is_none")]
    verification_state_description: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AdditionalInfo {
    confidence_level: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Active {
    #[serde(flatten)]
    shown: Shown,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_violation_value: Option<Value>,
    last_violation_time: Epoch,
    violation_start_time: Epoch,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    #[serde(flatten)]
    shown: Shown,
    #[serde(skip_serializing_if = "Option::is_none")]
    metric_value: Option<Value>,
    violation_event_type: EventKind,
    violation_event_time: Epoch,
}

impl Shown {
    fn new(id: String, violation: Violation, confidence: Option<String>) -> Result<Self, Fault> {
        Ok(Self {
            violation_id: id,
            thing_name: violation.thing,
            security_profile_name: violation.profile,
            behavior: json(&violation.behavior_text)?,
            violation_event_additional_info: confidence
                .map(|confidence_level| AdditionalInfo { confidence_level }),
            verification_state: violation.verification,
            verification_state_description: violation.verification_description,
        })
    }
}

impl Iot {
    async fn list_active_violations(&self, caller: &Caller, request: ListActive) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Listed {
            active_violations: Vec<Active>,
            #[serde(skip_serializing_if = "Option::is_none")]
            next_token: Option<String>,
        }
        let ListActive { wanted, paging } = request;
        if let Some(profile) = &wanted.security_profile_name {
            security_profiles::get(&mut self.registry.begin(&caller.scope), profile).await?;
        }
        let wanted_text = wanted.text()?;
        let asked = ["ListActiveViolations", &wanted_text];
        let bound = Bound { engine: &self.engine, caller, request: &asked };
        let (before, limit) = (paging.after(bound)?, paging.limit());
        let (registry, scope) = (&self.registry, &caller.scope);
        let page = lists::active(registry, scope, &wanted.filter(), before, limit).await?;
        let mut active_violations = Vec::with_capacity(page.items.len());
        for (id, violation) in page.items {
            active_violations.push(Active {
                last_violation_value: violation.value.as_deref().map(json).transpose()?,
                last_violation_time: Epoch(violation.last),
                violation_start_time: Epoch(violation.started),
                shown: Shown::new(id, violation.clone(), violation.confidence)?,
            });
        }
        write(&Listed { active_violations, next_token: page.next.map(|next| bound.seal(&next)) })
    }

    async fn list_violation_events(&self, caller: &Caller, request: ListEvents) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Listed {
            violation_events: Vec<Event>,
            #[serde(skip_serializing_if = "Option::is_none")]
            next_token: Option<String>,
        }
        let ListEvents { start_time, end_time, wanted, paging } = request;
        let (start, end) = period(start_time, end_time)?;
        let times = [start, end].map(|Timestamp(at)| at.to_string());
        let wanted_text = wanted.text()?;
        let asked = ["ListViolationEvents", &wanted_text, &times[0], &times[1]];
        let bound = Bound { engine: &self.engine, caller, request: &asked };
        let page = (paging.after(bound)?, paging.limit());
        let (registry, scope) = (&self.registry, &caller.scope);
        let page = lists::events(registry, scope, (start, end), &wanted.filter(), page).await?;
        let mut violation_events = Vec::with_capacity(page.items.len());
        for event in page.items {
            let lists::Event { id, kind, at, measured, violation } = event;
            violation_events.push(Event {
                shown: Shown::new(id, violation, measured.confidence)?,
                metric_value: measured.value.as_deref().map(json).transpose()?,
                violation_event_type: kind,
                violation_event_time: Epoch(at),
            });
        }
        write(&Listed { violation_events, next_token: page.next.map(|next| bound.seal(&next)) })
    }

    async fn verify_violation(&self, caller: &Caller, request: Verify) -> Answer {
        let Verify { violation_id, verification_state, verification_state_description } = &request;
        self.change(caller, |mut txn| async move {
            let description = verification_state_description.clone();
            violations::verify(&mut txn, violation_id, *verification_state, description).await?;
            Ok((txn, ()))
        })
        .await?;
        nothing()
    }
}

fn json(text: &str) -> Result<Value, Fault> {
    serde_json::from_str(text)
        .map_err(|error| Fault::new(format!("could not read what a violation says: {error}")))
}
