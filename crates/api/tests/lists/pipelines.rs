//! ListPipelineExecutions, ListActionExecutions, ListRuleExecutions, ListWebhooks.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use trackway_engine::Clock;

use crate::house::House;
use crate::paging::{CODEPIPELINE, Client, List, Words, text};
use crate::tape::{Tape, random};
use crate::yard;

const PIPELINE: &str = "pipeline";
/// The stages, and the actions of each.
const STAGES: [(&str, &[&str]); 3] = [("Source", &["S"]), ("Build", &["A", "B"]), ("Ship", &["A"])];

/// An action execution as the model knows it.
struct Act {
    execution: String,
    id: String,
    place: (String, String),
    /// No retry has superseded it.
    is_latest: bool,
}

/// A job that waits for its end.
struct Job {
    id: String,
    execution: String,
    place: (String, String),
}

/// An execution as the model knows it.
struct Run {
    id: String,
    /// The stages it passed.
    passed: Vec<&'static str>,
    /// How the actions of its stage ended.
    ended: BTreeMap<String, bool>,
}

/// What a naive model knows, oldest first.
struct Model {
    client: Client,
    acts: Vec<Act>,
    jobs: Vec<Job>,
    runs: Vec<Run>,
}

impl Model {
    async fn open(house: &House) -> Self {
        let client = Client(house.client.0.clone());
        let stages = STAGES[1..].iter().map(|(name, actions)| {
            (*name, actions.iter().map(|action| yard::action("Build", action)).collect())
        });
        let stages: Vec<(&str, Vec<Value>)> = stages.collect();
        yard::types(&client).await;
        let first = yard::create(&client, &yard::pipeline(PIPELINE, "PARALLEL", &stages)).await;
        yard::create(&client, &yard::pipeline("other", "QUEUED", &stages)).await;
        let mut model = Self { client, acts: Vec::new(), jobs: Vec::new(), runs: Vec::new() };
        model.runs.push(Run { id: first, passed: Vec::new(), ended: BTreeMap::new() });
        model.drain().await;
        // The other pipeline's first job is nobody's.
        model.acts.truncate(1);
        model.jobs.truncate(1);
        model
    }

    async fn start(&mut self) {
        let request = json!({ "name": PIPELINE });
        let answer = self.client.codepipeline("StartPipelineExecution", request).await;
        let id = text(&answer, "pipelineExecutionId");
        self.runs.push(Run { id, passed: Vec::new(), ended: BTreeMap::new() });
        self.drain().await;
    }

    /// Takes every job there is, in the order in which their actions started.
    async fn drain(&mut self) {
        for category in ["Source", "Build"] {
            let request = json!({
                "actionTypeId": {
                    "category": category, "owner": "Custom", "provider": "Worker", "version": "1",
                },
                "maxBatchSize": 100,
            });
            let polled = self.client.codepipeline("PollForJobs", request).await;
            for job in polled["jobs"].as_array().unwrap() {
                let context = &job["data"]["pipelineContext"];
                let place = (text(&context["stage"], "name"), text(&context["action"], "name"));
                let execution = text(context, "pipelineExecutionId");
                let same = |act: &&mut Act| act.execution == execution && act.place == place;
                self.acts.iter_mut().filter(same).for_each(|act| act.is_latest = false);
                let id = text(&context["action"], "actionExecutionId");
                let (of, at) = (execution.clone(), place.clone());
                self.acts.push(Act { execution: of, id, place: at, is_latest: true });
                let request = json!({ "jobId": job["id"], "nonce": job["nonce"] });
                self.client.codepipeline("AcknowledgeJob", request).await;
                self.jobs.push(Job { id: text(job, "id"), execution, place });
            }
        }
    }

