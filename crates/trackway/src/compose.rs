//! Wires the rooms: store, engine, kinds, performers, API, gateway.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use serde_json::{Value, json};
use trackway_actions::artifact::Artifacts;
use trackway_actions::{ActionPerformer, Tools};
use trackway_api::{Api, Credential, Local, codepipeline, ssm, step_functions};
use trackway_asl::Execution;
use trackway_association::{Association, AssociationRun};
use trackway_command::CommandRun;
use trackway_engine::{Clock, Engine, RebuildReport, VerifyReport};
use trackway_performers::aws::{AwsCaller, AwsEnvironment, AwsPerformer, Limits, Scope};
use trackway_performers::function::{FunctionHost, Identity, stderr_sink};
use trackway_performers::hosted_lambda::HostedLambda;
use trackway_performers::plugin::Fetch;
use trackway_performers::remote_lambda::RemoteLambda;
use trackway_performers::sandbox::{self, Launcher, Sandbox};
use trackway_performers::script::ScriptPerformer;
use trackway_performers::task::{Lambda, Unsupported};
use trackway_performers::webhook::WebhookPerformer;
use trackway_pipeline::Pipeline;
use trackway_runbook::automation::Automation;
use trackway_store::{Embedded, Memory, OnLoss, Options, Store};

use crate::command::serve;
use crate::config::Config;
use crate::local_services::{Instances, OwnServices};
use crate::node::Hosted;
use crate::server::Handler;

/// The name of Automation in logs and reports.
const AUTOMATION_NAME: &str = "automation";
/// The name of the Step Functions kind in logs and reports.
const KIND_NAME: &str = "stepfunctions";
/// The name of Run Command's kind.
const COMMAND_KIND_NAME: &str = "command";
const REGION_DEFAULT: &str = "us-east-1";
const ACCOUNT_DEFAULT: &str = "000000000000";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Where executions are kept.
pub(crate) enum Storage {
    Memory,
    Embedded(PathBuf, OnLoss),
}

/// Everything that runs behind the listener.
pub(crate) struct Service {
    engine: Engine,
    functions: FunctionHost,
    api: Arc<Api>,
    /// The node within the server, if there is one.
    node: Option<Hosted>,
}

