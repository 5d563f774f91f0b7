//! What a state machine is, once it has been read: every name resolved, every path compiled.
//!
//! States of all nesting levels live in one arena, because their names are unique in the whole
//! definition; an event names a state by its [`StateId`] and stays small.
//!
//! Source: the Amazon States Language specification and the Step Functions developer guide.

mod choice;
mod diagnostics;
mod fields;
mod graph;
mod map;
mod parallel;
mod parse;
mod reader;
mod resource;
mod retry;
mod state;
mod task;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::intrinsic::Call;
use crate::jsonpath::{Path, ReferencePath};

pub use diagnostics::{Code, Diagnostic, Severity, to_aws_message};
pub use parse::{DEFINITION_BYTES_MAX, STATE_NAME_CHARS_MAX, parse};

/// A machine's type, which decides what its definition may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MachineType {
    /// `STANDARD`.
    Standard,
    /// `EXPRESS`: no activities, no `.sync`, no `.waitForTaskToken`.
    Express,
}

/// A state's place in [`Definition::states`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StateId(pub u16);

/// A state machine, ready to run.
#[derive(Debug)]
pub struct Definition {
    /// The top level.
    pub root: Graph,
    /// Every state of every level, in the order of the text.
    pub states: Vec<State>,
    /// `TimeoutSeconds` of the machine.
    pub timeout_seconds: Option<u64>,
}

/// A `StartAt` with its `States`: the top level, a branch of a Parallel or a Map's processor.
#[derive(Clone, Debug)]
pub struct Graph {
    /// Where it starts.
    pub start_at: StateId,
}

/// One state.
#[derive(Debug)]
pub struct State {
    /// Its name, unique in the definition.
    pub name: Arc<str>,
    /// What it does.
    pub kind: StateKind,
    /// Where it goes after it succeeds; a Choice decides itself, Fail and Succeed end.
    pub next: Next,
    /// `InputPath`: the part of the raw input that the state sees.
    pub input_path: Filter,
    /// `Parameters` (of a Map: `ItemSelector`, or its older name `Parameters`).
    pub parameters: Option<Template>,
    /// `ResultSelector`.
    pub result_selector: Option<Template>,
    /// `ResultPath`: where the result goes in the raw input.
    pub result_path: ResultPath,
    /// `OutputPath`: the part that goes on.
    pub output_path: Filter,
    /// `Retry`, in order.
    pub retry: Vec<Retrier>,
    /// `Catch`, in order.
    pub catch: Vec<Catcher>,
}

/// Where a state goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// `Next`.
    State(StateId),
    /// `End: true`, or a state that has no successor.
    End,
}

/// `InputPath` or `OutputPath`.
#[derive(Debug)]
pub enum Filter {
    /// Absent, or `$`: everything.
    Whole,
    /// `null`: an empty object instead.
    Discard,
    /// A path.
    Path(Path),
}

/// `ResultPath`.
#[derive(Debug)]
pub enum ResultPath {
    /// Absent, or `$`: the result replaces the input.
    Replace,
    /// `null`: the result is dropped, the input goes on.
    Discard,
    /// A reference path: the result is put there.
    Insert(ReferencePath),
}

/// What a state does.
#[derive(Debug)]
pub enum StateKind {
    /// Passes its input, or a fixed result.
    Pass {
        /// `Result`.
        result: Option<Value>,
    },
    /// Work.
    Task(Box<Task>),
    /// A decision.
    Choice {
        /// `Choices`, in order.
        rules: Vec<Rule>,
        /// `Default`.
        default: Option<StateId>,
    },
    /// A delay.
    Wait(Wait),
    /// Ends its level well.
    Succeed,
    /// Ends the execution with an error.
    Fail {
        /// `Error` or `ErrorPath`.
        error: Option<Text>,
        /// `Cause` or `CausePath`.
        cause: Option<Text>,
    },
    /// Branches that run side by side.
    Parallel {
        /// `Branches`, in order.
        branches: Vec<Graph>,
    },
    /// The same steps for each item.
    Map(Box<Map>),
}

/// A Task's own fields.
#[derive(Debug)]
pub struct Task {
    /// `Resource`.
    pub resource: Resource,
    /// `TimeoutSeconds` or `TimeoutSecondsPath`.
    pub timeout: Option<Number>,
    /// `HeartbeatSeconds` or `HeartbeatSecondsPath`.
    pub heartbeat: Option<Number>,
    /// `Credentials`.
    pub credentials: Option<Template>,
}

/// What a Task's `Resource` ARN names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resource {
    /// A function's ARN: history shows `LambdaFunction…` events.
    Lambda {
        /// The ARN as written.
        arn: String,
    },
    /// An activity's ARN: history shows `Activity…` events.
    Activity {
        /// The ARN as written.
        arn: String,
    },
    /// A service integration (`arn:aws:states:::…`): history shows `Task…` events.
    Service {
        /// The ARN as written.
        arn: String,
        /// History's `resourceType`: `lambda`, `states`, `aws-sdk:dynamodb`.
        service: String,
        /// History's `resource`: the rest, pattern included: `invoke.waitForTaskToken`.
        action: String,
        /// How it answers.
        pattern: Pattern,
    },
}

