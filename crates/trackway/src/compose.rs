//! Wires the rooms: store, engine, kinds, performers, API.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use trackway_actions::artifact::Artifacts;
use trackway_actions::build::Builds;
use trackway_actions::source::look::Eye;
use trackway_actions::{ActionPerformer, Tools, retention};
use trackway_api::{Api, Credential, Local, codepipeline, iot, ssm, step_functions};
use trackway_asl::Execution;
use trackway_association::{Association, AssociationRun};
use trackway_audit::request::{MITIGATION_QUEUE, NOTIFY_QUEUE, SCAN_QUEUE, START_QUEUE};
use trackway_audit::{Audit, Mitigation, Schedule};
use trackway_command::CommandRun;
use trackway_engine::{Clock, Engine};
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
use trackway_registry::config::IotConfig;
use trackway_registry::notify::Notifier;
use trackway_registry::scan::Scans;
use trackway_registry::x509::WeakKeys;
use trackway_registry::{Mitigations, Registry};
use trackway_runbook::automation::Automation;
use trackway_store::{Embedded, Memory, OnLoss, Options, Store};

use crate::artifact_endpoint::ArtifactEndpoint;
use crate::command::serve;
use crate::config::Config;
use crate::local_services::{Instances, OwnServices, PipelineSources, Topics};
use crate::node::Hosted;

/// The name of Automation in logs and reports.
const AUTOMATION_NAME: &str = "automation";
/// The name of the Step Functions kind in logs and reports.
const KIND_NAME: &str = "stepfunctions";
/// The name of Run Command's kind.
const COMMAND_KIND_NAME: &str = "command";
pub(crate) const REGION_DEFAULT: &str = "us-east-1";
pub(crate) const ACCOUNT_DEFAULT: &str = "000000000000";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// For how long ended audits and mitigation tasks are kept.
const IOT_TASKS_KEPT: Duration =
    Duration::from_millis(trackway_audit::limits::RETENTION_MS.unsigned_abs());

/// Where executions are kept.
pub(crate) enum Storage {
    Memory,
    Embedded(PathBuf, OnLoss),
}

impl Storage {
    /// The same place, whatever folder the programs that are started here run in.
    fn absolute(self) -> Self {
        match self {
            Self::Memory => Self::Memory,
            Self::Embedded(folder, on_loss) => {
                Self::Embedded(std::path::absolute(&folder).unwrap_or(folder), on_loss)
            }
        }
    }
}

