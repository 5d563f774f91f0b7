use super::*;

type Seen = BTreeMap<String, String>;

/// A pipeline with one source action of this provider and configuration, and these triggers.
fn structure(provider: &str, configuration: Value, push: Value) -> Structure {
    let triggers = match &push {
        Value::Null => json!([]),
        _ => json!([{
            "providerType": "CodeStarSourceConnection",
            "gitConfiguration": { "sourceActionName": "Source", "push": push },
        }]),
    };
    let action = json!({
        "name": "Source",
        "actionTypeId": { "category": "Source", "owner": "AWS", "provider": provider, "version": "1" },
        "configuration": configuration,
    });
    let text = json!({ "stages": [{ "name": "S", "actions": [action] }], "triggers": triggers });
    serde_json::from_value(text).unwrap()
}

fn connection(push: Value) -> Structure {
    let configuration =
        json!({ "ConnectionArn": "c", "FullRepositoryId": "o/r", "BranchName": "main" });
    structure("CodeStarSourceConnection", configuration, push)
}

fn refs(all: &[(&str, &str)]) -> Now {
    Now::Refs(all.iter().map(|(name, id)| ((*name).to_owned(), (*id).to_owned())).collect())
}

/// Looks once: what started, as `ref@now` or the revision, and what is seen then.
fn look(structure: &Structure, seen: &mut Seen, now: &Now) -> Vec<String> {
    let (changes, news) = compare(&watches(structure), seen, |_| Some(now.clone()));
    for (key, before, after) in changes {
        assert_eq!(seen.get(&key), before.as_ref());
        match after {
            Some(after) => seen.insert(key, after),
            None => seen.remove(&key),
        };
    }
    let start = |news: &News| match &news.pushed {
        Some(name) => format!("{name}@{}", news.now),
        None => news.now.clone(),
    };
    news.iter().map(start).collect()
}

#[test]
fn the_first_look_starts_nothing_and_a_change_starts_once() {
    let structure = connection(Value::Null);
    let mut seen = Seen::new();
    let one = refs(&[("refs/heads/main", "1"), ("refs/heads/other", "1")]);
    assert!(look(&structure, &mut seen, &one).is_empty());
    assert!(look(&structure, &mut seen, &one).is_empty());
    let two = refs(&[("refs/heads/main", "2"), ("refs/heads/other", "9")]);
    assert_eq!(look(&structure, &mut seen, &two), ["2"]);
    assert!(look(&structure, &mut seen, &two).is_empty());
    assert!(look(&structure, &mut seen, &refs(&[])).is_empty(), "the branch is gone");
    assert_eq!(look(&structure, &mut seen, &two), ["2"], "and back");
}

#[test]
fn what_appears_after_the_first_look_is_new() {
    let configuration = json!({ "S3Bucket": "b", "S3ObjectKey": "k" });
    let structure = structure("S3", configuration, Value::Null);
    let mut seen = Seen::new();
    assert!(look(&structure, &mut seen, &Now::Revision(None)).is_empty());
    assert_eq!(look(&structure, &mut seen, &Now::Revision(Some("v1".to_owned()))), ["v1"]);
}

#[test]
fn what_was_pushed_between_the_first_execution_and_the_first_look_is_new() {
    let mut watches = watches(&connection(Value::Null));
    watches[0].found = Some("1".to_owned());
    for (now, is_new) in [("1", false), ("2", true)] {
        let now = refs(&[("refs/heads/main", now)]);
        let (changes, news) = compare(&watches, &Seen::new(), |_| Some(now.clone()));
        assert_eq!((changes.len(), !news.is_empty()), (1, is_new));
    }
}