impl Service {
    /// Opens the store, brings back what was running, and is ready to answer.
    ///
    /// # Errors
    /// What could not be opened, and what to do.
    pub(crate) async fn open(
        config: &Config,
        storage: Storage,
        clock: serve::Clock,
        retention_days: Option<u32>,
    ) -> Result<Self, String> {
        let sandbox = sandbox(config, &storage)?;
        let scripts = scratch(&storage);
        let store = open_store(storage)?;
        let identity = Identity {
            region: std::env::var("AWS_REGION").unwrap_or_else(|_| REGION_DEFAULT.to_owned()),
            account: ACCOUNT_DEFAULT.to_owned(),
        };
        let functions =
            FunctionHost::start(config.functions.clone(), &config.folder, &identity, stderr_sink())
                .await
                .map_err(|problems| problems.to_string())?;
        let caller = AwsCaller::serving(
            AwsEnvironment::new(std::env::vars()),
            Limits::default(),
            Some(HostedLambda::new(functions.clone(), identity.clone())),
        );
        let scope = Scope { account: identity.account.clone(), region: identity.region.clone() };
        let local = Local::default();
        caller.serve(Arc::new(OwnServices(local.clone())));
        let remote = RemoteLambda::configured(&caller);
        let nested = step_functions::Nested::default();
        let commands = ssm::Commands::default();
        let targets = ssm::Targets::default().among_instances(Instances::configured(&caller));
        let children = ssm::Children::default();
        let associations = ssm::Associations::default();
        let tools = tools(config, &scripts, (&caller, &sandbox));
        let engine = builder()
            .performer("action", Arc::new(ActionPerformer::new(tools)))
            .performer("lambda", Arc::new(Lambda::new(functions.clone(), remote, identity)))
            .performer("states", Arc::new(nested.clone()))
            .performer("answer", Arc::new(nested.clone()))
            .performer("service", Arc::new(Unsupported))
            .performer("aws", Arc::new(AwsPerformer::new(caller.clone(), scope.clone())))
            .performer(
                "script",
                Arc::new(ScriptPerformer::new(sandbox.clone(), scripts.join("scripts"))),
            )
            .performer("webhook", Arc::new(webhooks(config, &caller, &scope)?))
            .performer("command", Arc::new(commands.clone()))
            .performer("targets", Arc::new(targets.clone()))
            .performer("association", Arc::new(associations.clone()))
            .performer("automation", Arc::new(children.clone()))
            .performer("machine", Arc::new(children.clone()))
            .polled("activity")
            .polled("node")
            .polled("job")
            .exists(step_functions::exists)
            .clock(match clock {
                serve::Clock::Real => Clock::Real,
                serve::Clock::Skip => Clock::Skip,
            })
            .config(trackway_engine::Config {
                retention: retention_days.map(|days| DAY * days),
                ..trackway_engine::Config::default()
            })
            .open(store)
            .await
            .map_err(|fault| format!("could not open the engine: {fault}"))?;
        nested.serve(engine.clone());
        let api = api(&engine, config);
        local.serve(&api);
        commands.serve(&api);
        targets.serve(&api);
        associations.serve(&api);
        api.on_node_event(associations.node_events());
        children.serve(&api);
        api.self_check().await.map_err(|why| format!("could not start: {why}"))?;
        let api = Arc::new(api);
        let node = Hosted::configured(config, &scripts, (&api, &scope), (sandbox, caller))?;
        Ok(Self { engine, functions, api, node })
    }

    /// Resolves when the engine has stopped by a fault, with what happened.
    pub(crate) fn stopped(&self) -> impl Future<Output = String> + Send + 'static {
        let engine = self.engine.clone();
        async move { engine.stopped().await.to_string() }
    }

    /// Ends turns and functions in flight.
    pub(crate) async fn shutdown(self) {
        if let Some(node) = self.node {
            node.stop().await;
        }
        self.functions.shutdown().await;
        self.engine.shutdown().await;
    }
}

/// Where scripts and commands have their files.
fn scratch(storage: &Storage) -> PathBuf {
    match storage {
        Storage::Memory => std::env::temp_dir().join(format!("trackway-{}", std::process::id())),
        Storage::Embedded(folder, _) => folder.join("sandbox"),
    }
}

fn open_store(storage: Storage) -> Result<Arc<dyn Store>, String> {
    Ok(match storage {
        Storage::Memory => Arc::new(Memory::new()),
        Storage::Embedded(folder, on_loss) => Arc::new(
            Embedded::open(&folder, Options { on_loss, ..Options::new() })
                .map_err(|fault| format!("could not open {}: {fault}", folder.display()))?,
        ),
    })
}

/// Who may call, by access key.
fn credentials(config: &Config) -> BTreeMap<String, Credential> {
    let credential = |(key, known): (&String, &crate::config::Credential)| {
        let (secret_key, account) = (known.secret_key.clone(), known.account.clone());
        (key.clone(), Credential { secret_key, account })
    };
    config.credentials.iter().map(credential).collect()
}

/// The sandbox that the configuration asks for. What is the server's own, or a secret, is not seen in it.
fn sandbox(config: &Config, storage: &Storage) -> Result<Sandbox, String> {
    let mut private = sandbox::usual_secrets(|name| std::env::var_os(name));
    let here = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    if let Storage::Embedded(folder, _) = storage {
        private.push(here(folder));
    }
    private.extend(config.file.as_deref().map(here));
    Sandbox::new(config.sandbox.clone(), &config.folder, &private, Launcher::this_program())
        .map_err(|problem| problem.to_string())
}

