//! Actions start, go on and end.

use serde_json::{Value, json};
use trackway_core::{Command, EffectId, Outcome, TimerId, Timestamp, Turn, uuid};

use crate::ids;
use crate::limits::OUTPUT_VARIABLES_BYTES_MAX;
use crate::pipeline::call;
use crate::pipeline::condition::is_rule;
use crate::pipeline::event::{End, EventKind, Form, Next};
use crate::pipeline::state::{ActStatus, Awaited, JobStage};
use crate::pipeline::{Pipeline, decide};
use crate::request::{ACTION_QUEUE, AWS_QUEUE, ActionAnswer, Done, TypeId, job_queue};
use crate::rule;
use crate::signal::{Refusal, Signal};
use crate::structure::Action;

/// Characters that the keys of artifacts end with.
const KEY_LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const KEY_LENGTH: usize = 7;

impl Pipeline {
    /// Starts an action of the stage that an execution is in.
    pub(super) fn start_act(&mut self, run: u32, place: u16, turn: &mut Turn<'_, Self>) {
        let Some(it) = self.runs.get(&run) else { return };
        let structure = self.structure_of(it.version);
        let Some(action) = structure.action(it.stage, place) else { return };
        let refused = call::resolved(&action, it).err();
        let form = match &refused {
            Some(_) => Form::Nothing,
            None => form_of(&action, turn),
        };
        let is_silent = match form {
            Form::Nothing => true,
            Form::Approval(_) => topic(&action).is_none(),
            _ => false,
        };
        let effect = (!is_silent).then(|| self.next_effect());
        let timer = self.next_timer();
        let keys = action.output_artifacts.iter().map(|_| key(turn.random())).collect();
        let id = turn.random();
        self.emit(EventKind::ActStarted { run, act: place, id, effect, timer, keys, form }, turn);
        if let Some(error) = refused {
            let end = End { error: Some(error), ..End::default() };
            return self.end_act((run, place), ActStatus::Failed, &end, None, turn);
        }
        let deadline = call::deadline(&action, turn.now());
        if form == Form::Nothing {
            if let Some(at) = self.decide_rule((run, place), deadline, turn) {
                turn.command(Command::Wake { timer, at });
            }
            return;
        }
        turn.command(Command::Wake { timer, at: deadline });
        if let Some(effect) = effect {
            self.ask((run, place), effect, Value::Null, turn);
        }
    }

    /// Asks for what an action waits for.
    pub(super) fn ask(
        &mut self,
        (run, place): (u32, u16),
        effect: EffectId,
        next: Value,
        turn: &mut Turn<'_, Self>,
    ) {
        let Some(it) = self.runs.get(&run) else { return };
        let Some(act) = it.inside.as_ref().and_then(|inside| inside.acts.get(&place)) else {
            return;
        };
        let command = if let Some(token) = act.token {
            let structure = self.structure_of(it.version);
            let Some(action) = structure.action(it.stage, place) else { return };
            let deadline = call::deadline(&action, act.started);
            let stage = self.stage_of(it);
            let request =
                self.notification((&structure.name, &stage), (&action, act), token, deadline);
            let (queue, request) = (AWS_QUEUE.to_owned(), decide::payload(&request));
            Command::Run { effect, queue, request }
        } else if act.job.as_ref().is_some_and(|job| job.stage == JobStage::Offered) {
            let Some(job) = self.job_of(it, place) else { return };
            let scope = format!("{}/{}", self.account, self.region);
            let queue = job_queue(&scope, &job.call.type_id);
            Command::Run { effect, queue, request: decide::payload(&job) }
        } else {
            let Some(mut call) = self.call_of(it, place) else { return };
            call.next = next;
            let (queue, request) = (ACTION_QUEUE.to_owned(), decide::payload(&call));
            Command::Run { effect, queue, request }
        };
        turn.command(command);
    }