/// Everything that runs behind the listener.
pub(crate) struct Service {
    pub(crate) engine: Engine,
    functions: FunctionHost,
    pub(crate) api: Arc<Api>,
    /// The node within the server, if there is one.
    node: Option<Hosted>,
    /// What the actions of pipelines work with.
    tools: Arc<Tools>,
    /// A folder that goes with the process.
    passing: Option<PathBuf>,
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
        let storage = storage.absolute();
        let sandbox = sandbox(config, &storage)?;
        let scripts = scratch(&storage);
        let artifacts = artifacts(&storage);
        let passing = matches!(storage, Storage::Memory).then(|| scripts.clone());
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
        let own = Own::new(&caller, Scans::new(&evidence(config)?));
        let remote = RemoteLambda::configured(&caller);
        let tools = tools(config, (&scripts, artifacts), (&caller, &sandbox));
        let engine = own
            .perform(builder())
            .performer("action", Arc::new(ActionPerformer::new(Arc::clone(&tools))))
            .performer("lambda", Arc::new(Lambda::new(functions.clone(), remote, identity)))
            .performer("service", Arc::new(Unsupported))
            .performer("aws", Arc::new(AwsPerformer::new(caller.clone(), scope.clone())))
            .performer(
                "script",
                Arc::new(ScriptPerformer::new(sandbox.clone(), scripts.join("scripts"))),
            )
            .performer("webhook", Arc::new(webhooks(config, &caller, &scope)?))
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
                history: history(config),
                ..trackway_engine::Config::default()
            })
            .open(store)
            .await
            .map_err(|fault| format!("could not open the engine: {fault}"))?;
        let api = services(&engine, config)?;
        own.serve(&engine, &api);
        api.self_check().await.map_err(|why| format!("could not start: {why}"))?;
        let api = Arc::new(api);
        if let Some(keep) = history(config) {
            tokio::spawn(retention::sweep(Arc::downgrade(&tools), keep));
        }
        let node = Hosted::configured(config, &scripts, (&api, &scope), (sandbox, caller))?;
        Ok(Self { engine, functions, api, node, tools, passing })
    }

    /// Has the sources of pipelines watched until the engine stops.
    pub(crate) fn watch_sources(&self) {
        let eye = Eye::new(Arc::clone(&self.tools));
        let seconds = self.tools.pipeline.poll_seconds;
        let every = (seconds > 0.0).then(|| Duration::try_from_secs_f64(seconds).unwrap_or(DAY));
        tokio::spawn(self.api.watch_sources(Arc::new(PipelineSources(eye)), every));
    }

    /// Where the logs of pipelines' actions lie, each named by its action execution.
    pub(crate) fn logs(&self) -> PathBuf {
        self.tools.folder.join("logs")
    }

    /// The artifacts that lie here, as a small S3.
    pub(crate) fn artifact_endpoint(&self) -> ArtifactEndpoint {
        ArtifactEndpoint::new(Arc::clone(&self.api), self.tools.artifacts.clone())
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
        if let Some(folder) = self.passing {
            // It may not be there; what is left is the system's to clear.
            let _may_stay = tokio::fs::remove_dir_all(folder).await;
        }
    }
}

/// Performers that are our own services. The engine needs them before it is opened, they need the
/// services that stand on it: their work waits until [`Own::serve`].
struct Own {
    local: Local,
    nested: step_functions::Nested,
    commands: ssm::Commands,
    targets: ssm::Targets,
    children: ssm::Children,
    associations: ssm::Associations,
    audits: iot::AuditStarter,
    topics: Arc<Topics>,
    scans: Scans,
    mitigations: Mitigations,
}

impl Own {
    fn new(caller: &AwsCaller, scans: Scans) -> Self {
        let local = Local::default();
        caller.serve(Arc::new(OwnServices(local.clone())));
        let topics = Arc::new(Topics(caller.clone()));
        Self {
            local,
            nested: step_functions::Nested::default(),
            commands: ssm::Commands::default(),
            targets: ssm::Targets::default().among_instances(Instances::configured(caller)),
            children: ssm::Children::default(),
            associations: ssm::Associations::default(),
            audits: iot::AuditStarter::default(),
            scans,
            mitigations: Mitigations::new(topics.clone()),
            topics,
        }
    }

    fn perform(&self, builder: trackway_engine::Builder) -> trackway_engine::Builder {
        builder
            .performer("states", Arc::new(self.nested.clone()))
            .performer("answer", Arc::new(self.nested.clone()))
            .performer("command", Arc::new(self.commands.clone()))
            .performer("targets", Arc::new(self.targets.clone()))
            .performer("association", Arc::new(self.associations.clone()))
            .performer("automation", Arc::new(self.children.clone()))
            .performer(START_QUEUE, Arc::new(self.audits.clone()))
            .performer(MITIGATION_QUEUE, Arc::new(self.mitigations.clone()))
            .performer(NOTIFY_QUEUE, Arc::new(Notifier::new(self.topics.clone())))
            .performer("machine", Arc::new(self.children.clone()))
            .performer(SCAN_QUEUE, Arc::new(self.scans.clone()))
    }

