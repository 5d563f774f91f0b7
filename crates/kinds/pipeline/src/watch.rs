//! What a watcher looks at for a pipeline, and what follows from what it sees.
//!
//! ```text
//!   Structure ─ watches ─▶ Watch: an action, its source, what of it counts
//!                            │
//!   Pipeline::seen ──┐       ▼
//!   what is now ─────┴─▶ compare ─▶ changes of what is seen, and News: executions to start
//! ```
//!
//! What was seen of a source begins with a stamp of what was looked for: another branch, or other
//! filters, are a new beginning and no change. The first look never starts anything.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use trackway_core::ExecutionId;

use crate::glob;
use crate::request::SourceRevision;
use crate::signal::StartRun;
use crate::structure::{Action, GitPush, Globs, Structure};

/// What is not there, where something could be.
const ABSENT: &str = "-";
/// Branches and tags that one action may wait for; a repository that has more is not watched.
pub const REFS_MAX: usize = 2000;

/// Where a revision comes from. Sources that are equal are looked at once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A git repository, by the name that the configuration maps to a remote.
    Repository(String),
    /// An object of S3.
    Object {
        /// Its bucket.
        bucket: String,
        /// Its key.
        key: String,
    },
}

/// What a source has now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Now {
    /// Of a repository: the commits of its branches and tags, `refs/heads/main`.
    Refs(BTreeMap<String, String>),
    /// Of an object: its revision; none if it is not there.
    Revision(Option<String>),
}

/// One source action that is watched.
#[derive(Clone, Debug, PartialEq)]
pub struct Watch {
    /// Its name.
    pub action: String,
    /// Its source.
    pub source: Source,
    want: Want,
    /// `trigger.triggerType` of what it starts.
    trigger_type: &'static str,
    /// `trigger.triggerDetail`, as far as it is known beforehand.
    detail: Value,
    stamp: String,
    /// What the action found last, by itself. The first look compares with this: what was pushed
    /// since the pipeline's first execution is new.
    pub found: Option<String>,
}

/// What of a source counts.
#[derive(Clone, Debug, PartialEq)]
enum Want {
    Object,
    /// The newest commit of a branch.
    Branch(String),
    /// Any push that one of these lets through; the branch of the action's configuration.
    Pushes(Vec<GitPush>, String),
}

/// Something new, and what it starts.
#[derive(Clone, Debug, PartialEq)]
pub struct News {
    /// The source action.
    pub action: String,
    /// Its source.
    pub source: Source,
    /// The branch or tag that was pushed, where any may be: it has an execution of its own.
    pub pushed: Option<String>,
    /// The commit or revision before; for a new branch that of the configured one.
    pub before: Option<String>,
    /// The commit or revision now.
    pub now: String,
    /// It counts only if one of these lets a changed file through; always if there is none.
    pub files: Vec<Globs>,
    trigger_type: &'static str,
    detail: Value,
}

/// What was seen, and is to be kept: key, what it is taken for, what it is now.
pub type Change = (String, Option<String>, Option<String>);

/// The repository that a source action of this provider names; none for another provider.
#[must_use]
pub fn repository_of(provider: &str, configuration: &Map<String, Value>) -> Option<String> {
    let text = |key: &str| text(configuration, key);
    match provider {
        "CodeStarSourceConnection" => Some(text("FullRepositoryId").to_owned()),
        "CodeCommit" => Some(text("RepositoryName").to_owned()),
        "GitHub" => Some(format!("{}/{}", text("Owner"), text("Repo"))),
        _ => None,
    }
}

/// `BranchName`; GitHub's is called `Branch`.
#[must_use]
pub fn branch_of<'a>(provider: &str, configuration: &'a Map<String, Value>) -> &'a str {
    text(configuration, if provider == "GitHub" { "Branch" } else { "BranchName" })
}

