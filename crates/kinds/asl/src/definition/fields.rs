//! Which fields belong where: the tables that decide what is unknown, what is of the other query
//! language, and what is not built yet.
//!
//! Source: the developer guide's pages of each state; AWS's refusals of all combinations as
//! measured publicly with ValidateStateMachineDefinition.

/// What states of a type are called, and the bit that stands for them in the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Pass,
    Task,
    Choice,
    Wait,
    Succeed,
    Fail,
    Parallel,
    Map,
}

impl Type {
    pub(super) fn parse(name: &str) -> Option<Type> {
        Some(match name {
            "Pass" => Type::Pass,
            "Task" => Type::Task,
            "Choice" => Type::Choice,
            "Wait" => Type::Wait,
            "Succeed" => Type::Succeed,
            "Fail" => Type::Fail,
            "Parallel" => Type::Parallel,
            "Map" => Type::Map,
            _ => return None,
        })
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }

    /// Whether it goes on by `Next` or `End`.
    pub(super) fn goes_on(self) -> bool {
        !matches!(self, Type::Choice | Type::Succeed | Type::Fail)
    }
}

/// Which query language a field belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    Any,
    JsonPath,
    Jsonata,
}

const PASS: u8 = 1 << Type::Pass as u8;
const TASK: u8 = 1 << Type::Task as u8;
const CHOICE: u8 = 1 << Type::Choice as u8;
const WAIT: u8 = 1 << Type::Wait as u8;
const SUCCEED: u8 = 1 << Type::Succeed as u8;
const FAIL: u8 = 1 << Type::Fail as u8;
const PARALLEL: u8 = 1 << Type::Parallel as u8;
const MAP: u8 = 1 << Type::Map as u8;
const WORK: u8 = TASK | PARALLEL | MAP;
const FLOW: u8 = PASS | WAIT | WORK;

/// Field, the state types that have it, its language.
const STATE: &[(&str, u8, Language)] = &[
    ("Type", u8::MAX, Language::Any),
    ("Comment", u8::MAX, Language::Any),
    ("QueryLanguage", u8::MAX, Language::Any),
    ("Next", FLOW, Language::Any),
    ("End", FLOW, Language::Any),
    ("InputPath", FLOW | CHOICE | SUCCEED, Language::JsonPath),
    ("OutputPath", FLOW | CHOICE | SUCCEED, Language::JsonPath),
    ("ResultPath", PASS | WORK, Language::JsonPath),
    ("Parameters", PASS | WORK, Language::JsonPath),
    ("ResultSelector", WORK, Language::JsonPath),
    ("Arguments", TASK | PARALLEL, Language::Jsonata),
    ("Output", FLOW | CHOICE | SUCCEED, Language::Jsonata),
    ("Assign", FLOW | CHOICE, Language::Any),
    ("Retry", WORK, Language::Any),
    ("Catch", WORK, Language::Any),
    ("Result", PASS, Language::JsonPath),
    ("Resource", TASK, Language::Any),
    ("Credentials", TASK, Language::Any),
    ("TimeoutSeconds", TASK, Language::Any),
    ("TimeoutSecondsPath", TASK, Language::JsonPath),
    ("HeartbeatSeconds", TASK, Language::Any),
    ("HeartbeatSecondsPath", TASK, Language::JsonPath),
    ("Choices", CHOICE, Language::Any),
    ("Default", CHOICE, Language::Any),
    ("Seconds", WAIT, Language::Any),
    ("SecondsPath", WAIT, Language::JsonPath),
    ("Timestamp", WAIT, Language::Any),
    ("TimestampPath", WAIT, Language::JsonPath),
    ("Error", FAIL, Language::Any),
    ("ErrorPath", FAIL, Language::JsonPath),
    ("Cause", FAIL, Language::Any),
    ("CausePath", FAIL, Language::JsonPath),
    ("Branches", PARALLEL, Language::Any),
    ("ItemProcessor", MAP, Language::Any),
    ("Iterator", MAP, Language::Any),
    ("ItemsPath", MAP, Language::JsonPath),
    ("Items", MAP, Language::Jsonata),
    ("ItemSelector", MAP, Language::Any),
    ("MaxConcurrency", MAP, Language::Any),
    ("MaxConcurrencyPath", MAP, Language::JsonPath),
    ("ItemReader", MAP, Language::Any),
    ("ItemBatcher", MAP, Language::Any),
    ("ResultWriter", MAP, Language::Any),
    ("Label", MAP, Language::Any),
    ("ToleratedFailureCount", MAP, Language::Any),
    ("ToleratedFailureCountPath", MAP, Language::JsonPath),
    ("ToleratedFailurePercentage", MAP, Language::Any),
    ("ToleratedFailurePercentagePath", MAP, Language::JsonPath),
];

