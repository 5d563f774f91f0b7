//! The house: IoT on an engine in memory, whose time moves when a test says so.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use trackway_api::{Api, Local, LocalError};
use trackway_engine::{Builder, Clock, Engine};
use trackway_registry::record::{Certificate, CertificateId, CertificateStatus, X509};
use trackway_registry::{Registry, table};
use trackway_store::Memory;

/// The account that asks unless a test says otherwise.
pub(crate) const ACCOUNT: &str = "123456789012";
pub(crate) const REGION: &str = "us-west-2";

/// A minute, in milliseconds.
pub(crate) const MINUTES_MS: i64 = 60 * 1000;

pub(crate) struct House {
    pub(crate) engine: Engine,
    local: Local,
    /// Answers calls; `local` only refers to it.
    api: Arc<Api>,
}

impl House {
    /// The registry alone: no kinds, no performers.
    pub(crate) async fn open() -> Self {
        Self::open_with(|builder| builder).await
    }

    /// The registry with these things.
    pub(crate) async fn with_things(names: &[&str]) -> Self {
        let house = Self::open().await;
        for name in names {
            house.ask("CreateThing", json!({ "thingName": name })).await;
        }
        house
    }

    /// The registry with kinds, performers or another clock.
    pub(crate) async fn open_with(more: impl FnOnce(Builder) -> Builder) -> Self {
        let builder = more(Engine::builder().clock(Clock::Manual));
        let engine = builder.open(Arc::new(Memory::new())).await.unwrap();
        let api = Arc::new(Api::new(engine.clone(), BTreeMap::new()));
        let local = Local::default();
        local.serve(&api);
        Self { engine, local, api }
    }

    /// What performers that are our own services are served by.
    pub(crate) fn api(&self) -> &Api {
        &self.api
    }

    /// The time, in seconds.
    pub(crate) fn now_seconds(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of our era fit a double")]
        let now = self.engine.now().as_millis() as f64 / 1000.0;
        now
    }

    /// Calls an operation as this account.
    pub(crate) async fn call_as(
        &self,
        account: &str,
        operation: &str,
        input: &Value,
    ) -> Result<Value, LocalError> {
        self.local.call(("iot", operation), (account, REGION), input).await
    }

    pub(crate) async fn call(&self, operation: &str, input: &Value) -> Result<Value, LocalError> {
        self.call_as(ACCOUNT, operation, input).await
    }

    /// Asks for what is to succeed.
    pub(crate) async fn ask(&self, operation: &str, input: Value) -> Value {
        let answer = self.call(operation, &input).await;
        answer.unwrap_or_else(|error| panic!("{operation} {input}: {error:?}"))
    }

    /// Asks for what is to be refused; `CODE: MESSAGE`.
    pub(crate) async fn refused(&self, operation: &str, input: Value) -> String {
        match self.call(operation, &input).await {
            Ok(answer) => panic!("{operation} {input} was not refused: {answer}"),
            Err(error) => format!("{}: {}", error.code, error.message),
        }
    }

    /// Everything that a list has, page by page, with `maxResults` and `nextToken`. No page has more
    /// than it may have.
    pub(crate) async fn pages(&self, operation: &str, input: Value, member: &str) -> Vec<Value> {
        self.pages_named(operation, input, member, ("maxResults", "nextToken", "nextToken")).await
    }

    /// The same with the older names `pageSize`, `marker` and `nextMarker`.
    pub(crate) async fn marked(&self, operation: &str, input: Value, member: &str) -> Vec<Value> {
        self.pages_named(operation, input, member, ("pageSize", "marker", "nextMarker")).await
    }

    async fn pages_named(
        &self,
        operation: &str,
        mut input: Value,
        member: &str,
        (size, given, told): (&str, &str, &str),
    ) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let answer = self.ask(operation, input.clone()).await;
            let items = answer[member].as_array().unwrap();
            assert!(input[size].as_u64().is_none_or(|size| items.len() as u64 <= size), "{answer}");
            all.extend(items.clone());
            match answer.get(told) {
                Some(token) => input[given] = token.clone(),
                None => return all,
            }
        }
    }

    pub(crate) fn arn(resource: &str) -> String {
        format!("arn:aws:iot:{REGION}:{ACCOUNT}:{resource}")
    }

    /// Puts a certificate into the registry that says nothing; its ARN.
    pub(crate) async fn certificate(&self, number: u8) -> String {
        let registry = Registry::new(self.engine.clone());
        let (id, now) = (CertificateId([number; 32]), registry.now());
        let certificate = Certificate {
            status: CertificateStatus::Active,
            created: now,
            modified: now,
            version: 1,
            x509: X509 {
                not_before: now,
                not_after: now,
                subject: String::new(),
                issuer: String::new(),
                issuer_hash: [0; 16],
                serial: Vec::new(),
                weakness: None,
            },
            ca: None,
            sni_only: false,
            made_here: false,
            previous_owner: None,
            generation_id: String::new(),
            transfer: None,
        };
        let mut txn = registry.begin(&Arc::from(format!("{ACCOUNT}/{REGION}")));
        txn.put(table::CERTIFICATES, &id.0, &certificate).unwrap();
        assert!(txn.commit().await.unwrap());
        Self::arn(&format!("cert/{}", id.text()))
    }
}

/// The values of one member of each item.
pub(crate) fn each(items: &[Value], member: &str) -> Vec<Value> {
    items.iter().map(|item| item[member].clone()).collect()
}

/// A request of these members and those.
pub(crate) fn and(mut one: Value, other: Value) -> Value {
    for (name, value) in other.as_object().into_iter().flatten() {
        one[name] = value.clone();
    }
    one
}

#[tokio::test]
async fn an_operation_that_is_not_built_says_so() {
    let house = House::open().await;
    let input = json!({ "thingGroupName": "g", "queryString": "thingName:*" });
    let refused = house.refused("CreateDynamicThingGroup", input).await;
    assert!(refused.starts_with("NotImplemented: "), "{refused}");
}

/// Clients that have no other word for the first page send an empty token.
#[tokio::test]
async fn an_empty_token_asks_every_list_for_its_first_page() {
    let house = House::open().await;
    let newer = ["ListThings", "ListThingGroups", "ListScheduledAudits", "ListMitigationActions"];
    for operation in newer {
        house.ask(operation, json!({ "nextToken": "" })).await;
    }
    for operation in ["ListPolicies", "ListRoleAliases", "ListCertificates"] {
        house.ask(operation, json!({ "marker": "" })).await;
    }
}
