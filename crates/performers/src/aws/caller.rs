//! The caller: finds who answers a call, and asks.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use serde_json::{Value, json};
use tokio::sync::SetOnce;
use trackway_wire::client::{self, Endpoint, boto, override_names};
use trackway_wire::model::{self, Operation, Service};
use trackway_wire::sigv4::Credentials;

use super::role::{self, Roles, Temporary};
use super::send::{Sender, Sending};
use super::{AwsCall, AwsEnvironment, AwsError, Chain, LocalServices, Origin, Role, local};
use crate::hosted_lambda::{HostedInvocation, HostedLambda};

/// The error of a call that can go nowhere.
const NO_CREDENTIALS: &str = "NoCredentialsError";

/// How often, how long and how much.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Attempts at one call; the first one counts.
    pub attempts: u32,
    /// How long to wait for the head of an answer, and then for each part of its body. Long polls
    /// last up to a minute. An invocation of a function may take 15 minutes whatever this says.
    pub read: Duration,
    /// The longest pause before the second attempt; the one before the third is twice as long.
    pub backoff: Duration,
    /// The largest answer that is read.
    pub bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            attempts: 3,
            read: Duration::from_secs(70),
            backoff: Duration::from_secs(1),
            bytes_max: 8 * 1024 * 1024,
        }
    }
}

/// Calls AWS operations. Clones share connections and credentials.
#[derive(Clone)]
pub struct AwsCaller(Arc<Inner>);

struct Inner {
    environment: AwsEnvironment,
    functions: Option<HostedLambda>,
    local: Option<SetOnce<Arc<dyn LocalServices>>>,
    sender: Sender,
    roles: Roles,
}

/// A call that was understood.
struct Understood<'a> {
    call: &'a AwsCall,
    service: &'static Service,
    operation: &'static Operation,
    checked: boto::Checked,
    region: String,
}

impl AwsCaller {
    /// A caller with this environment and no services of its own.
    #[must_use]
    pub fn new(environment: AwsEnvironment, limits: Limits) -> Self {
        Self::with(environment, limits, None, false)
    }

    /// A caller that also runs `functions`, and asks the services of this process first. Those come
    /// with [`Self::serve`], until which calls wait.
    #[must_use]
    pub fn serving(
        environment: AwsEnvironment,
        limits: Limits,
        functions: Option<HostedLambda>,
    ) -> Self {
        Self::with(environment, limits, functions, true)
    }

    fn with(
        environment: AwsEnvironment,
        limits: Limits,
        functions: Option<HostedLambda>,
        serves: bool,
    ) -> Self {
        let local = serves.then(SetOnce::new);
        let sender = Sender::new(limits);
        Self(Arc::new(Inner { environment, functions, local, sender, roles: Roles::default() }))
    }

    /// From now on calls to these services stay in the process. Without effect on a caller that is
    /// not [`Self::serving`], or a second time.
    pub fn serve(&self, services: Arc<dyn LocalServices>) {
        if let Some(local) = &self.0.local {
            // Set once by the composition root; more services would be a mistake of ours.
            let _was_set = local.set(services);
        }
    }

    /// Whether the environment names an endpoint for a service, by any of its names.
    #[must_use]
    pub fn has_endpoint(&self, service: &str) -> bool {
        model::service_by_any_name(service)
            .is_some_and(|service| self.0.configured(service).is_some())
    }

    /// Calls an operation: its output as boto3 returns it, without `ResponseMetadata`.
    ///
    /// # Errors
    /// The call is none, nobody can be asked, no answer came, or the service refused.
    pub async fn call(&self, call: &AwsCall) -> Result<Value, AwsError> {
        let result = match Understood::of(call, &self.0.environment) {
            Ok(understood) => {
                let output = self.0.answer(&understood).await;
                output.map(|output| {
                    let Understood { service, operation, checked, .. } = &understood;
                    boto::output(service, operation, checked, output, call.blobs_out)
                })
            }
            Err(error) => Err(error),
        };
        result.map_err(|mut error| {
            if error.service.is_empty() {
                error = error.of(&call.service, &call.operation);
            }
            error
        })
    }

    /// Sends a call over HTTP once, past the services of this process, and gives the answer as it
    /// came, whatever its status. Blobs of the input are base64.
    ///
    /// # Errors
    /// As for [`Self::call`], but a refusal of the service is none.
    pub async fn exchange(&self, call: &AwsCall) -> Result<Response<Bytes>, AwsError> {
        let understood = Understood::of(call, &self.0.environment)?;
        let (endpoint, credentials) = self.0.way(&understood).await?;
        let sending = understood.sending(endpoint, &understood.checked.input, &credentials);
        let built = sending.build(&sending.endpoint)?;
        Ok(self.0.sender.exchange(&sending, &built, 1).await?)
    }
}