#[test]
fn another_source_is_a_new_beginning() {
    let mut seen = Seen::new();
    let configuration = |branch: &str| json!({ "RepositoryName": "r", "BranchName": branch });
    let now = refs(&[("refs/heads/main", "1"), ("refs/heads/dev", "2")]);
    let first = structure("CodeCommit", configuration("main"), Value::Null);
    assert!(look(&first, &mut seen, &now).is_empty());
    let second = structure("CodeCommit", configuration("dev"), Value::Null);
    assert!(look(&second, &mut seen, &now).is_empty());
    let pushes = json!([{ "branches": { "includes": ["**"] } }]);
    assert!(look(&connection(pushes), &mut seen, &now).is_empty());
    assert_eq!(seen.len(), 3);
    assert!(look(&first, &mut seen, &now).is_empty());
    assert_eq!(seen.len(), 1, "what pushes needed is gone: {seen:?}");
    let none = Structure::default();
    assert!(look(&none, &mut seen, &now).is_empty());
    assert!(seen.is_empty());
}

#[test]
fn a_source_that_can_t_be_looked_at_changes_nothing() {
    let structure = connection(Value::Null);
    let mut seen = Seen::new();
    look(&structure, &mut seen, &refs(&[("refs/heads/main", "1")]));
    let (changes, news) = compare(&watches(&structure), &seen, |_| None);
    assert!(changes.is_empty() && news.is_empty());
}

#[test]
fn sources_that_are_not_to_be_watched_are_not() {
    for (provider, key, is_watched) in [
        ("CodeStarSourceConnection", "DetectChanges", false),
        ("CodeStarSourceConnection", "PollForSourceChanges", true),
        ("CodeCommit", "PollForSourceChanges", false),
        ("GitHub", "PollForSourceChanges", false),
        ("S3", "PollForSourceChanges", false),
        ("S3", "Other", true),
        ("ECR", "Other", false),
    ] {
        let structure = structure(provider, json!({ key: "false" }), Value::Null);
        assert_eq!(!watches(&structure).is_empty(), is_watched, "{provider} {key}");
    }
    let mut by_request = connection(json!([]));
    by_request.triggers[0].git_configuration.pull_request = vec![Default::default()];
    assert!(watches(&by_request).is_empty());
}

#[test]
fn filters_of_pushes_choose_branches_and_tags() {
    let branch = |include: &str, exclude: &str| json!({ "branches": { "includes": [include], "excludes": [exclude] } });
    let tag = |include: &str| json!({ "tags": { "includes": [include] } });
    let all =
        ["refs/heads/main", "refs/heads/feature/a", "refs/heads/feature/wip-b", "refs/tags/v1"];
    for (filters, expected) in [
        (json!([branch("main", "")]), vec!["refs/heads/main"]),
        (json!([branch("**", "*")]), vec!["refs/heads/feature/a", "refs/heads/feature/wip-b"]),
        (json!([branch("feature/**", "**/wip-*")]), vec!["refs/heads/feature/a"]),
        (json!([branch("*", ""), tag("v*")]), vec!["refs/heads/main", "refs/tags/v1"]),
        (json!([tag("x")]), vec![]),
        (json!([{ "branches": { "excludes": ["main"] } }]), all[1..3].to_vec()),
        (json!([{}]), all[..3].to_vec()),
    ] {
        let structure = connection(filters.clone());
        let mut seen = Seen::new();
        assert!(look(&structure, &mut seen, &refs(&[])).is_empty());
        let now: Vec<_> = all.iter().map(|name| (*name, "1")).collect();
        let mut started = look(&structure, &mut seen, &refs(&now));
        started.sort();
        let mut expected: Vec<_> = expected.iter().map(|name| format!("{name}@1")).collect();
        expected.sort();
        assert_eq!(started, expected, "{filters}");
        assert!(look(&structure, &mut seen, &refs(&now)).is_empty());
    }
}