    /// Ends some job; a stage that fails is run again, mostly.
    async fn step(&mut self, tape: &mut Tape) {
        if self.jobs.is_empty() {
            return;
        }
        let place = tape.below(self.jobs.len());
        let Job { id, execution, place } = self.jobs.swap_remove(place);
        let is_good = tape.chance(70);
        let (operation, request) = match is_good {
            true => ("PutJobSuccessResult", json!({ "jobId": id })),
            false => (
                "PutJobFailureResult",
                json!({ "jobId": id, "failureDetails": { "type": "JobFailed", "message": "m" } }),
            ),
        };
        self.client.codepipeline(operation, request).await;
        let run = self.runs.iter_mut().find(|run| run.id == execution).unwrap();
        run.ended.insert(place.1, is_good);
        let (stage, actions) = STAGES.into_iter().find(|stage| stage.0 == place.0).unwrap();
        if run.ended.len() == actions.len() {
            if run.ended.values().all(|good| *good) {
                run.passed.push(stage);
                run.ended.clear();
            } else if tape.chance(70) {
                let is_all = tape.chance(50);
                let mode = if is_all { "ALL_ACTIONS" } else { "FAILED_ACTIONS" };
                run.ended.retain(|_, good| *good && !is_all);
                let request = json!({
                    "pipelineName": PIPELINE, "stageName": stage,
                    "pipelineExecutionId": execution, "retryMode": mode,
                });
                self.client.codepipeline("RetryStageExecution", request).await;
            }
        }
        self.drain().await;
    }

    /// The ids of those that a filter leaves, newest first.
    fn acts(&self, fits: impl Fn(&Act) -> bool) -> Vec<String> {
        self.acts.iter().rev().filter(|act| fits(act)).map(|act| act.id.clone()).collect()
    }

    /// The same of executions.
    fn runs(&self, fits: impl Fn(&Run) -> bool) -> Vec<String> {
        self.runs.iter().rev().filter(|run| fits(run)).map(|run| run.id.clone()).collect()
    }

    /// A filter of action executions, and those it leaves.
    fn acts_asked(&self, tape: &mut Tape) -> (Value, Vec<String>) {
        let ids: Vec<String> = self.runs.iter().map(|run| run.id.clone()).collect();
        let one = tape.chance(60).then(|| tape.one(&ids));
        let latest = tape.chance(60).then(|| {
            let id = if tape.chance(70) { one.clone() } else { None };
            (id.unwrap_or_else(|| tape.one(&ids)), tape.one(&["Latest", "All"]))
        });
        let mut request = json!({ "pipelineName": PIPELINE });
        if let Some(id) = &one {
            request["filter"]["pipelineExecutionId"] = json!(id);
        }
        if let Some((id, range)) = &latest {
            request["filter"]["latestInPipelineExecution"] =
                json!({ "pipelineExecutionId": id, "startTimeRange": range });
        }
        let expected = self.acts(|act| {
            one.as_ref().is_none_or(|id| act.execution == *id)
                && latest.as_ref().is_none_or(|(id, range)| {
                    act.execution == *id && (*range == "All" || act.is_latest)
                })
        });
        (request, expected)
    }
}

fn list(
    client: &Client,
    operation: &'static str,
    member: &'static str,
    id: fn(&Value) -> String,
) -> List {
    let other = json!({ "pipelineName": "other" });
    let client = client.clone();
    List { client, words: CODEPIPELINE, operation, member, default: 100, id, other }
}

#[test]
fn action_executions_are_those_that_a_naive_model_lists() {
    random(16, async |tape| {
        let house = House::open(Clock::Manual, BTreeMap::new()).await;
        let mut model = Model::open(&house).await;
        for _ in 0..8 + tape.below(40) {
            house.engine.advance(i64::try_from(tape.below(3)).unwrap());
            match tape.chance(25) {
                true => model.start().await,
                false => model.step(tape).await,
            }
        }
        let mut acts =
            list(&model.client, "ListActionExecutions", "actionExecutionDetails", |row| {
                text(row, "actionExecutionId")
            });
        for round in 0..12 {
            let (request, expected) = model.acts_asked(tape);
            let size = tape.size(1, 100);
            // Another request: of another pipeline, or by no filter.
            acts.other = match request.get("filter") {
                Some(_) => json!({ "filter": {} }),
                None => json!({ "pipelineName": "other" }),
            };
            if round % 3 < 2 {
                acts.holds(&request, size, &expected).await;
                continue;
            }
            acts.holds_while(&request, size, &expected, async || {
                house.engine.advance(1);
                model.start().await;
                model.step(tape).await;
            })
            .await;
        }
    });
}

