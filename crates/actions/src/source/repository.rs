//! CodeStarSourceConnection, GitHub and CodeCommit: a git repository that the configuration maps to
//! a remote.

use serde_json::json;
use trackway_pipeline::request::Revision;
use trackway_pipeline::watch::{branch_of, repository_of};

use super::git::{Commit, Git, Mirror, Remote};
use super::{Found, SourceError, output, text, wanted};
use crate::runners::{Run, Tools};

/// `CODEBUILD_CLONE_REF`: the artifact is a clone with its history instead of the files alone.
const CLONE: &str = "CODEBUILD_CLONE_REF";
/// The artifact is the files alone.
const FILES: &str = "CODE_ZIP";

/// The remote of a repository.
///
/// # Errors
/// How to configure one.
pub(super) fn remote(tools: &Tools, name: &str) -> Result<Remote, String> {
    let remote = tools.pipeline.repositories.get(name).ok_or_else(|| {
        format!(
            "The repository {name:?} is not known here. Map it to a git remote, a URL or a folder, in trackway.toml:\n[pipeline.repositories]\n{name:?} = \"path/to/repository\""
        )
    })?;
    Ok(Remote::new(remote, &tools.config_folder))
}

/// Git with its mirrors in the folder of the actions.
pub(super) fn git(tools: &Tools) -> Git {
    Git::new(tools.folder.join("git"))
}

/// Takes a commit: the newest of the branch, or the one that is wanted.
pub(super) async fn take(run: &Run) -> Result<Found, SourceError> {
    let (tools, configuration) = (&run.tools, &run.call.configuration);
    let provider = run.call.type_id.provider.as_str();
    let name = repository_of(provider, configuration).unwrap_or_default();
    let remote =
        remote(tools, &name).map_err(|message| SourceError::new("ConfigurationError", message))?;
    let is_clone = match text(configuration, "OutputArtifactFormat") {
        "" | FILES => false,
        CLONE => true,
        other => {
            let message =
                format!("OutputArtifactFormat is {other:?}, but must be {FILES} or {CLONE}.");
            return Err(SourceError::new("ConfigurationError", message));
        }
    };
    let mirror = git(tools).mirror(&remote).await?;
    let branch = branch_of(provider, configuration);
    let (commit, branch) = chosen(&mirror, wanted(run, "COMMIT_ID"), branch).await?;
    let artifact = output(run)?;
    let file = tools.artifacts.work_file()?;
    let to = file.reopen().map_err(|error| SourceError::new("JobFailed", error.to_string()))?;
    if is_clone {
        let work = tools.artifacts.work_folder()?;
        mirror.zip_clone((&commit, &branch), work.path(), to).await?;
    } else {
        mirror.zip(&commit, to).await?;
    }
    tools.artifacts.put(&run.scope, artifact, file.path()).await?;
    Ok(found(run, &name, &commit, &branch))
}

/// The commit to take and the branch that it is of. A watcher wants `REF@COMMIT`, everybody else a
/// commit alone; that is of the configured branch if the branch has it.
async fn chosen(
    mirror: &Mirror,
    wanted: Option<&str>,
    branch: &str,
) -> Result<(Commit, String), SourceError> {
    let Some(wanted) = wanted else {
        return Ok((mirror.at(&format!("refs/heads/{branch}")).await?, branch.to_owned()));
    };
    if let Some((name, commit)) = wanted.rsplit_once('@') {
        let of = name.strip_prefix("refs/heads/").unwrap_or(branch);
        return Ok((mirror.commit(commit).await?, of.to_owned()));
    }
    let commit = mirror.commit(wanted).await?;
    let branches = mirror.branches_with(&commit.id).await?;
    let is_there = branches.is_empty() || branches.iter().any(|other| other == branch);
    let first = branches.into_iter().next().filter(|_| !is_there);
    Ok((commit, first.unwrap_or_else(|| branch.to_owned())))
}

fn found(run: &Run, name: &str, commit: &Commit, branch: &str) -> Found {
    let configuration = &run.call.configuration;
    let provider = run.call.type_id.provider.as_str();
    let mut variables = vec![
        ("AuthorDate", date(commit.authored)),
        ("BranchName", branch.to_owned()),
        ("CommitId", commit.id.clone()),
        ("CommitMessage", commit.message.clone()),
    ];
    let region = &run.scope.region;
    let (summary, url) = match provider {
        "CodeStarSourceConnection" => {
            let connection = text(configuration, "ConnectionArn");
            variables.push(("ConnectionArn", connection.to_owned()));
            variables.push(("FullRepositoryName", name.to_owned()));
            let summary = json!({ "ProviderType": "GitHub", "CommitMessage": commit.message });
            let url = format!(
                "https://{region}.console.aws.amazon.com/codesuite/settings/connections/redirect?connectionArn={connection}&referenceType=COMMIT&FullRepositoryId={name}&Commit={}",
                commit.id
            );
            (summary.to_string(), url)
        }
        "GitHub" => {
            let url = format!("https://github.com/{name}/commit/{}", commit.id);
            variables.push(("CommitterDate", date(commit.committed)));
            variables.push(("CommitUrl", url.clone()));
            variables.push(("RepositoryName", text(configuration, "Repo").to_owned()));
            (commit.message.clone(), url)
        }
        _ => {
            variables.push(("CommitterDate", date(commit.committed)));
            variables.push(("RepositoryName", name.to_owned()));
            let url = format!(
                "https://{region}.console.aws.amazon.com/codecommit/home#/repository/{name}/commit/{}",
                commit.id
            );
            (commit.message.clone(), url)
        }
    };
    let revision = Revision {
        id: commit.id.clone(),
        change_id: None,
        summary: Some(summary),
        created: Some(commit.committed.saturating_mul(1000)),
        url: Some(url),
    };
    Found { revision, variables }
}

/// `2019-10-29T03:32:21Z`.
fn date(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map(|time| time.to_string()).unwrap_or_default()
}