impl<'a> Understood<'a> {
    fn of(call: &'a AwsCall, environment: &AwsEnvironment) -> Result<Self, AwsError> {
        let wrong = |code: &str, message: String| AwsError::new(Origin::Call, code, message);
        let service = model::service_by_any_name(&call.service).ok_or_else(|| {
            wrong("UnknownServiceError", format!("Unknown service: '{}'.", call.service))
        })?;
        let operation = boto::operation(service, &call.operation).ok_or_else(|| {
            let message = format!("'{}' has no operation '{}'", service.id, call.operation);
            wrong("OperationNotFoundError", message).of(&service.name, &call.operation)
        })?;
        let named = |error: AwsError| error.of(&service.name, &operation.name);
        let given = call.region.as_deref().or(Some(&call.scope.region));
        let region = given.filter(|region| !region.is_empty()).or_else(|| environment.region());
        let region = region.unwrap_or("us-east-1").to_owned();
        if !is_region(&region) {
            let message =
                format!("Provided region_name '{region}' doesn't match a supported format.");
            return Err(named(wrong("InvalidRegionError", message)));
        }
        let checked = boto::input(service, operation, &call.input, call.blobs_in)
            .map_err(|problems| named(wrong("ParamValidationError", problems)))?;
        Ok(Self { call, service, operation, checked, region })
    }

    fn named(&self, error: AwsError) -> AwsError {
        error.of(&self.service.name, &self.operation.name)
    }

    fn is(&self, service: &str, operation: &str) -> bool {
        (&*self.service.name, &*self.operation.name) == (service, operation)
    }

    fn sending<'b>(
        &'b self,
        endpoint: Endpoint,
        input: &'b Value,
        credentials: &'b Credentials,
    ) -> Sending<'b> {
        Sending {
            service: self.service,
            operation: self.operation,
            endpoint,
            input,
            credentials,
            key: self.call.key.as_deref(),
            timeout: self.call.timeout,
        }
    }
}

/// Whether a text may be part of a host's name.
pub(super) fn is_region(text: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    !text.is_empty() && text.len() <= 63 && text.chars().all(plain) && !text.starts_with('-')
}

impl Inner {
    fn configured(&self, service: &Service) -> Option<&str> {
        let [own, _] = override_names(service);
        self.environment.endpoint(own.strip_prefix("AWS_ENDPOINT_URL_")?)
    }

    /// The output in the neutral form.
    async fn answer(&self, understood: &Understood<'_>) -> Result<Value, AwsError> {
        if let Some(output) = self.own_function(understood).await {
            return output.map_err(|error| understood.named(error));
        }
        let (service, operation) = (understood.service, understood.operation);
        let Some(local) = &self.local else { return self.send(understood, None).await };
        let local = local.wait().await;
        let mut scope = understood.call.scope.clone();
        scope.region.clone_from(&understood.region);
        if !local.serves(&service.name, &operation.name) {
            let answer = self.send(understood, None).await;
            let is_nowhere = answer.as_ref().is_err_and(|error| error.code == NO_CREDENTIALS);
            if !(is_nowhere && understood.is("sts", "GetCallerIdentity")) {
                return answer;
            }
            // Without AWS or an emulator it is whose the call is here.
            let input = understood.checked.input.clone();
            let answer = local.call(&service.name, &operation.name, &scope, input).await;
            return answer.map_err(|error| understood.named(error));
        }
        let input = understood.checked.input.clone();
        let answer = local.call(&service.name, &operation.name, &scope, input).await;
        if self.configured(service).is_none() {
            return answer.map_err(|error| understood.named(error));
        }
        match answer {
            Err(error) if local::is_not_built(&error) => self.send(understood, None).await,
            Err(error) if &*service.name == "ssm" && error.code == "ParameterNotFound" => {
                self.send(understood, None).await
            }
            Ok(output) if understood.is("ssm", "GetParameters") => {
                self.with_parameters_elsewhere(understood, output).await
            }
            answer => answer.map_err(|error| understood.named(error)),
        }
    }

    /// Parameters that are not here may be at the endpoint.
    async fn with_parameters_elsewhere(
        &self,
        understood: &Understood<'_>,
        mut here: Value,
    ) -> Result<Value, AwsError> {
        let missing = here["InvalidParameters"].take();
        if missing.as_array().is_none_or(Vec::is_empty) {
            return Ok(here);
        }
        let mut input = understood.checked.input.clone();
        input["Names"] = missing;
        let there = self.send(understood, Some(&input)).await?;
        let both = [&here["Parameters"], &there["Parameters"]];
        let all: Vec<Value> =
            both.into_iter().filter_map(Value::as_array).flatten().cloned().collect();
        Ok(json!({ "Parameters": all, "InvalidParameters": there["InvalidParameters"] }))
    }