/// The source of an action; none if it has none that can be looked at.
#[must_use]
pub fn source_of(action: &Action) -> Option<Source> {
    let configuration = &action.configuration;
    let provider = action.action_type_id.provider.as_str();
    if action.action_type_id.category != "Source" {
        return None;
    }
    if provider == "S3" {
        let text = |key: &str| text(configuration, key).to_owned();
        return Some(Source::Object { bucket: text("S3Bucket"), key: text("S3ObjectKey") });
    }
    repository_of(provider, configuration).map(Source::Repository)
}

/// The source actions of a pipeline.
pub fn sources(structure: &Structure) -> impl Iterator<Item = &Action> {
    let first = structure.stages.first().map(|stage| stage.actions.as_slice());
    first.unwrap_or_default().iter()
}

/// What is watched for a pipeline.
#[must_use]
pub fn watches(structure: &Structure) -> Vec<Watch> {
    sources(structure).filter_map(|action| watch(structure, action)).collect()
}

fn watch(structure: &Structure, action: &Action) -> Option<Watch> {
    let source = source_of(action)?;
    let configuration = &action.configuration;
    let provider = action.action_type_id.provider.as_str();
    let is_off = |key: &str| text(configuration, key).eq_ignore_ascii_case("false");
    let trigger = structure
        .triggers
        .iter()
        .map(|trigger| &trigger.git_configuration)
        .find(|trigger| trigger.source_action_name == action.name);
    let branch = branch_of(provider, configuration).to_owned();
    let by_connection = provider == "CodeStarSourceConnection";
    let want = match (&source, trigger) {
        (Source::Object { .. }, _) if is_off("PollForSourceChanges") => return None,
        (Source::Object { .. }, _) => Want::Object,
        (_, Some(trigger)) if by_connection && !trigger.push.is_empty() => {
            Want::Pushes(trigger.push.clone(), branch)
        }
        // Pull requests are not to be seen in a repository, only at the service that hosts it.
        (_, Some(trigger)) if by_connection && !trigger.pull_request.is_empty() => return None,
        (_, Some(_)) if by_connection => Want::Branch(branch),
        _ if is_off(if by_connection { "DetectChanges" } else { "PollForSourceChanges" }) => {
            return None;
        }
        _ => Want::Branch(branch),
    };
    let (trigger_type, detail) = match (by_connection, &source) {
        (true, Source::Repository(name)) => {
            let connection = text(configuration, "ConnectionArn");
            ("WebhookV2", json!({ "ConnectionArn": connection, "FullRepositoryName": name }))
        }
        _ => ("PollForSourceChanges", Value::Null),
    };
    let stamp = stamp(&source, &want);
    let action = action.name.clone();
    Some(Watch { action, source, want, trigger_type, detail, stamp, found: None })
}

/// Under which the commit of a branch or tag is seen that any push may be of.
fn pushed_key(action: &str, name: &str) -> String {
    format!("{action}\n{name}")
}

/// Eight digits that are others for another source or other filters.
fn stamp(source: &Source, want: &Want) -> String {
    let text = match want {
        Want::Object => format!("{source:?}"),
        Want::Branch(branch) => format!("{source:?} {branch}"),
        Want::Pushes(filters, _) => {
            let filters = serde_json::to_string(filters).unwrap_or_default();
            format!("{source:?} pushes {filters}")
        }
    };
    let hash = ExecutionId::of(&text).0;
    format!("{:08x}", u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]))
}

/// Compares what a pipeline's sources have now with what was seen. Of a source that `now` does not
/// know nothing changes.
#[must_use]
pub fn compare(
    watches: &[Watch],
    seen: &BTreeMap<String, String>,
    now: impl Fn(&Source) -> Option<Now>,
) -> (Vec<Change>, Vec<News>) {
    let mut wanted = seen.clone();
    let mut news = Vec::new();
    wanted.retain(|key, _| {
        let action = key.split('\n').next().unwrap_or_default();
        watches.iter().any(|watch| watch.action == action)
    });
    for watch in watches {
        let Some(now) = now(&watch.source) else { continue };
        watch.compare(&now, &mut wanted, &mut news);
    }
    let gone = seen.keys().filter(|key| !wanted.contains_key(*key));
    let gone = gone.map(|key| (key.clone(), seen.get(key).cloned(), None));
    let other = wanted.iter().filter(|(key, value)| seen.get(*key) != Some(*value));
    let other =
        other.map(|(key, value)| (key.clone(), seen.get(key).cloned(), Some(value.clone())));
    (gone.chain(other).collect(), news)
}

