//! Suppressions of findings.
//!
//! A suppression that has expired is gone for every request; its rows are dropped by the changes
//! that come after.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use trackway_audit::check::Check;
use trackway_audit::resource::Resource;
use trackway_core::Timestamp;
use trackway_engine::Fault;
use trackway_registry::record::{self, Suppression};
use trackway_registry::table::{CLIENT_TOKENS, SUPPRESSIONS, SUPPRESSIONS_BY_END};
use trackway_registry::{Refusal as RegistryRefusal, Txn, text};

use super::audited::{self, LOOKS_MAX, invalid, moment};
use super::lists::Paging;
use super::refusal::{Failure, Refusal};
use super::{Answer, Code, Group, Iot, listed_only};
use crate::Caller;
use crate::answer::{Epoch, nothing, read, write};
use crate::page::Bound;

/// Expired suppressions that one change drops.
const DROPPED_AT_ONCE: usize = 16;
/// Rows of the index that are read at once.
const ROWS_AT_ONCE: usize = 256;
/// Bytes of a suppression's key: the check, and the resource's hash.
const KEY_LEN: usize = 17;
/// Bytes of an index key before the suppression's: the direction and the end.
const END_LEN: usize = 9;

/// The operations of this group that are built.
pub(super) const GROUP: Group = Group {
    operations: &[
        "CreateAuditSuppression",
        "DeleteAuditSuppression",
        "DescribeAuditSuppression",
        "ListAuditSuppressions",
        "UpdateAuditSuppression",
    ],
    call: |service, operation, caller, input| Box::pin(call(service, operation, caller, input)),
};