    /// The AWS call that tells an approval's topic of it.
    fn notification(
        &self,
        (pipeline, stage): (&str, &str),
        (action, act): (&Action, &crate::pipeline::state::Act),
        token: u128,
        deadline: Timestamp,
    ) -> Value {
        let configuration = act.configuration(action);
        let text = |key: &str| configuration.get(key).cloned();
        let region = &self.region;
        let console = format!(
            "https://console.aws.amazon.com/codesuite/codepipeline/pipelines/{pipeline}/view?region={region}"
        );
        let mut approval = json!({
            "pipelineName": pipeline,
            "stageName": stage,
            "actionName": action.name,
            "token": uuid::text(token),
            "expires": minute(deadline),
            "externalEntityLink": text("ExternalEntityLink"),
            "approvalReviewLink": format!("{console}#/{stage}/{}/approve/{}", action.name, uuid::text(token)),
        });
        approval["customData"] = json!(text("CustomData"));
        let message =
            json!({ "region": region, "consoleLink": console, "approval": approval }).to_string();
        let subject =
            format!("APPROVAL NEEDED: AWS CodePipeline {pipeline} for action {}", action.name);
        let subject: String = subject.chars().take(100).collect();
        json!({
            "service": "sns",
            "operation": "Publish",
            "input": { "TopicArn": text("NotificationArn"), "Subject": subject, "Message": message },
        })
    }

    pub(in crate::pipeline) fn finished(
        &mut self,
        effect: EffectId,
        outcome: &Outcome,
        turn: &mut Turn<'_, Self>,
    ) {
        let Some(Awaited::Act(run, place)) = self.effects.get(&effect).copied() else { return };
        let Some(act) = self.act(run, place) else { return };
        let (is_approval, job) = (act.token.is_some(), act.job.as_ref().map(|job| job.stage));
        match outcome {
            Outcome::Failed { error, cause } => {
                let error = (error.clone(), cause.clone());
                let end = End { error: Some(error), ..End::default() };
                self.end_act((run, place), ActStatus::Failed, &end, Some(effect), turn);
                self.advance(run, turn);
            }
            _ if is_approval => self.emit(EventKind::Notified { run, act: place }, turn),
            Outcome::Succeeded(text) if job == Some(JobStage::Calling) => {
                match serde_json::from_str(text) {
                    Ok(answer) => self.answered((run, place), effect, answer, turn),
                    Err(error) => {
                        let message = format!("the performer's answer can't be read: {error}");
                        let end = End {
                            error: Some(("JobFailed".to_owned(), message)),
                            ..End::default()
                        };
                        self.end_act((run, place), ActStatus::Failed, &end, Some(effect), turn);
                        self.advance(run, turn);
                    }
                }
            }
            _ => {}
        }
    }

    fn answered(
        &mut self,
        (run, place): (u32, u16),
        effect: EffectId,
        answer: ActionAnswer,
        turn: &mut Turn<'_, Self>,
    ) {
        match answer {
            ActionAnswer::Progress { details, next } => {
                let effect = self.next_effect();
                self.emit_with(
                    EventKind::ActProgressed { run, act: place, effect },
                    &details,
                    turn,
                );
                self.ask((run, place), effect, next, turn);
            }
            ActionAnswer::Handed {} => self.handed((run, place), turn),
            // `PollForJobs` has no category for rules, so nobody could ask for it.
            ActionAnswer::Offer {} if is_rule(place) => {
                let message = "Workers can't perform rules: PollForJobs has no category for them.";
                let error = ("ConfigurationError".to_owned(), message.to_owned());
                let end = End { error: Some(error), ..End::default() };
                self.end_act((run, place), ActStatus::Failed, &end, Some(effect), turn);
                self.advance(run, turn);
            }
            ActionAnswer::Offer {} => self.offer((run, place), &Next::default(), turn),
            ActionAnswer::Done(done) => {
                let (status, end) = end_of(*done);
                self.end_act((run, place), status, &end, Some(effect), turn);
                self.advance(run, turn);
            }
            ActionAnswer::Failed { code, message, details } => {
                let end = End { details, error: Some((code, message)), ..End::default() };
                self.end_act((run, place), ActStatus::Failed, &end, Some(effect), turn);
                self.advance(run, turn);
            }
        }
    }

