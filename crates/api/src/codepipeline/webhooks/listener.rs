//! Where webhooks are triggered: `POST /trigger?t=TOKEN&v=1`.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use serde_json::{Value, json};
use trackway_core::Timestamp;
use trackway_engine::{Check, Edit, Engine, Fault};
use trackway_pipeline::signal::StartRun;

use super::{CodePipeline, Webhook, auth, filter, key};
use crate::codepipeline::executions::drawn;
use crate::codepipeline::refusal::Failure;
use crate::codepipeline::table;
use crate::{Caller, record, rows};

/// Where requests to webhooks go.
const PATH: &str = "/trigger";
/// What tokens of webhooks are sealed for.
const CONTEXT: &[u8] = b"webhook";

/// A webhook's token. One that is deleted and put again has another.
pub(super) fn seal(engine: &Engine, caller: &Caller, webhook: &Webhook) -> String {
    let place = format!("{}/{}", caller.scope, webhook.definition.name);
    let created = webhook.created.as_millis().to_be_bytes();
    let content = [&created, place.as_bytes()].concat();
    engine.tokens().seal(&content, CONTEXT, webhook.created)
}

/// Whose webhook a token is of, its name, and when it was put first.
fn unseal(engine: &Engine, token: &str) -> Option<(Caller, String, Timestamp)> {
    let content = engine.tokens().open(token, CONTEXT, engine.now(), i64::MAX).ok()?;
    let (created, place) = content.split_first_chunk::<8>()?;
    let mut parts = std::str::from_utf8(place).ok()?.splitn(3, '/');
    let (account, region, name) = (parts.next()?, parts.next()?, parts.next()?);
    let created = Timestamp(i64::from_be_bytes(*created));
    Some((Caller::new(account, region), name.to_owned(), created))
}

impl CodePipeline {
    /// Answers a request to a webhook; none if it is to something else.
    pub(crate) async fn answer_webhook(&self, request: &Request<Bytes>) -> Option<Response<Bytes>> {
        if request.uri().path() != PATH {
            return None;
        }
        if request.method() != Method::POST {
            return Some(respond(StatusCode::METHOD_NOT_ALLOWED, "use POST"));
        }
        Some(match self.deliver(request).await {
            Ok((status, message)) => respond(status, message),
            Err(fault) => {
                eprintln!("fault in a webhook: {fault}");
                respond(StatusCode::INTERNAL_SERVER_ERROR, "something is wrong here")
            }
        })
    }

    async fn deliver(&self, request: &Request<Bytes>) -> Result<(StatusCode, &'static str), Fault> {
        const UNKNOWN: (StatusCode, &str) = (StatusCode::NOT_FOUND, "no such webhook");
        let query = request.uri().query().unwrap_or_default();
        let token = query.split('&').find_map(|pair| pair.strip_prefix("t="));
        let Some((caller, name, created)) = token.and_then(|token| unseal(&self.engine, token))
        else {
            return Ok(UNKNOWN);
        };
        let webhook = match self.webhook_row(&caller, &name).await? {
            Some((_, webhook)) if webhook.created == created => webhook,
            _ => return Ok(UNKNOWN),
        };
        let peer = request.extensions().get::<SocketAddr>().map(SocketAddr::ip);
        if !auth::admits(&webhook.definition, peer, request) {
            return Ok((StatusCode::FORBIDDEN, "the webhook does not let this request in"));
        }
        let payload: Value = match serde_json::from_slice(request.body()) {
            Ok(payload) => payload,
            Err(_) => return Ok((StatusCode::BAD_REQUEST, "the body is not JSON")),
        };
        let started = self.trigger(&caller, &webhook, &payload).await;
        let error = match started {
            Ok(false) => {
                return Ok((StatusCode::OK, "a filter does not match; nothing was started"));
            }
            Ok(true) => None,
            Err(Failure::Refused(why)) => Some((why.code.name().to_owned(), why.text().to_owned())),
            Err(Failure::Fault(fault)) => return Err(fault),
        };
        let is_started = error.is_none();
        self.remember(&caller, &name, created, error).await?;
        Ok(match is_started {
            true => (StatusCode::OK, "the pipeline was started"),
            false => (StatusCode::CONFLICT, "the pipeline could not be started"),
        })
    }

    /// Starts the pipeline if the payload satisfies the filters, and says whether it does.
    async fn trigger(
        &self,
        caller: &Caller,
        webhook: &Webhook,
        payload: &Value,
    ) -> Result<bool, Failure> {
        let definition = &webhook.definition;
        let entity = self.entity(caller, &definition.target_pipeline).await?;
        let action = self.target(&entity, &definition.target_action).await?;
        let configuration = action.map(|action| action.configuration).unwrap_or_default();
        if !filter::fits(&definition.filters, payload, &configuration) {
            return Ok(false);
        }
        let run = StartRun {
            execution: drawn(entity.number)?,
            trigger_type: "Webhook".to_owned(),
            trigger_detail: webhook.arn(caller),
            ..StartRun::default()
        };
        self.begin(caller, &definition.target_pipeline, &entity, run).await?;
        Ok(true)
    }

    /// Keeps when the webhook was triggered last, and what went wrong then.
    async fn remember(
        &self,
        caller: &Caller,
        name: &str,
        created: Timestamp,
        error: Option<(String, String)>,
    ) -> Result<(), Fault> {
        loop {
            let Some((row, webhook)) = self.webhook_row(caller, name).await? else { return Ok(()) };
            if webhook.created != created {
                return Ok(());
            }
            let last_triggered = Some(self.engine.now());
            let webhook = Webhook { last_triggered, error: error.clone(), ..webhook };
            let check = Check::Equals { table: table::WEBHOOKS, key: key(name), value: row };
            let value = record::encode(&webhook)?.into();
            let edit = Edit::Put { table: table::WEBHOOKS, key: key(name), value };
            if rows::change(&self.engine, caller, &[check], &[edit]).await? {
                return Ok(());
            }
        }
    }
}

fn respond(status: StatusCode, message: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(json!({ "message": message }).to_string()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