#[test]
fn pipeline_executions_are_those_that_a_naive_model_lists() {
    random(10, async |tape| {
        let house = House::open(Clock::Manual, BTreeMap::new()).await;
        let mut model = Model::open(&house).await;
        for _ in 0..8 + tape.below(60) {
            house.engine.advance(i64::try_from(tape.below(3)).unwrap());
            match tape.chance(25) {
                true => model.start().await,
                false => model.step(tape).await,
            }
        }
        let id = |row: &Value| text(row, "pipelineExecutionId");
        let runs = list(&model.client, "ListPipelineExecutions", "pipelineExecutionSummaries", id);
        for round in 0..10 {
            let stage = tape.chance(60).then(|| tape.one(&["Source", "Build", "Ship", "None"]));
            let mut request = json!({ "pipelineName": PIPELINE });
            if let Some(stage) = stage {
                request["filter"]["succeededInStage"]["stageName"] = json!(stage);
            }
            let expected = model.runs(|run| stage.is_none_or(|stage| run.passed.contains(&stage)));
            let size = tape.size(1, 100);
            if round % 3 < 2 {
                runs.holds(&request, size, &expected).await;
                continue;
            }
            runs.holds_while(&request, size, &expected, async || {
                house.engine.advance(1);
                model.start().await;
            })
            .await;
        }
    });
}

/// A pipeline whose second stage is entered if its variable says so.
fn guarded() -> Value {
    let rule = |name: &str, variable: &str| {
        json!({
            "name": name,
            "ruleTypeId":
                { "category": "Rule", "owner": "AWS", "provider": "VariableCheck", "version": "1" },
            "configuration": { "Variable": variable, "Operator": "EQ", "Value": "yes" },
        })
    };
    let build = [("Build", vec![yard::action("Build", "A")])];
    let mut structure = yard::pipeline(PIPELINE, "PARALLEL", &build);
    structure["variables"] = json!([{ "name": "May", "defaultValue": "yes" }]);
    let rules = [rule("May", "#{variables.May}"), rule("Always", "yes")];
    structure["stages"][1]["beforeEntry"]["conditions"] =
        json!([{ "result": "FAIL", "rules": rules }]);
    structure
}

/// Lets an execution come to its second stage; how many rules are executed.
async fn enter(client: &Client, tape: &mut Tape) -> usize {
    let may = tape.one(&["yes", "no"]);
    let request = json!({ "name": PIPELINE, "variables": [{ "name": "May", "value": may }] });
    let started = client.codepipeline("StartPipelineExecution", request).await;
    let mut request = json!({
        "actionTypeId":
            { "category": "Source", "owner": "Custom", "provider": "Worker", "version": "1" },
        "maxBatchSize": 100,
    });
    let polled = client.codepipeline("PollForJobs", request).await;
    let jobs = polled["jobs"].as_array().unwrap();
    for job in jobs {
        request = json!({ "jobId": job["id"], "nonce": job["nonce"] });
        client.codepipeline("AcknowledgeJob", request).await;
        client.codepipeline("PutJobSuccessResult", json!({ "jobId": job["id"] })).await;
    }
    if may == "yes" || tape.chance(40) {
        return 2 * jobs.len();
    }
    let request = json!({
        "pipelineName": PIPELINE, "stageName": "Build", "retryMode": "ALL_ACTIONS",
        "pipelineExecutionId": started["pipelineExecutionId"],
    });
    client.codepipeline("RetryStageExecution", request).await;
    2 * jobs.len() + 2
}