/// What the actions of pipelines work with.
fn tools(config: &Config, scratch: &Path, (caller, sandbox): (&AwsCaller, &Sandbox)) -> Arc<Tools> {
    let folder = scratch.join("pipelines");
    let artifacts = folder.join("artifacts");
    Arc::new(Tools {
        caller: caller.clone(),
        sandbox: sandbox.clone(),
        artifacts: Artifacts::new(artifacts, caller.clone(), config.pipeline.artifacts),
        pipeline: config.pipeline.clone(),
        codebuild: config.codebuild.clone(),
        config_folder: config.folder.clone(),
        folder,
    })
}

/// The services, told of the configuration.
fn api(engine: &Engine, config: &Config) -> Api {
    let api = Api::new(engine.clone(), credentials(config));
    api.configure_pipelines(pipelines(config));
    api
}

/// What CodePipeline is told of the configuration.
fn pipelines(config: &Config) -> codepipeline::Settings {
    let days = config.pipeline.history_days;
    codepipeline::Settings {
        history: (days > 0).then(|| DAY.saturating_mul(u32::try_from(days).unwrap_or(u32::MAX))),
        workers: config.pipeline.workers.clone(),
    }
}

/// Who calls webhooks; where they may go to is said as for downloads.
fn webhooks(
    config: &Config,
    caller: &AwsCaller,
    scope: &Scope,
) -> Result<WebhookPerformer, String> {
    let fetch = Fetch::new(config.sandbox.private_downloads).map_err(|error| error.to_string())?;
    Ok(WebhookPerformer::new(caller.clone(), fetch, scope.clone()))
}

fn builder() -> trackway_engine::Builder {
    Engine::builder()
        .kind::<Execution>(step_functions::KIND, KIND_NAME)
        .kind::<CommandRun>(ssm::COMMAND_KIND, COMMAND_KIND_NAME)
        .kind::<Automation>(ssm::AUTOMATION_KIND, AUTOMATION_NAME)
        .kind::<Association>(ssm::ASSOCIATION_KIND, "association")
        .kind::<AssociationRun>(ssm::ASSOCIATION_RUN_KIND, "association run")
        .kind::<Pipeline>(codepipeline::KIND, "pipeline")
}

/// What `trackway verify` found.
pub(crate) struct Verified {
    store: trackway_store::Report,
    engine: VerifyReport,
}

/// Opens a data directory that must be there already.
fn existing(folder: &Path) -> Result<Arc<dyn Store>, String> {
    // Opening a folder that is empty would make a store of it.
    if !folder.join(trackway_store::FORMAT_FILE).is_file() {
        return Err("there is no store in it; name the server's data directory".to_owned());
    }
    let store = Embedded::open(folder, Options::new()).map_err(|fault| fault.to_string())?;
    Ok(Arc::new(store))
}

/// Checks a data directory.
pub(crate) async fn verify(folder: &Path) -> Result<Verified, String> {
    let cannot = |why: String| format!("could not verify {}: {why}", folder.display());
    let store = existing(folder).map_err(cannot)?;
    let rows = store.verify().await.map_err(|fault| cannot(fault.to_string()))?;
    let engine = builder().verify(store).await.map_err(|fault| cannot(fault.to_string()))?;
    Ok(Verified { store: rows, engine })
}

/// Makes every view of a data directory anew.
pub(crate) async fn rebuild(folder: &Path) -> Result<RebuildReport, String> {
    let cannot = |why: String| format!("could not rebuild {}: {why}", folder.display());
    let store = existing(folder).map_err(cannot)?;
    builder().rebuild(store).await.map_err(|fault| cannot(fault.to_string()))
}

impl Verified {
    pub(crate) fn is_clean(&self) -> bool {
        self.store.problems.is_empty() && self.engine.problems.is_empty()
    }