async fn call(service: &Iot, operation: &str, caller: &Caller, input: Value) -> Answer {
    match operation {
        "CreateAuditSuppression" => service.create_suppression(caller, read(input)?).await,
        "DeleteAuditSuppression" => service.delete_suppression(caller, read(input)?).await,
        "DescribeAuditSuppression" => service.describe_suppression(caller, read(input)?).await,
        "ListAuditSuppressions" => service.list_suppressions(caller, read(input)?).await,
        "UpdateAuditSuppression" => service.update_suppression(caller, read(input)?).await,
        other => Err(listed_only(other)),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    check_name: String,
    resource_identifier: Value,
    expiration_date: Option<f64>,
    suppress_indefinitely: Option<bool>,
    description: Option<String>,
    /// Of the creation only.
    #[serde(default)]
    client_request_token: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    check_name: String,
    resource_identifier: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct List {
    check_name: Option<String>,
    resource_identifier: Option<Value>,
    ascending_order: Option<bool>,
    #[serde(flatten)]
    paging: Paging,
}

/// A suppression as answers show it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    check_name: &'static str,
    resource_identifier: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_date: Option<Epoch>,
    suppress_indefinitely: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

impl From<Suppression> for Shown {
    fn from(suppression: Suppression) -> Self {
        Self {
            check_name: suppression.check.name(),
            resource_identifier: suppression.resource.to_identifier(),
            expiration_date: suppression.expires.map(Epoch),
            suppress_indefinitely: suppression.expires.is_none(),
            description: suppression.description,
        }
    }
}

impl Iot {
    async fn create_suppression(&self, caller: &Caller, request: Change) -> Answer {
        let (check, resource) = named(&request.check_name, &request.resource_identifier)?;
        loop {
            let mut txn = self.registry.begin(&caller.scope);
            let Some(expires) = end_of(txn.now(), &request)? else {
                // The wording is ours.
                let message = "Either an expiration date or suppressIndefinitely must be given";
                return Err(invalid(message).into());
            };
            let suppression = Suppression {
                check,
                resource: resource.clone(),
                expires: expires.at(),
                description: request.description.clone(),
                token: request.client_request_token.clone(),
            };
            create(&mut txn, &suppression).await?;
            if txn.commit().await? {
                return nothing();
            }
        }
    }

    async fn update_suppression(&self, caller: &Caller, request: Change) -> Answer {
        let (check, resource) = named(&request.check_name, &request.resource_identifier)?;
        let key = Suppression::key(check, &resource);
        loop {
            let mut txn = self.registry.begin(&caller.scope);
            let mut suppression = living(&mut txn, &key).await?.ok_or_else(not_found)?;
            let expires = match end_of(txn.now(), &request)? {
                Some(end) => end.at(),
                None if request.suppress_indefinitely == Some(false)
                    && suppression.expires.is_none() =>
                {
                    // The wording is ours.
                    let message = "A suppression that is not indefinite needs an expiration date";
                    return Err(invalid(message).into());
                }
                None => suppression.expires,
            };
            remove(&mut txn, &suppression);
            suppression.expires = expires;
            if request.description.is_some() {
                suppression.description.clone_from(&request.description);
            }
            put(&mut txn, &suppression)?;
            if txn.commit().await? {
                return nothing();
            }
        }
    }

    async fn describe_suppression(&self, caller: &Caller, request: Named) -> Answer {
        let (check, resource) = named(&request.check_name, &request.resource_identifier)?;
        let key = Suppression::key(check, &resource);
        let mut txn = self.registry.begin(&caller.scope);
        let suppression = living(&mut txn, &key).await?.ok_or_else(not_found)?;
        write(&Shown::from(suppression))
    }

    async fn delete_suppression(&self, caller: &Caller, request: Named) -> Answer {
        let (check, resource) = named(&request.check_name, &request.resource_identifier)?;
        let key = Suppression::key(check, &resource);
        loop {
            let mut txn = self.registry.begin(&caller.scope);
            let Some(suppression) = txn.get::<Suppression>(SUPPRESSIONS, &key).await? else {
                return nothing();
            };
            remove(&mut txn, &suppression);
            if txn.commit().await? {
                return nothing();
            }
        }
    }

    async fn list_suppressions(&self, caller: &Caller, request: List) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Listed {
            suppressions: Vec<Shown>,
            #[serde(skip_serializing_if = "Option::is_none")]
            next_token: Option<String>,
        }
        let check = request.check_name.as_deref().map(audited::check).transpose()?;
        let resource = request.resource_identifier.as_ref();
        let resource = resource.map(audited::resource).transpose()?;
        let wanted = Wanted {
            check: check.map(Check::number),
            resource: resource.as_ref().map(trackway_audit::audit::by_resource_prefix),
        };
        let is_rising = request.ascending_order.unwrap_or(true);
        let filter =
            format!("{check:?} {}", text::hex(wanted.resource.as_deref().unwrap_or_default()));
        let order = if is_rising { "ascending" } else { "descending" };
        let parts = ["ListAuditSuppressions", order, filter.as_str()];
        let bound = Bound { engine: &self.engine, caller, request: &parts };
        let after = request.paging.after(bound)?;
        let limit = request.paging.limit();
        let (suppressions, next) =
            self.suppressions_page(caller, (&wanted, is_rising), after, limit).await?;
        let suppressions = suppressions.into_iter().map(Shown::from).collect();
        write(&Listed { suppressions, next_token: next.map(|place| bound.seal(&place)) })
    }

    /// A page of the index, and where the next one goes on.
    async fn suppressions_page(
        &self,
        caller: &Caller,
        (wanted, is_rising): (&Wanted, bool),
        after: Option<Vec<u8>>,
        limit: usize,
    ) -> Result<(Vec<Suppression>, Option<Vec<u8>>), Fault> {
        let (catalog, scope) = (self.registry.catalog(), &caller.scope);
        let direction = [u8::from(!is_rising)];
        let now = self.registry.now();
        // What has expired comes first where the ends rise.
        let mut after = after.or_else(|| is_rising.then(|| index_key(now, &[0xff; KEY_LEN])));
        let mut found = Vec::new();
        let mut looks = 0;
        let mut shown = None;
        loop {
            let page = catalog
                .list(scope, SUPPRESSIONS_BY_END, &direction, after.as_deref(), ROWS_AT_ONCE)
                .await?;
            for (place, _) in &page.rows {
                looks += 1;
                after = Some(place.to_vec());
                let Some((end, key)) = read_index_key(place) else { continue };
                if end <= now {
                    return Ok((found, None));
                }
                if wanted.holds(&key) {
                    let Some(row) = catalog.get(scope, SUPPRESSIONS, &key).await? else { continue };
                    if found.len() == limit {
                        return Ok((found, shown));
                    }
                    found.push(record::decode(&row)?);
                    shown.clone_from(&after);
                }
            }
            if !page.more {
                return Ok((found, None));
            }
            if looks >= LOOKS_MAX {
                return Ok((found, after));
            }
        }
    }
}

/// What a list's filters leave.
struct Wanted {
    check: Option<u8>,
    resource: Option<Vec<u8>>,
}

impl Wanted {
    fn holds(&self, key: &[u8]) -> bool {
        self.check.is_none_or(|check| key.first() == Some(&check))
            && self.resource.as_ref().is_none_or(|resource| key.get(1..) == Some(resource))
    }
}

/// When a suppression is to end.
enum End {
    At(Timestamp),
    Never,
}

impl End {
    fn at(&self) -> Option<Timestamp> {
        match self {
            Self::At(at) => Some(*at),
            Self::Never => None,
        }
    }
}

/// The end that a request wants; none if it says nothing of it.
fn end_of(now: Timestamp, request: &Change) -> Result<Option<End>, Refusal> {
    // The wordings are ours.
    match (request.expiration_date, request.suppress_indefinitely) {
        (Some(_), Some(true)) => {
            Err(invalid("An expiration date can't be given for a suppression that is indefinite"))
        }
        (Some(date), _) if moment(date) <= now => {
            Err(invalid("The expiration date must be in the future"))
        }
        (Some(date), _) => Ok(Some(End::At(moment(date)))),
        (None, Some(true)) => Ok(Some(End::Never)),
        (None, _) => Ok(None),
    }
}

fn named(check: &str, resource: &Value) -> Result<(Check, Resource), Refusal> {
    Ok((audited::check(check)?, audited::resource(resource)?))
}

fn not_found() -> Refusal {
    // The wording is ours.
    Refusal::new(Code::ResourceNotFoundException, "There is no such audit suppression")
}

fn exists(message: &str) -> Failure {
    RegistryRefusal::new(Code::ResourceAlreadyExistsException, message).into()
}

async fn create(txn: &mut Txn, suppression: &Suppression) -> Result<(), Failure> {
    drop_expired(txn).await?;
    let key = Suppression::key(suppression.check, &suppression.resource);
    // The wordings are ours.
    if living(txn, &key).await?.is_some() {
        return Err(exists("An audit suppression for this check and resource already exists"));
    }
    let token = token_key(&suppression.token);
    if let Some(other) = txn.get_bytes(CLIENT_TOKENS, &token).await?
        && living(txn, &other).await?.is_some_and(|other| other.token == suppression.token)
    {
        return Err(exists("An audit suppression with this client request token already exists"));
    }
    if let Some(expired) = txn.get::<Suppression>(SUPPRESSIONS, &key).await? {
        remove(txn, &expired);
    }
    put(txn, suppression)?;
    Ok(())
}

/// A suppression that has not expired.
async fn living(txn: &mut Txn, key: &[u8]) -> Result<Option<Suppression>, Fault> {
    let now = txn.now();
    let suppression = txn.get::<Suppression>(SUPPRESSIONS, key).await?;
    Ok(suppression.filter(|suppression| suppression.expires.is_none_or(|end| end > now)))
}

/// Drops some of those that have expired.
async fn drop_expired(txn: &mut Txn) -> Result<(), Fault> {
    let now = txn.now();
    for place in txn.keys(SUPPRESSIONS_BY_END, &[0], None, DROPPED_AT_ONCE).await? {
        let place = [&[0], place.as_slice()].concat();
        let Some((_, key)) = read_index_key(&place).filter(|(end, _)| *end <= now) else { break };
        if let Some(expired) = txn.get::<Suppression>(SUPPRESSIONS, &key).await? {
            // It may have been given a later end since the index was read.
            if expired.expires.is_some_and(|end| end <= now) {
                remove(txn, &expired);
            }
        }
    }
    Ok(())
}

fn put(txn: &mut Txn, suppression: &Suppression) -> Result<(), Fault> {
    let key = Suppression::key(suppression.check, &suppression.resource);
    txn.put(SUPPRESSIONS, &key, suppression)?;
    for place in index_keys(suppression, &key) {
        txn.mark(SUPPRESSIONS_BY_END, &place);
    }
    txn.put_bytes(CLIENT_TOKENS, &token_key(&suppression.token), key);
    Ok(())
}

fn remove(txn: &mut Txn, suppression: &Suppression) {
    let key = Suppression::key(suppression.check, &suppression.resource);
    txn.delete(SUPPRESSIONS, &key);
    for place in index_keys(suppression, &key) {
        txn.delete(SUPPRESSIONS_BY_END, &place);
    }
    txn.delete(CLIENT_TOKENS, &token_key(&suppression.token));
}

fn token_key(token: &str) -> Vec<u8> {
    record::key(&["CreateAuditSuppression", token])
}

/// Where a suppression stands in the index, in both directions.
fn index_keys(suppression: &Suppression, key: &[u8]) -> [Vec<u8>; 2] {
    let rising = index_key(suppression.expires.unwrap_or(Timestamp(i64::MAX)), key);
    let falling = inverted(&rising);
    [rising, falling]
}

/// The place where ends rise. Ends are in the future of our era, so they are never negative.
fn index_key(end: Timestamp, key: &[u8]) -> Vec<u8> {
    let mut place = vec![0];
    place.extend_from_slice(&end.as_millis().to_be_bytes());
    place.extend_from_slice(key);
    place
}

/// The same place in the other direction.
fn inverted(place: &[u8]) -> Vec<u8> {
    let (direction, rest) = place.split_at(1);
    let direction = direction.iter().map(|direction| 1 - direction.min(&1));
    direction.chain(rest.iter().map(|byte| !byte)).collect()
}

/// When it ends, and the suppression's key.
fn read_index_key(place: &[u8]) -> Option<(Timestamp, Vec<u8>)> {
    let place = if place.first() == Some(&0) { place.to_vec() } else { inverted(place) };
    let end = place.get(1..END_LEN)?.try_into().ok()?;
    Some((Timestamp(i64::from_be_bytes(end)), place.get(END_LEN..)?.to_vec()))
}