    pub(super) fn act(&self, run: u32, place: u16) -> Option<&crate::pipeline::state::Act> {
        self.runs.get(&run)?.inside.as_ref()?.acts.get(&place)
    }

    /// The action ends. `answered` is the effect whose outcome ends it; any other is given up.
    pub(super) fn end_act(
        &mut self,
        (run, place): (u32, u16),
        status: ActStatus,
        end: &End,
        answered: Option<EffectId>,
        turn: &mut Turn<'_, Self>,
    ) {
        let Some(act) = self.act(run, place) else { return };
        let (effect, timer) = (act.effect, act.timer);
        let kind = EventKind::ActEnded { run, act: place, status };
        if *end == End::default() {
            self.emit(kind, turn);
        } else {
            self.emit_with(kind, end, turn);
        }
        if let Some(timer) = timer {
            turn.command(Command::Disarm(timer));
        }
        if let Some(effect) = effect.filter(|effect| Some(*effect) != answered) {
            turn.command(Command::Cancel(effect));
        }
    }

    pub(in crate::pipeline) fn fired(&mut self, timer: TimerId, turn: &mut Turn<'_, Self>) {
        let Some(Awaited::Act(run, place)) = self.timers.get(&timer).copied() else { return };
        if self.rule_due((run, place), turn) {
            return;
        }
        let Some(it) = self.runs.get(&run) else { return };
        let structure = self.structure_of(it.version);
        let Some(action) = structure.action(it.stage, place) else { return };
        let error = Some(("JobFailed".to_owned(), timed_out(&action)));
        let end = End { error, ..End::default() };
        self.end_act((run, place), ActStatus::Failed, &end, None, turn);
        self.advance(run, turn);
    }

    pub(super) fn approve(
        &mut self,
        signal: Signal,
        turn: &mut Turn<'_, Self>,
    ) -> Result<(), Refusal> {
        let Signal::Approve { stage, action, token, is_approved, summary, by } = signal else {
            return Ok(());
        };
        let structure = self.structure();
        let declared = structure.stages.iter().find(|it| it.name == stage);
        let token = ids::read(&token).ok_or(Refusal::InvalidApprovalToken);
        let found = token.clone().ok().and_then(|token| self.approval(&stage, &action, token));
        if found.is_none() {
            let declared = declared.ok_or(Refusal::StageNotFound)?;
            if !declared.actions.iter().any(|it| it.name == action) {
                return Err(Refusal::ActionNotFound);
            }
            return Err(self.decided(&stage, &action, token?));
        }
        let Some((run, place)) = found else { return Ok(()) };
        if self.act(run, place).is_some_and(|act| act.status != ActStatus::InProgress) {
            return Err(Refusal::ApprovalCompleted);
        }
        let mut end = End { by: Some(by), ..End::default() };
        end.details.summary = Some(summary).filter(|summary| !summary.is_empty());
        let status = if is_approved { ActStatus::Succeeded } else { ActStatus::Failed };
        self.end_act((run, place), status, &end, None, turn);
        self.advance(run, turn);
        Ok(())
    }

    /// Where the approval with this token is.
    fn approval(&self, stage: &str, action: &str, token: u128) -> Option<(u32, u16)> {
        self.runs.values().filter(|run| self.stage_of(run) == stage).find_map(|run| {
            let acts = run.inside.as_ref()?.acts.iter();
            let mut named = acts.filter(|(_, act)| act.name == action);
            let (place, _) = named.find(|(_, act)| act.token == Some(token))?;
            Some((run.seq, *place))
        })
    }