/// Fields that are correct but not built yet. A later milestone deletes its rows here, the two
/// values below, and reads the field.
const UNSUPPORTED: &[&str] = &[
    "Assign",
    "ItemReader",
    "ItemBatcher",
    "ResultWriter",
    "Label",
    "ToleratedFailureCount",
    "ToleratedFailureCountPath",
    "ToleratedFailurePercentage",
    "ToleratedFailurePercentagePath",
];

/// The query language that is not built yet.
pub(super) const UNSUPPORTED_LANGUAGE: &str = "JSONata";

/// The Map mode that is not built yet.
pub(super) const UNSUPPORTED_MODE: &str = "DISTRIBUTED";

/// What a state of this type makes of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Belongs there.
    Known(Language),
    /// Belongs there, but is not built yet.
    Unsupported(Language),
    /// Does not belong there.
    Unknown,
}

/// Judges a field of a state.
pub(super) fn of_state(kind: Type, field: &str) -> Verdict {
    let row = STATE.iter().find(|(name, types, _)| *name == field && types & kind.bit() != 0);
    match row {
        Some((_, _, language)) if UNSUPPORTED.contains(&field) => Verdict::Unsupported(*language),
        Some((_, _, language)) => Verdict::Known(*language),
        None => Verdict::Unknown,
    }
}

/// Judges a field of an object whose fields are listed.
pub(super) fn of_list(list: &[(&str, Language)], field: &str) -> Verdict {
    match list.iter().find(|(name, _)| *name == field) {
        Some((_, language)) if UNSUPPORTED.contains(&field) => Verdict::Unsupported(*language),
        Some((_, language)) => Verdict::Known(*language),
        None => Verdict::Unknown,
    }
}

/// The fields of a machine.
pub(super) const MACHINE: &[(&str, Language)] = &[
    ("Comment", Language::Any),
    ("QueryLanguage", Language::Any),
    ("StartAt", Language::Any),
    ("States", Language::Any),
    ("TimeoutSeconds", Language::Any),
    ("Version", Language::Any),
];

/// The fields of a Parallel's branch.
pub(super) const BRANCH: &[(&str, Language)] =
    &[("Comment", Language::Any), ("StartAt", Language::Any), ("States", Language::Any)];

/// The fields of a Map's processor.
pub(super) const PROCESSOR: &[(&str, Language)] = &[
    ("Comment", Language::Any),
    ("ProcessorConfig", Language::Any),
    ("StartAt", Language::Any),
    ("States", Language::Any),
];

/// The fields of a retrier.
pub(super) const RETRIER: &[(&str, Language)] = &[
    ("Comment", Language::Any),
    ("ErrorEquals", Language::Any),
    ("IntervalSeconds", Language::Any),
    ("MaxAttempts", Language::Any),
    ("BackoffRate", Language::Any),
    ("MaxDelaySeconds", Language::Any),
    ("JitterStrategy", Language::Any),
];

/// The fields of a catcher.
pub(super) const CATCHER: &[(&str, Language)] = &[
    ("Comment", Language::Any),
    ("ErrorEquals", Language::Any),
    ("Next", Language::Any),
    ("ResultPath", Language::JsonPath),
    ("Assign", Language::Any),
    ("Output", Language::Jsonata),
];
