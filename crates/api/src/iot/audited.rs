//! What requests about audits have in common: checks, resources, times, and which audits are shown.

use serde_json::Value;
use trackway_audit::audit::{Details, VIEW_DETAILS};
use trackway_audit::check::Check;
use trackway_audit::ids::AuditNumber;
use trackway_audit::limits::RETENTION_MS;
use trackway_audit::resource::Resource;
use trackway_core::{ExecutionId, Timestamp};
use trackway_engine::{Cursor, Fault};

use super::Iot;
use super::refusal::Refusal;
use crate::Caller;

/// Rows that one page looks at, those included that a filter leaves out. A page that comes to it is
/// short, and its token leads on: so no page takes long, however few rows a filter wants.
pub(super) const LOOKS_MAX: usize = 10_000;

/// The check of this name.
///
/// # Errors
/// There is none.
pub(super) fn check(name: &str) -> Result<Check, Refusal> {
    // The wording is ours.
    Check::named(name).ok_or_else(|| invalid(format!("Unknown audit check name: {name}")))
}

/// The resource that a `ResourceIdentifier` names.
///
/// # Errors
/// It names none, or several.
pub(super) fn resource(identifier: &Value) -> Result<Resource, Refusal> {
    let resource = Resource::from_identifier(identifier);
    let nothing = Resource::Issuer { subject: None, id: None, serial: None };
    // The wording is ours.
    resource.filter(|resource| *resource != nothing).ok_or_else(|| {
        invalid("The resource identifier must have exactly one member, and that must be complete")
    })
}

/// A moment of a request, in seconds, as one of ours.
#[expect(clippy::cast_possible_truncation, reason = "what is too large stays so")]
pub(super) fn moment(seconds: f64) -> Timestamp {
    Timestamp((seconds * 1000.0) as i64)
}

/// A period that has an order.
///
/// # Errors
/// It ends before it begins.
pub(super) fn period(start: f64, end: f64) -> Result<(Timestamp, Timestamp), Refusal> {
    if end < start {
        // The wording is ours.
        return Err(invalid("The end time must not be before the start time"));
    }
    Ok((moment(start), moment(end)))
}

/// The place in a list before all that began at this moment or earlier.
pub(super) fn up_to(end: Timestamp) -> Cursor {
    Cursor { started: end + 1, id: ExecutionId([0xff; 16]) }
}

/// The execution of an audit.
pub(super) fn execution_of(caller: &Caller, audit: AuditNumber) -> ExecutionId {
    ExecutionId::of(&audit.arn(&caller.account, &caller.region))
}

/// The refusal of a request that breaks a rule of the service.
pub(super) fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(super::Code::InvalidRequestException, message)
}

impl Iot {
    /// What began before this is not shown any more.
    pub(super) fn horizon(&self) -> Timestamp {
        self.engine.now() + -RETENTION_MS
    }

    /// An audit that is shown, and what is known of it.
    pub(super) async fn audit(
        &self,
        caller: &Caller,
        audit: AuditNumber,
    ) -> Result<Option<(ExecutionId, Details)>, Fault> {
        let id = execution_of(caller, audit);
        let Some(row) = self.engine.row(id, VIEW_DETAILS, Details::KEY).await? else {
            return Ok(None);
        };
        let details = Details::read(&row).ok_or_else(|| Fault::new("an audit's row is damaged"))?;
        Ok((details.started >= self.horizon()).then_some((id, details)))
    }
}