    /// Why a token of no approval in progress is refused.
    fn decided(&self, stage: &str, action: &str, token: u128) -> Refusal {
        let shown = self.stages.get(stage).and_then(|stage| stage.shown.as_ref());
        let mut acts = shown.iter().flat_map(|inside| inside.acts.values());
        match acts.any(|act| act.name == action && act.token == Some(token)) {
            true => Refusal::ApprovalCompleted,
            false => Refusal::InvalidApprovalToken,
        }
    }
}

/// How an action of this type is carried out.
fn form_of(action: &Action, turn: &mut Turn<'_, Pipeline>) -> Form {
    let TypeId { category, owner, provider, .. } = &action.action_type_id;
    if rule::is_decided_here(&action.action_type_id) {
        return Form::Nothing;
    }
    match (owner.as_str(), category.as_str(), provider.as_str()) {
        (_, "Approval", "Manual") => {
            let bits = (u128::from(turn.random()) << 64) | u128::from(turn.random());
            Form::Approval(uuid::version_four(bits))
        }
        // GitHub is of a third party, but read here.
        ("Custom", ..) => Form::Job(turn.random(), nonce(turn)),
        ("ThirdParty", category, provider) if (category, provider) != ("Source", "GitHub") => {
            Form::Job(turn.random(), nonce(turn))
        }
        _ => Form::Call,
    }
}

/// What acknowledges a job: a short number.
pub(super) fn nonce(turn: &mut Turn<'_, Pipeline>) -> u32 {
    u32::try_from(turn.random() % 10_000).unwrap_or(0)
}

fn topic(action: &Action) -> Option<&str> {
    action.configuration.get("NotificationArn")?.as_str().filter(|arn| !arn.is_empty())
}

/// The random end of an artifact's key.
fn key(mut random: u64) -> String {
    let mut text = String::with_capacity(KEY_LENGTH);
    for _ in 0..KEY_LENGTH {
        let letters = KEY_LETTERS.len() as u64;
        let place = usize::try_from(random % letters).unwrap_or(0);
        text.push(char::from(KEY_LETTERS[place]));
        random /= letters;
    }
    text
}

/// How an action ends of which a performer says that it is done.
fn end_of(done: Done) -> (ActStatus, End) {
    if is_too_large(&done.output_variables) {
        let message = format!(
            "The output variables of the action exceed {OUTPUT_VARIABLES_BYTES_MAX} bytes."
        );
        let error = Some(("OutputVariablesSizeExceeded".to_owned(), message));
        return (ActStatus::Failed, End { details: done.details, error, ..End::default() });
    }
    let end = End {
        details: done.details,
        output_variables: done.output_variables,
        output_artifacts: Some(done.output_artifacts),
        revision: done.revision,
        deploy_targets: done.deploy_targets,
        ..End::default()
    };
    (ActStatus::Succeeded, end)
}

/// Whether output variables take more room than an action's may.
pub(super) fn is_too_large(variables: &serde_json::Map<String, Value>) -> bool {
    let length = |value: &Value| value.as_str().map_or_else(|| value.to_string().len(), str::len);
    let bytes: usize = variables.iter().map(|(name, value)| name.len() + length(value)).sum();
    bytes > OUTPUT_VARIABLES_BYTES_MAX
}

/// What is said of an action that took too long.
fn timed_out(action: &Action) -> String {
    let TypeId { category, provider, .. } = &action.action_type_id;
    match (category.as_str(), provider.as_str()) {
        ("Invoke", "Lambda") => {
            let function = action.configuration.get("FunctionName").and_then(Value::as_str);
            let function = function.unwrap_or_default();
            format!(
                "The AWS Lambda function {function} failed to return a result. Check the function to verify that it has permission to call the PutJobSuccessResult action and that it made a call to PutJobSuccessResult."
            )
        }
        ("Approval", _) => "The approval request has expired.".to_owned(),
        _ => "The action did not complete before its timeout.".to_owned(),
    }
}

/// A minute as an approval's message has it: `2016-07-07T20:22Z`.
fn minute(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.0)
        .map(|at| at.strftime("%Y-%m-%dT%H:%MZ").to_string())
        .unwrap_or_default()
}