impl Watch {
    fn compare(&self, now: &Now, seen: &mut BTreeMap<String, String>, news: &mut Vec<News>) {
        match (&self.want, now) {
            (Want::Object, Now::Revision(revision)) => {
                self.compare_one(revision.as_deref(), seen, news);
            }
            (Want::Branch(branch), Now::Refs(refs)) => {
                self.drop_pushed(seen);
                let commit = refs.get(&format!("refs/heads/{branch}"));
                self.compare_one(commit.map(String::as_str), seen, news);
            }
            (Want::Pushes(filters, branch), Now::Refs(refs)) => {
                self.compare_pushed(filters, (branch, refs), (seen, news));
            }
            _ => {}
        }
    }

    fn compare_one(
        &self,
        now: Option<&str>,
        seen: &mut BTreeMap<String, String>,
        news: &mut Vec<News>,
    ) {
        let value = format!("{} {}", self.stamp, now.unwrap_or(ABSENT));
        let before = seen.insert(self.action.clone(), value);
        let before = match &before {
            Some(before) => self.stamped(before),
            None => self.found.as_deref(),
        };
        // The first look, or the first one at this source.
        let Some(before) = before else { return };
        if let Some(now) = now.filter(|now| *now != before) {
            let before = Some(before.to_owned()).filter(|before| before != ABSENT);
            news.push(self.news(None, before, now));
        }
    }

    fn compare_pushed(
        &self,
        filters: &[GitPush],
        (branch, refs): (&str, &BTreeMap<String, String>),
        (seen, news): (&mut BTreeMap<String, String>, &mut Vec<News>),
    ) {
        let is_first =
            seen.insert(self.action.clone(), self.stamp.clone()).as_ref() != Some(&self.stamp);
        let mut before: BTreeMap<String, String> = BTreeMap::new();
        seen.retain(|key, commit| match self.pushed(key) {
            Some(name) => {
                before.insert(name.to_owned(), std::mem::take(commit));
                false
            }
            None => true,
        });
        let configured = refs.get(&format!("refs/heads/{branch}"));
        for (name, commit) in refs {
            let Some(files) = admitted(filters, name) else { continue };
            seen.insert(pushed_key(&self.action, name), commit.clone());
            let before = before.get(name);
            if is_first || before == Some(commit) {
                continue;
            }
            let before = before.or(configured).cloned();
            let files = files.into_iter().cloned().collect();
            news.push(News { files, ..self.news(Some(name), before, commit) });
        }
    }

    /// How many branches and tags of these it waits for.
    #[must_use]
    pub fn refs_wanted(&self, refs: &BTreeMap<String, String>) -> usize {
        match &self.want {
            Want::Pushes(filters, _) => {
                refs.keys().filter(|name| admitted(filters, name).is_some()).count()
            }
            _ => 1,
        }
    }

    fn news(&self, pushed: Option<&str>, before: Option<String>, now: &str) -> News {
        News {
            action: self.action.clone(),
            source: self.source.clone(),
            pushed: pushed.map(str::to_owned),
            before,
            now: now.to_owned(),
            files: Vec::new(),
            trigger_type: self.trigger_type,
            detail: self.detail.clone(),
        }
    }

    fn stamped<'a>(&self, value: &'a str) -> Option<&'a str> {
        value.strip_prefix(&self.stamp)?.strip_prefix(' ')
    }

    /// The branch or tag that a key is of.
    fn pushed<'a>(&self, key: &'a str) -> Option<&'a str> {
        key.strip_prefix(&self.action)?.strip_prefix('\n')
    }

    fn drop_pushed(&self, seen: &mut BTreeMap<String, String>) {
        seen.retain(|key, _| self.pushed(key).is_none());
    }
}