/// Service integration patterns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// The response is the result.
    RequestResponse,
    /// `.sync`: waits for the job's end.
    Sync,
    /// `.sync:2`: the same, with the output as JSON.
    Sync2,
    /// `.waitForTaskToken`: waits for SendTaskSuccess or SendTaskFailure.
    WaitForTaskToken,
}

/// A Map's own fields.
#[derive(Debug)]
pub struct Map {
    /// `ItemProcessor` (INLINE), or the older `Iterator`.
    pub processor: Graph,
    /// `ItemsPath`.
    pub items_path: Filter,
    /// `MaxConcurrency` or `MaxConcurrencyPath`; 0 is no limit.
    pub max_concurrency: Number,
}

/// A whole number that is written down or looked up.
#[derive(Debug)]
pub enum Number {
    /// Written down.
    Fixed(i64),
    /// Looked up by a path.
    Path(Path),
}

/// A text that is written down, looked up or computed.
#[derive(Debug)]
pub enum Text {
    /// Written down.
    Fixed(String),
    /// Looked up by a path.
    Path(Path),
    /// Computed by an intrinsic function.
    Call(Call),
}

/// How long a Wait state waits.
#[derive(Debug)]
pub enum Wait {
    /// `Seconds`.
    Seconds(u64),
    /// `SecondsPath`.
    SecondsPath(Path),
    /// `Timestamp`, as written.
    Timestamp(String),
    /// `TimestampPath`.
    TimestampPath(Path),
}

/// One rule of a Choice.
#[derive(Debug)]
pub struct Rule {
    /// When it applies.
    pub condition: Condition,
    /// Where it leads.
    pub next: StateId,
}

/// A Choice rule's condition.
#[derive(Debug)]
pub enum Condition {
    /// All of them.
    And(Vec<Condition>),
    /// Any of them.
    Or(Vec<Condition>),
    /// Not this one.
    Not(Box<Condition>),
    /// A comparison.
    Compare {
        /// `Variable`.
        variable: Path,
        /// The operator, such as `StringEquals`; its `Path` variants are the same operator.
        operator: Operator,
        /// What it is compared with.
        operand: Operand,
    },
}

/// The right side of a comparison.
#[derive(Debug)]
pub enum Operand {
    /// Written down.
    Literal(Value),
    /// Looked up by a path (`StringEqualsPath`, ...).
    Path(Path),
}

/// Comparison operators of a Choice, without their `Path` suffix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the specification's own")]
pub enum Operator {
    StringEquals,
    StringLessThan,
    StringGreaterThan,
    StringLessThanEquals,
    StringGreaterThanEquals,
    StringMatches,
    NumericEquals,
    NumericLessThan,
    NumericGreaterThan,
    NumericLessThanEquals,
    NumericGreaterThanEquals,
    BooleanEquals,
    TimestampEquals,
    TimestampLessThan,
    TimestampGreaterThan,
    TimestampLessThanEquals,
    TimestampGreaterThanEquals,
    IsNull,
    IsPresent,
    IsNumeric,
    IsString,
    IsBoolean,
    IsTimestamp,
}

/// A payload template: `Parameters`, `ResultSelector`, `ItemSelector`, compiled.
#[derive(Debug)]
pub enum Template {
    /// No `.$` field below: the value as written.
    Literal(Value),
    /// An object with `.$` fields somewhere in or below it.
    Object(Vec<Field>),
    /// A list that holds such objects.
    Array(Vec<Template>),
}

/// One field of a template's object.
#[derive(Debug)]
pub struct Field {
    /// Its name, without `.$`.
    pub name: String,
    /// Its value.
    pub value: FieldValue,
}

/// A template field's value.
#[derive(Debug)]
pub enum FieldValue {
    /// A nested template.
    Template(Template),
    /// `"name.$": "$.path"`.
    Path(Path),
    /// `"name.$": "States.Format(…)"`.
    Call(Call),
}

/// One retrier.
#[derive(Clone, Debug, PartialEq)]
pub struct Retrier {
    /// `ErrorEquals`.
    pub errors: Vec<String>,
    /// `IntervalSeconds`, 1 by default.
    pub interval_seconds: u64,
    /// `MaxAttempts`, 3 by default; 0 is never.
    pub max_attempts: u64,
    /// `BackoffRate`, 2.0 by default.
    pub backoff_rate: f64,
    /// `MaxDelaySeconds`.
    pub max_delay_seconds: Option<u64>,
    /// `JitterStrategy`: `FULL` instead of `NONE`.
    pub full_jitter: bool,
}

/// One catcher.
#[derive(Debug)]
pub struct Catcher {
    /// `ErrorEquals`.
    pub errors: Vec<String>,
    /// `Next`.
    pub next: StateId,
    /// `ResultPath`: where the error goes in the raw input.
    pub result_path: ResultPath,
}

impl Definition {
    /// The state with this id. Ids come from this definition, so there is one.
    #[must_use]
    pub fn state(&self, id: StateId) -> Option<&State> {
        self.states.get(usize::from(id.0))
    }

    /// What the Tasks of all levels call, in the order of the text: what a machine needs to run.
    pub fn resources(&self) -> impl Iterator<Item = &Resource> {
        self.states.iter().filter_map(|state| match &state.kind {
            StateKind::Task(task) => Some(&task.resource),
            _ => None,
        })
    }
}