    fn problems(&self) -> impl Iterator<Item = String> + '_ {
        let rows = self.store.problems.iter().map(ToString::to_string);
        rows.chain(self.engine.problems.iter().map(ToString::to_string))
    }

    /// What was checked, and how much of it there is.
    fn checked(&self) -> Vec<(&'static str, u64)> {
        let rows = self.store.families.values().map(|family| family.rows).sum();
        let engine = &self.engine;
        vec![
            ("rows, each with its checksum", rows),
            ("executions, each refolded from its journal", engine.executions),
            ("journal segments, each decoded", engine.segments),
            ("events, without a gap", engine.events),
            ("list rows, each equal to a refold", engine.list_rows),
            ("rows of views, each equal to a refold", engine.rows),
            ("timers, each of a running execution", engine.timers),
            ("effects, each of a running execution", engine.effects),
            ("letters, each to a running execution", engine.letters),
            ("letters to executions that have closed", engine.letters_stale),
            ("parked executions", engine.parked),
            ("definitions, each with its hash", engine.definitions),
        ]
    }

    pub(crate) fn as_text(&self) -> String {
        let line = |(what, count): &(&str, u64)| format!("{count:>10}  {what}");
        let mut lines: Vec<String> = self.checked().iter().map(line).collect();
        lines.extend(self.problems().map(|problem| format!("PROBLEM {problem}")));
        lines.push(if self.is_clean() { "clean".to_owned() } else { "NOT CLEAN".to_owned() });
        lines.join("\n") + "\n"
    }

    pub(crate) fn as_json(&self) -> Value {
        json!({
            "clean": self.is_clean(),
            "checked": self.checked().into_iter().collect::<BTreeMap<_, _>>(),
            "problems": self.problems().collect::<Vec<_>>(),
        })
    }
}

/// What every request meets first: our own calls, then the AWS APIs.
pub(crate) struct Gateway {
    api: Arc<Api>,
    engine: Engine,
    /// On loopback a request must name a loopback host: a page elsewhere can't reach us by a name
    /// that it made point here.
    local_names_only: bool,
}

impl Gateway {
    pub(crate) fn new(service: &Service, local_names_only: bool) -> Self {
        Self { api: Arc::clone(&service.api), engine: service.engine.clone(), local_names_only }
    }

    async fn own(&self, request: &Request<Bytes>) -> Option<Response<Bytes>> {
        let path = request.uri().path();
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        if is_read && (path == "/health" || path == "/") && !is_aws(request) {
            return Some(answer(StatusCode::OK, &health(&self.engine)));
        }
        if let Some(response) = self.api.answer_webhook(request).await {
            return Some(response);
        }
        let own = path.strip_prefix("/_trackway/")?;
        if request.method() != Method::POST {
            return Some(error(StatusCode::METHOD_NOT_ALLOWED, "use POST"));
        }
        if let Some(response) = self.api.answer_node(request).await {
            return Some(response);
        }
        if let Err(failure) = self.api.admit(request) {
            return Some(error(
                StatusCode::FORBIDDEN,
                failure.message.as_deref().unwrap_or("the request must be signed"),
            ));
        }
        Some(match own {
            "reset" => self.reset(request).await,
            "clock/advance" => self.advance(request.body()),
            _ => error(
                StatusCode::NOT_FOUND,
                "no such call; there are reset, clock/advance and those of nodes",
            ),
        })
    }

    /// Empties an account: the one in the body, or the default one.
    async fn reset(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let Some(Emptied { account, region }) = Emptied::read(request.body()) else {
            // A slip in the body must not empty another account than the one that was meant.
            let message = r#"give nothing, or {"account": "12 digits", "region": "us-east-1"}"#;
            return error(StatusCode::BAD_REQUEST, message);
        };
        match self.engine.reset(&format!("{account}/{region}")).await {
            Ok(_) => answer(StatusCode::OK, &json!({ "account": account, "region": region })),
            Err(fault) => error(StatusCode::INTERNAL_SERVER_ERROR, &fault.to_string()),
        }
    }

