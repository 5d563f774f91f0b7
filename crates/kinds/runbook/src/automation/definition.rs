//! A runbook made ready to run: steps numbered, references found.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::action::ActionKind;
use super::condition::Rule;
use crate::document::reference::Template;
use crate::document::{
    self, Action, Branch, Document, DocumentType, Format, Iterators, NextStep, Runbook, Step,
};

/// The text that an execution's definition is kept as: `{"Format": "YAML", "Content": "…"}`, with
/// the document as it was created. `Format` is that of the
/// document: `JSON`, `YAML` or `TEXT`.
#[must_use]
pub fn envelope(content: &str, format: &str) -> String {
    serde_json::json!({ "Format": format, "Content": content }).to_string()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope {
    format: String,
    content: String,
}

/// Reads an [`envelope`]; a text that is none is taken for the document itself, as JSON.
pub(crate) fn parse(text: &str) -> Result<Definition, String> {
    let (content, format) = match serde_json::from_str::<Envelope>(text) {
        Ok(found) => (found.content, Format::parse(&found.format).unwrap_or(Format::Json)),
        Err(_) => (text.to_owned(), Format::Json),
    };
    match document::parse(&content, format, DocumentType::Automation) {
        Ok(Document::Runbook(runbook)) => Ok(Definition::new(runbook)),
        Ok(_) => Err("the document is not a runbook".to_owned()),
        Err(problems) => Err(problems.message()),
    }
}

/// What an execution runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    runbook: Runbook,
    pub(crate) steps: Vec<Ready>,
    pub(crate) outline: Arc<Vec<Outline>>,
    main: u16,
    /// Main steps by name; names of a loop's steps are looked up in their loop.
    by_name: BTreeMap<String, u16>,
    pub(crate) assume_role: Option<Template>,
    pub(crate) defaults: Vec<Option<Template>>,
    pub(crate) variables: Vec<Option<Template>>,
}

/// What rows show of a step that has not started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outline {
    /// The step's name.
    pub name: String,
    /// Its action.
    pub action: ActionKind,
    /// The place of the loop that it is a step of.
    pub parent: Option<u16>,
}

/// A step made ready.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ready {
    pub(crate) step: Step,
    pub(crate) action: ActionKind,
    pub(crate) parent: Option<u16>,
    pub(crate) inputs: Vec<(String, Template)>,
    pub(crate) timeout: Option<Template>,
    pub(crate) attempts: Option<Template>,
    pub(crate) choices: Vec<(Rule, NextStep)>,
    pub(crate) default: Option<NextStep>,
    /// The places of a loop's steps.
    pub(crate) children: Range<u16>,
    pub(crate) condition: Option<Rule>,
}

impl Definition {
    /// Makes a runbook ready.
    #[must_use]
    pub fn new(runbook: Runbook) -> Self {
        let mut steps: Vec<Ready> =
            runbook.steps.iter().map(|step| Ready::of(step, None)).collect();
        let main = number(steps.len());
        for place in 0..main {
            let from = number(steps.len());
            if let Action::Loop(found) = &runbook.steps[usize::from(place)].action {
                steps.extend(found.steps.iter().map(|step| Ready::of(step, Some(place))));
            }
            let to = number(steps.len());
            steps[usize::from(place)].children = from..to;
        }
        let outline = steps.iter().map(|ready| Outline {
            name: ready.step.name.clone(),
            action: ready.action,
            parent: ready.parent,
        });
        let outline = Arc::new(outline.collect());
        let named =
            steps.iter().zip(0..main).map(|(ready, place)| (ready.step.name.clone(), place));
        let by_name = named.collect();
        let of = |value: &serde_json::Value| Template::parse(value);
        Self {
            outline,
            main,
            by_name,
            assume_role: runbook.assume_role.as_deref().map(Template::parse_text),
            defaults: runbook.parameters.iter().map(|p| p.default.as_ref().map(of)).collect(),
            variables: runbook.variables.iter().map(|v| v.default.as_ref().map(of)).collect(),
            steps,
            runbook,
        }
    }

    /// The runbook as it was parsed.
    #[must_use]
    pub fn runbook(&self) -> &Runbook {
        &self.runbook
    }

    pub(crate) fn ready(&self, place: u16) -> Option<&Ready> {
        self.steps.get(usize::from(place))
    }

    /// The place of the step of that name, seen from a step: one of the same loop, or a main step.
    pub(crate) fn place(&self, name: &str, parent: Option<u16>) -> Option<u16> {
        match parent {
            None => self.by_name.get(name).copied(),
            Some(parent) => self.child(parent, name),
        }
    }

    /// The place of a loop's step.
    pub(crate) fn child(&self, parent: u16, name: &str) -> Option<u16> {
        let mut children = self.ready(parent)?.children.clone();
        children.find(|place| self.ready(*place).is_some_and(|ready| ready.step.name == name))
    }

    /// The place of the step after this one, on its level.
    pub(crate) fn following(&self, place: u16) -> Option<u16> {
        let end = match self.ready(place)?.parent {
            None => self.main,
            Some(parent) => self.ready(parent)?.children.end,
        };
        (place + 1 < end).then_some(place + 1)
    }

    /// The place of a step of any level by its name, if there is one.
    pub(crate) fn anywhere(&self, name: &str) -> Option<u16> {
        let place = self.steps.iter().position(|ready| ready.step.name == name)?;
        u16::try_from(place).ok()
    }
}

/// A document holds at most 64 KB, so its steps can be counted.
fn number(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

impl Ready {
    fn of(step: &Step, parent: Option<u16>) -> Self {
        let (mut choices, mut default, mut condition) = (Vec::new(), None, None);
        let of = |branch: &Branch| {
            branch.choices.iter().map(|c| (Rule::of(&c.condition), c.next.clone())).collect()
        };
        match &step.action {
            Action::Branch(branch) => {
                choices = of(branch);
                default.clone_from(&branch.default);
            }
            Action::Loop(found) => {
                if let Iterators::While { condition: found, .. } = &found.over {
                    condition = Some(Rule::of(found));
                }
            }
            Action::Inputs => {}
        }
        // What a loop does in each pass is resolved then.
        let is_late = |name: &str| {
            matches!(step.action, Action::Loop(_)) && matches!(name, "Steps" | "LoopCondition")
        };
        let inputs = step.inputs.iter().filter(|(name, _)| !is_late(name));
        Self {
            action: ActionKind::from_name(&step.action_name),
            parent,
            inputs: inputs.map(|(name, value)| (name.clone(), Template::parse(value))).collect(),
            timeout: step.timeout_seconds.as_ref().map(Template::parse),
            attempts: step.max_attempts.as_ref().map(Template::parse),
            choices,
            default,
            children: 0..0,
            condition,
            step: step.clone(),
        }
    }
}