#[test]
fn rule_executions_are_those_that_a_naive_model_lists() {
    random(10, async |tape| {
        let house = House::open(Clock::Manual, BTreeMap::new()).await;
        let client = Client(house.client.0.clone());
        yard::types(&client).await;
        yard::create(&client, &guarded()).await;
        let build = [("Build", vec![yard::action("Build", "A")])];
        let id = |row: &Value| text(row, "ruleExecutionId");
        let mut rules = list(&client, "ListRuleExecutions", "ruleExecutionDetails", id);
        let mut count = 0;
        for _ in 0..1 + tape.below(12) {
            house.engine.advance(i64::try_from(tape.below(3)).unwrap());
            count += enter(&client, tape).await;
        }
        yard::create(&client, &yard::pipeline("other", "QUEUED", &build)).await;
        let all = rules.all(&json!({ "pipelineName": PIPELINE })).await;
        assert_eq!(all.len(), count);
        assert!(all.is_sorted_by(|later, earlier| {
            later["startTime"].as_f64() >= earlier["startTime"].as_f64()
        }));
        let ids: Vec<String> = all.iter().map(|row| text(row, "pipelineExecutionId")).collect();
        for round in 0..9 {
            let one = tape.chance(60).then(|| tape.one(&ids));
            let latest = tape.chance(60).then(|| (tape.one(&ids), tape.one(&["Latest", "All"])));
            let mut request = json!({ "pipelineName": PIPELINE });
            if let Some(id) = &one {
                request["filter"]["pipelineExecutionId"] = json!(id);
            }
            if let Some((id, range)) = &latest {
                request["filter"]["latestInPipelineExecution"] =
                    json!({ "pipelineExecutionId": id, "startTimeRange": range });
            }
            let mut seen = BTreeSet::new();
            let fits = |row: &&Value| {
                let execution = text(row, "pipelineExecutionId");
                let is_newest = seen.insert((execution.clone(), text(row, "ruleName")));
                one.as_ref().is_none_or(|id| execution == *id)
                    && latest.as_ref().is_none_or(|(id, range)| {
                        execution == *id && (*range == "All" || is_newest)
                    })
            };
            let expected: Vec<String> = all.iter().filter(fits).map(id).collect();
            rules.other = match request.get("filter") {
                Some(_) => json!({ "filter": {} }),
                None => json!({ "pipelineName": "other" }),
            };
            let size = tape.size(1, 100);
            if round < 8 {
                rules.holds(&request, size, &expected).await;
            } else {
                let happens = async || {
                    enter(&client, tape).await;
                };
                rules.holds_while(&request, size, &expected, happens).await;
            }
        }
    });
}

#[test]
fn webhooks_are_those_that_a_naive_model_lists() {
    random(8, async |tape| {
        let house = House::open(Clock::Manual, BTreeMap::new()).await;
        let client = Client(house.client.0.clone());
        let build = [("Build", vec![yard::action("Build", "A")])];
        yard::types(&client).await;
        yard::create(&client, &yard::pipeline(PIPELINE, "SUPERSEDED", &build)).await;
        let put = async |name: &str| {
            let webhook = json!({
                "name": name, "targetPipeline": PIPELINE, "targetAction": "S", "filters": [],
                "authentication": "UNAUTHENTICATED", "authenticationConfiguration": {},
            });
            client.codepipeline("PutWebhook", json!({ "webhook": webhook })).await;
        };
        let mut names = tape.some(&["a", "ab", "B", "b", "b-1", "b_1", "c", "d", "e", "f"], 10);
        let later = names.pop().unwrap();
        for name in &names {
            put(name).await;
        }
        names.sort_unstable();
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let words = Words { size: "MaxResults", token: "NextToken", ..CODEPIPELINE };
        let webhooks = List {
            client: client.clone(),
            words,
            operation: "ListWebhooks",
            member: "webhooks",
            default: 100,
            id: |row| text(&row["definition"], "name"),
            other: Value::Null,
        };
        for _ in 0..4 {
            webhooks.holds(&json!({}), tape.size(1, 100), &names).await;
        }
        webhooks.holds_while(&json!({}), Some(1), &names, async || put(later).await).await;
    });
}