    fn advance(&self, body: &Bytes) -> Response<Bytes> {
        let body: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        match body["seconds"].as_f64() {
            Some(seconds) if (0.0..=3.2e9).contains(&seconds) => {
                #[expect(clippy::cast_possible_truncation, reason = "bounded above")]
                self.engine.advance((seconds * 1000.0) as i64);
                answer(StatusCode::OK, &json!({ "now": self.engine.now().as_millis() }))
            }
            _ => error(StatusCode::BAD_REQUEST, "give {\"seconds\": N}, N from 0 on"),
        }
    }

    fn is_foreign(&self, request: &Request<Bytes>) -> bool {
        let header = |name| {
            let value: &HeaderValue = request.headers().get(name)?;
            Some(value.to_str().unwrap_or("?"))
        };
        let host_is_local = header(header::HOST).is_none_or(is_local);
        let origin = header(header::ORIGIN);
        let origin_is_local = origin.is_none_or(|origin| {
            is_local(origin.split_once("://").map_or(origin, |(_, authority)| authority))
        });
        self.local_names_only && !(host_is_local && origin_is_local)
    }
}

impl Handler for Gateway {
    async fn answer(&self, request: Request<Bytes>) -> Response<Bytes> {
        if self.is_foreign(&request) {
            return error(
                StatusCode::FORBIDDEN,
                "the Host or Origin is not a name of this machine's loopback",
            );
        }
        match self.own(&request).await {
            Some(response) => response,
            None => self.api.answer(request).await,
        }
    }

    fn too_large(&self, head: &http::request::Parts) -> Response<Bytes> {
        self.api.too_large(head)
    }

    fn stopping(&self) {
        self.api.end_polls();
    }
}

/// What a reset empties.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Emptied {
    account: String,
    region: String,
}

impl Default for Emptied {
    fn default() -> Self {
        Self { account: ACCOUNT_DEFAULT.to_owned(), region: REGION_DEFAULT.to_owned() }
    }
}

impl Emptied {
    fn read(body: &[u8]) -> Option<Self> {
        if body.is_empty() {
            return Some(Self::default());
        }
        // A struct would be read from an array as well.
        let object: serde_json::Map<String, Value> = serde_json::from_slice(body).ok()?;
        serde_json::from_value(Value::Object(object)).ok()
    }
}

/// Whether an AWS client sent it: those sign, or say what they want in a header.
fn is_aws(request: &Request<Bytes>) -> bool {
    let headers = request.headers();
    headers.contains_key(header::AUTHORIZATION)
        || headers.contains_key("x-amz-target")
        || request.uri().query().is_some_and(|query| query.contains("Action="))
}

/// Whether an authority (`host[:port]`) names this machine's loopback.
fn is_local(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let host = host.strip_prefix("sync-").unwrap_or(host);
    let is_loopback = host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    is_loopback || host == "localhost" || host.ends_with(".localhost")
}

fn health(engine: &Engine) -> Value {
    json!({
        "status": "ok",
        "version": env!("CARGO_PKG_VERSION"),
        "services": ["stepfunctions", "ssm", "codepipeline", "sts"],
        "now": engine.now().as_millis(),
    })
}

fn error(status: StatusCode, message: &str) -> Response<Bytes> {
    answer(status, &json!({ "message": message }))
}

fn answer(status: StatusCode, body: &Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_names_are_local() {
        for local in [
            "localhost",
            "localhost:4580",
            "127.0.0.1:1",
            "127.9.9.9",
            "[::1]:80",
            "sync-127.0.0.1:4580",
            "api.localhost:4580",
        ] {
            assert!(is_local(local), "{local}");
        }
        for foreign in [
            "example.com",
            "localhost.example.com",
            "10.0.0.1",
            "[::2]",
            "",
            "127.0.0.1.example.com",
        ] {
            assert!(!is_local(foreign), "{foreign}");
        }
    }
}