/// Whether a push to this ref counts; if so, the filters of files of which one must let it through.
fn admitted<'a>(filters: &'a [GitPush], name: &str) -> Option<Vec<&'a Globs>> {
    let mut files = Vec::new();
    for filter in filters {
        let is_meant = match (name.strip_prefix("refs/heads/"), name.strip_prefix("refs/tags/")) {
            (Some(branch), _) if filter.tags.is_none() => {
                filter.branches.as_ref().is_none_or(|globs| admits(globs, branch))
            }
            (_, Some(tag)) => filter.tags.as_ref().is_some_and(|globs| admits(globs, tag)),
            _ => false,
        };
        match &filter.file_paths {
            Some(globs) if is_meant => files.push(globs),
            None if is_meant => return Some(Vec::new()),
            _ => {}
        }
    }
    (!files.is_empty()).then_some(files)
}

/// Whether a name is let through. What is excluded is out, whatever includes it.
#[must_use]
pub fn admits(globs: &Globs, name: &str) -> bool {
    let any = |patterns: &[String]| patterns.iter().any(|pattern| glob::matches(pattern, name));
    (globs.includes.is_empty() || any(&globs.includes)) && !any(&globs.excludes)
}

impl News {
    /// Of a push, under which its commit is seen.
    fn key(&self) -> Option<String> {
        Some(pushed_key(&self.action, self.pushed.as_ref()?))
    }

    /// Whether it counts, with these changed files.
    #[must_use]
    pub fn counts(&self, changed: &[String]) -> bool {
        self.files.is_empty()
            || changed.iter().any(|file| self.files.iter().any(|globs| admits(globs, file)))
    }
}

/// Of the news all but pushes, and so many pushes; of the changes those without the other pushes,
/// which are then as new at the next look as they are now. For a pipeline that has no room for all.
#[must_use]
pub fn first(changes: &[Change], news: &[News], pushes: usize) -> (Vec<Change>, Vec<News>) {
    let later: BTreeSet<String> = news.iter().filter_map(News::key).skip(pushes).collect();
    let is_now = |one: &&News| one.key().is_none_or(|key| !later.contains(&key));
    let changes = changes.iter().filter(|(key, _, _)| !later.contains(key));
    (changes.cloned().collect(), news.iter().filter(is_now).cloned().collect())
}

/// The executions that news start: one for each push, one for all else together. `id` draws ids.
pub fn starts<E>(
    news: &[News],
    mut id: impl FnMut() -> Result<u128, E>,
) -> Result<Vec<StartRun>, E> {
    let mut starts = Vec::new();
    let (pushed, plain): (Vec<&News>, Vec<&News>) =
        news.iter().partition(|news| news.pushed.is_some());
    for news in plain.into_iter().take(1).chain(pushed) {
        let source_revisions = news.pushed.iter().map(|name| SourceRevision {
            action_name: news.action.clone(),
            revision_type: "COMMIT_ID".to_owned(),
            revision_value: format!("{name}@{}", news.now),
        });
        starts.push(StartRun {
            execution: id()?,
            trigger_type: news.trigger_type.to_owned(),
            trigger_detail: news.trigger_detail(),
            variables: Map::new(),
            source_revisions: source_revisions.collect(),
        });
    }
    Ok(starts)
}

impl News {
    /// AWS does not say what it writes here; of a connection it is JSON.
    fn trigger_detail(&self) -> String {
        let Value::Object(detail) = &self.detail else { return self.action.clone() };
        let mut detail = detail.clone();
        let name = self.pushed.as_deref();
        if let Some(branch) = name.and_then(|name| name.strip_prefix("refs/heads/")) {
            detail.insert("BranchName".to_owned(), branch.into());
        }
        if let Some(tag) = name.and_then(|name| name.strip_prefix("refs/tags/")) {
            detail.insert("TagName".to_owned(), tag.into());
        }
        detail.insert("CommitId".to_owned(), self.now.as_str().into());
        Value::Object(detail).to_string()
    }
}

fn text<'a>(configuration: &'a Map<String, Value>, key: &str) -> &'a str {
    configuration.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests;
