//! The parsed form of a runbook, schema version 0.3.

use serde_json::{Map, Value};

/// A runbook that was accepted: names are unique, every jump has its target.
#[derive(Clone, Debug, PartialEq)]
pub struct Runbook {
    /// `description`.
    pub description: Option<String>,
    /// `assumeRole`: a role's ARN, or a reference to a parameter.
    pub assume_role: Option<String>,
    /// `parameters`, in the document's order.
    pub parameters: Vec<Parameter>,
    /// `variables`, in the document's order.
    pub variables: Vec<Variable>,
    /// `mainSteps`, in the document's order; at least one.
    pub steps: Vec<Step>,
    /// `outputs`.
    pub outputs: Vec<OutputReference>,
}

/// A parameter that a document declares. Command documents declare them alike.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// `type`.
    pub kind: ParameterType,
    /// `description`.
    pub description: Option<String>,
    /// `default`; required where there is none. May be a `{{ ssm:NAME }}` reference.
    pub default: Option<Value>,
    /// `allowedValues`; empty for any.
    pub allowed_values: Vec<Value>,
    /// `allowedPattern`.
    pub allowed_pattern: Option<String>,
    /// `minItems`.
    pub min_items: Option<u64>,
    /// `maxItems`.
    pub max_items: Option<u64>,
    /// `minChars`.
    pub min_chars: Option<u64>,
    /// `maxChars`.
    pub max_chars: Option<u64>,
}

/// A parameter's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParameterType {
    /// `String`.
    String,
    /// `StringList`.
    StringList,
    /// `Integer`.
    Integer,
    /// `Boolean`.
    Boolean,
    /// `StringMap`.
    StringMap,
    /// `MapList`.
    MapList,
    /// `AWS::EC2::Instance::Id` and its like: a string of that form.
    Aws(String),
    /// `List<AWS::EC2::Instance::Id>` and its like.
    AwsList(String),
}

/// A variable of a runbook.
#[derive(Clone, Debug, PartialEq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// `type`.
    pub kind: ParameterType,
    /// `default`; may be a reference to a parameter.
    pub default: Option<Value>,
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// `name`, unique in the document, loops included.
    pub name: String,
    /// `action`, such as `aws:branch`.
    pub action_name: String,
    /// `description`.
    pub description: Option<String>,
    /// `maxAttempts`.
    pub max_attempts: Option<Value>,
    /// `timeoutSeconds`; a number, or a reference to one.
    pub timeout_seconds: Option<Value>,
    /// `onFailure`.
    pub on_failure: Option<OnFailure>,
    /// `onCancel`.
    pub on_cancel: Option<OnCancel>,
    /// `isEnd`.
    pub is_end: Option<bool>,
    /// `nextStep`.
    pub next_step: Option<NextStep>,
    /// `isCritical`.
    pub is_critical: Option<bool>,
    /// `inputs` as written.
    pub inputs: Map<String, Value>,
    /// `outputs`.
    pub outputs: Vec<Output>,
    /// What the action itself consists of, where that is more than its inputs.
    pub action: Action,
}

/// What kind of step it is. The 23 actions of the Automation reference; those that are made of
/// inputs only are told apart by [`Step::action_name`].
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// `aws:branch`.
    Branch(Branch),
    /// `aws:loop`.
    Loop(Loop),
    /// Any other action of the reference.
    Inputs,
}

/// `aws:branch`.
#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    /// `Choices`, in order; at least one.
    pub choices: Vec<Choice>,
    /// `Default`.
    pub default: Option<NextStep>,
}

/// One choice of a branch.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// `NextStep`.
    pub next: NextStep,
    /// When it is taken.
    pub condition: Condition,
}

/// When a choice is taken or a loop goes on.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// One comparison.
    Test(Test),
    /// `And`.
    And(Vec<Condition>),
    /// `Or`.
    Or(Vec<Condition>),
    /// `Not`: none of these holds.
    Not(Vec<Condition>),
}

/// One comparison of a variable with a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    /// `Variable`: a reference, or a text with references.
    pub variable: Value,
    /// Which comparison.
    pub operator: Operator,
    /// What with; may hold references.
    pub operand: Value,
}

/// The comparisons of `aws:branch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as the reference names them")]
pub enum Operator {
    StringEquals,
    EqualsIgnoreCase,
    StartsWith,
    EndsWith,
    Contains,
    NumericEquals,
    NumericGreater,
    NumericLesser,
    NumericGreaterOrEquals,
    NumericLesserOrEquals,
    BooleanEquals,
}

/// `aws:loop`.
#[derive(Clone, Debug, PartialEq)]
pub struct Loop {
    /// `Steps`, at least one; no loop among them.
    pub steps: Vec<Step>,
    /// What it goes over.
    pub over: Iterators,
}

/// What a loop goes over.
#[derive(Clone, Debug, PartialEq)]
pub enum Iterators {
    /// `Iterators`: a list, or a reference to one, with `IteratorDataType`.
    Each {
        /// The values.
        values: Value,
        /// The declared type of each; `String` if none is declared.
        kind: ParameterType,
    },
    /// `LoopCondition` with `MaxIterations`: goes on while the condition holds.
    While {
        /// When it goes on.
        condition: Condition,
        /// At most so many passes; a number, or a reference to one.
        max_iterations: Value,
    },
}

/// Where a step, a choice or a failure leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// The step of that name.
    Step(String),
    /// A name that is a reference, resolved when it is taken.
    Reference(String),
}

/// `onFailure`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// `Abort`, the default.
    Abort,
    /// `Continue`.
    Continue,
    /// `step:NAME`.
    Step(String),
}

/// `onCancel`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnCancel {
    /// `Abort`, the default.
    Abort,
    /// `step:NAME`.
    Step(String),
}

/// One declared output of a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// `Name`.
    pub name: String,
    /// `Selector`, a JSONPath.
    pub selector: String,
    /// `Type`; `String` if none is declared.
    pub kind: ParameterType,
}

/// One of the document's `outputs`: `step.Output`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputReference {
    /// As written, without `{{ }}`.
    pub text: String,
}