    fn serve(self, engine: &Engine, api: &Api) {
        self.nested.serve(engine.clone());
        self.local.serve(api);
        self.commands.serve(api);
        self.targets.serve(api);
        api.on_node_event(self.associations.node_events());
        self.associations.serve(api);
        self.audits.serve(api);
        self.mitigations.serve(Registry::new(engine.clone()));
        self.children.serve(api);
        self.scans.serve(Registry::new(engine.clone()));
    }
}

/// Where scripts and commands have their files.
fn scratch(storage: &Storage) -> PathBuf {
    match storage {
        Storage::Memory => std::env::temp_dir().join(format!("trackway-{}", std::process::id())),
        Storage::Embedded(folder, _) => folder.join("sandbox"),
    }
}

/// Where pipelines' artifacts lie, those that are not in S3.
fn artifacts(storage: &Storage) -> PathBuf {
    match storage {
        Storage::Memory => scratch(storage).join("artifacts"),
        Storage::Embedded(folder, _) => folder.join("artifacts"),
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

/// The services, told of the configuration.
fn services(engine: &Engine, config: &Config) -> Result<Api, String> {
    let api = Api::new(engine.clone(), credentials(config));
    api.configure_pipelines(codepipeline::Settings {
        history: history(config),
        workers: config.pipeline.workers.clone(),
    });
    let weak = config.iot.weak_key_files.iter().map(|file| config.folder.join(file));
    api.configure_iot(WeakKeys::read(weak)?);
    Ok(api)
}

/// `[iot]`, with files that are found wherever the server runs.
///
/// # Errors
/// A revocation list can't be read.
fn evidence(config: &Config) -> Result<IotConfig, String> {
    let mut iot = config.iot.clone();
    for file in &mut iot.crl_files {
        *file = std::path::absolute(config.folder.join(&*file)).unwrap_or_default();
        std::fs::File::open(&*file)
            .map_err(|error| format!("could not read {} of crl_files: {error}", file.display()))?;
    }
    Ok(iot)
}

/// How much of their history pipelines keep; none for ever.
fn history(config: &Config) -> Option<Duration> {
    let days = u32::try_from(config.pipeline.history_days).unwrap_or(u32::MAX);
    (days > 0).then(|| DAY.saturating_mul(days))
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
fn tools(
    config: &Config,
    (scratch, artifacts): (&Path, PathBuf),
    (caller, sandbox): (&AwsCaller, &Sandbox),
) -> Arc<Tools> {
    let folder = scratch.join("pipelines");
    Arc::new(Tools {
        caller: caller.clone(),
        sandbox: sandbox.clone(),
        artifacts: Artifacts::new(artifacts, caller.clone(), config.pipeline.artifacts),
        pipeline: config.pipeline.clone(),
        codebuild: config.codebuild.clone(),
        builds: Builds::new(&config.codebuild, &folder),
        config_folder: config.folder.clone(),
        folder,
    })
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

/// The engine with every kind that it may meet in a store.
pub(crate) fn builder() -> trackway_engine::Builder {
    Engine::builder()
        .kind::<Execution>(step_functions::KIND, KIND_NAME)
        .kind::<CommandRun>(ssm::COMMAND_KIND, COMMAND_KIND_NAME)
        .kind::<Automation>(ssm::AUTOMATION_KIND, AUTOMATION_NAME)
        .kind::<Association>(ssm::ASSOCIATION_KIND, "association")
        .kind::<AssociationRun>(ssm::ASSOCIATION_RUN_KIND, "association run")
        .kind::<Pipeline>(codepipeline::KIND, "pipeline")
        .kind::<Audit>(trackway_audit::audit::KIND, "audit")
        .kind::<Mitigation>(trackway_audit::mitigation::KIND, "mitigation")
        .kind::<Schedule>(trackway_audit::schedule::KIND, "scheduled audit")
        .keep(trackway_audit::audit::KIND, IOT_TASKS_KEPT)
        .keep(trackway_audit::mitigation::KIND, IOT_TASKS_KEPT)
}