#[test]
fn filters_of_files_look_at_what_changed() {
    let filters = json!([
        { "branches": { "includes": ["main"] }, "filePaths": { "includes": ["src/**"], "excludes": ["**/*.md"] } },
        { "branches": { "includes": ["dev"] } },
    ]);
    let structure = connection(filters);
    let watches = watches(&structure);
    let mut seen = Seen::new();
    let before = refs(&[("refs/heads/main", "1"), ("refs/heads/dev", "1")]);
    look(&structure, &mut seen, &before);
    let now = refs(&[("refs/heads/main", "2"), ("refs/heads/dev", "2")]);
    let (_, news) = compare(&watches, &seen, |_| Some(now.clone()));
    let of = |name: &str| news.iter().find(|news| news.pushed.as_deref() == Some(name)).unwrap();
    let changed = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let main = of("refs/heads/main");
    assert_eq!(main.before.as_deref(), Some("1"));
    assert!(main.counts(&changed(&["README.md", "src/a.rs"])));
    assert!(!main.counts(&changed(&["README.md", "src/a.md"])));
    assert!(!main.counts(&[]));
    assert!(of("refs/heads/dev").counts(&[]));
}

#[test]
fn each_push_starts_an_execution_of_its_own_and_all_else_one() {
    let structure = connection(json!([{ "branches": { "includes": ["*"] } }]));
    let mut seen = Seen::new();
    look(&structure, &mut seen, &refs(&[]));
    let now = refs(&[("refs/heads/a", "1"), ("refs/heads/b", "2")]);
    let (_, mut news) = compare(&watches(&structure), &seen, |_| Some(now.clone()));
    for action in ["One", "Two"] {
        news.push(News {
            action: action.to_owned(),
            pushed: None,
            trigger_type: "PollForSourceChanges",
            detail: Value::Null,
            ..news[0].clone()
        });
    }
    let mut next = 0;
    let started = starts(&news, || {
        next += 1;
        Ok::<_, ()>(next)
    });
    let started = started.unwrap();
    let shown: Vec<_> = started
        .iter()
        .map(|start| {
            let revision = start.source_revisions.first().map(|it| it.revision_value.as_str());
            (start.trigger_type.as_str(), revision, start.trigger_detail.as_str())
        })
        .collect();
    let detail = |branch: &str, commit: &str| {
        format!(
            r#"{{"ConnectionArn":"c","FullRepositoryName":"o/r","BranchName":"{branch}","CommitId":"{commit}"}}"#
        )
    };
    let expected = [
        ("PollForSourceChanges", None, "One"),
        ("WebhookV2", Some("refs/heads/a@1"), &detail("a", "1")),
        ("WebhookV2", Some("refs/heads/b@2"), &detail("b", "2")),
    ];
    assert_eq!(shown, expected);
}

#[test]
fn pushes_without_room_stay_as_new_as_they_are() {
    let structure = connection(json!([{ "branches": { "includes": ["**"] } }]));
    let mut seen = Seen::new();
    assert!(look(&structure, &mut seen, &refs(&[("refs/heads/main", "1")])).is_empty());
    let now = refs(&[("refs/heads/a", "2"), ("refs/heads/b", "3"), ("refs/heads/main", "4")]);
    let mut started = Vec::new();
    while started.len() < 3 {
        let (changes, news) = compare(&watches(&structure), &seen, |_| Some(now.clone()));
        assert_eq!(news.len(), 3 - started.len());
        let (changes, news) = first(&changes, &news, 1);
        assert_eq!((changes.len(), news.len()), (1, 1));
        seen.extend(changes.into_iter().filter_map(|(key, _, now)| Some((key, now?))));
        started.extend(news.into_iter().filter_map(|news| Some((news.pushed?, news.before?))));
    }
    let expected = [("refs/heads/a", "4"), ("refs/heads/b", "4"), ("refs/heads/main", "1")];
    let expected = expected.map(|(name, before)| (name.to_owned(), before.to_owned()));
    assert_eq!(started, expected);
    assert!(look(&structure, &mut seen, &now).is_empty());
}