    /// Runs a function that is declared here.
    async fn own_function(&self, understood: &Understood<'_>) -> Option<Result<Value, AwsError>> {
        let functions = self.functions.as_ref().filter(|_| understood.is("lambda", "Invoke"))?;
        let input = &understood.checked.input;
        let text = |name: &str| input[name].as_str();
        let function = text("FunctionName").filter(|function| functions.has(function))?;
        let payload = text("Payload").and_then(|payload| STANDARD.decode(payload).ok());
        let response = functions
            .invoke(HostedInvocation {
                function,
                payload: payload.map_or(Bytes::from_static(b"{}"), Bytes::from),
                invocation_type: text("InvocationType"),
                log_type: text("LogType"),
                client_context: text("ClientContext"),
            })
            .await;
        let header = |(name, value): &(String, String)| {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            Some((name, HeaderValue::from_str(value).ok()?))
        };
        let headers: HeaderMap = response.headers.iter().filter_map(header).collect();
        let Understood { service, operation, .. } = understood;
        let output =
            client::parse(service, operation, response.status, &headers, &response.payload);
        Some(output.map_err(AwsError::from))
    }

    /// Asks over HTTP.
    async fn send(
        &self,
        understood: &Understood<'_>,
        input: Option<&Value>,
    ) -> Result<Value, AwsError> {
        let (endpoint, credentials) = self.way(understood).await?;
        let input = input.unwrap_or(&understood.checked.input);
        self.sender.call(&understood.sending(endpoint, input, &credentials)).await
    }

    /// Where a call goes, and who signs it.
    async fn way(&self, understood: &Understood<'_>) -> Result<(Endpoint, Credentials), AwsError> {
        let service = understood.service;
        let endpoint = self.endpoint(service, &understood.region);
        let named = |error: AwsError| understood.named(error);
        let mut chain = match self.environment.credentials() {
            // A default profile of some other use is no reason not to ask an emulator.
            Err(_) if endpoint.custom && !self.environment.names_profile() => Chain::default(),
            found => found.map_err(named)?,
        };
        let base = chain.base.take().filter(|base| base.access_key != FAKE);
        let Some(base) = base else {
            let may_go = endpoint.custom || understood.operation.unsigned;
            return if may_go { Ok((endpoint, fake())) } else { Err(named(nowhere(service))) };
        };
        chain.roles.extend(understood.call.role_arn.as_deref().map(Role::new));
        let mut credentials = base;
        for role in &chain.roles {
            credentials = self.assumed(&credentials, role, &understood.region).await?;
        }
        Ok((endpoint, credentials))
    }

    fn endpoint(&self, service: &Service, region: &str) -> Endpoint {
        client::endpoint(service, region, |_| self.configured(service).map(str::to_owned))
    }

    async fn assumed(
        &self,
        by: &Credentials,
        role: &Role,
        region: &str,
    ) -> Result<Credentials, AwsError> {
        let slot = self.roles.slot(&by.access_key, role);
        let mut slot = slot.lock().await;
        let now_ms = jiff::Timestamp::now().as_millisecond();
        if let Some(known) = slot.as_ref().filter(|known| known.lasts(now_ms)) {
            return Ok(known.credentials.clone());
        }
        let missing = || AwsError::new(Origin::Configuration, "UnknownServiceError", "no sts");
        let service = model::service("sts").ok_or_else(missing)?;
        let operation = service.operation("AssumeRole").ok_or_else(missing)?;
        let sending = Sending {
            service,
            operation,
            endpoint: self.endpoint(service, region),
            input: &role::request(role),
            credentials: by,
            key: None,
            timeout: None,
        };
        let output = self.sender.call(&sending).await?;
        let found = Temporary::of(&output).ok_or_else(|| {
            let message = format!("AssumeRole of {} gave no credentials", role.arn);
            AwsError::new(Origin::Service, "CredentialRetrievalError", message)
                .of("sts", "AssumeRole")
        })?;
        let credentials = found.credentials.clone();
        *slot = Some(found);
        Ok(credentials)
    }
}

/// The access key that says that there is none.
const FAKE: &str = "test";

fn fake() -> Credentials {
    Credentials { access_key: FAKE.to_owned(), secret_key: FAKE.to_owned(), session_token: None }
}

fn nowhere(service: &Service) -> AwsError {
    let [own, all] = override_names(service);
    let message = format!(
        "no endpoint and no credentials are configured for {}: set {own} or {all} for an emulator, \
         or credentials for AWS itself",
        service.name
    );
    AwsError::new(Origin::Configuration, NO_CREDENTIALS, message)
}
