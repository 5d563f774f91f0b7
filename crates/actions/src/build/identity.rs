//! What a build is called: its id, its ARN, its log, its page in the console.

use sha2::{Digest, Sha256};
use trackway_core::uuid;
use trackway_performers::aws::Scope;
use trackway_pipeline::request::Details;

/// A build of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) project: String,
    /// The part of its id behind the project; its log stream.
    pub(super) uuid: String,
    pub(super) scope: Scope,
}

impl Identity {
    /// The build of this action execution: performed again it is the same build.
    pub(super) fn of(project: &str, action_execution_id: &str, scope: &Scope) -> Self {
        Self {
            project: project.to_owned(),
            uuid: uuid::text(uuid::version_four(bits(&["build", action_execution_id]))),
            scope: scope.clone(),
        }
    }

    /// `PROJECT:UUID`.
    pub(super) fn id(&self) -> String {
        format!("{}:{}", self.project, self.uuid)
    }

    pub(super) fn arn(&self) -> String {
        let Scope { account, region } = &self.scope;
        format!("arn:aws:codebuild:{region}:{account}:build/{}", self.id())
    }

    /// What an action shows of it.
    pub(super) fn details(&self) -> Details {
        let Scope { account, region } = &self.scope;
        let Self { project, uuid, .. } = self;
        Details {
            external_execution_id: Some(self.id()),
            url: Some(url(region, &self.id())),
            log_stream_arn: Some(format!(
                "arn:aws:logs:{region}:{account}:log-group:/aws/codebuild/{project}:log-stream:{uuid}"
            )),
            ..Details::default()
        }
    }
}

/// The page of a build in AWS's console.
pub(super) fn url(region: &str, id: &str) -> String {
    format!("https://console.aws.amazon.com/codebuild/home?region={region}#/builds/{id}/view/new")
}

/// The digits in the names of a build's source folders: the same for the same build and input.
pub(super) fn source_number(build: &str, input: usize) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "some bits are enough")]
    let drawn = bits(&["source", build, &input.to_string()]) as u32;
    drawn % 1_000_000_000
}

fn bits(parts: &[&str]) -> u128 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let mut first = [0; 16];
    for (to, from) in first.iter_mut().zip(hash.finalize()) {
        *to = from;
    }
    u128::from_be_bytes(first)
}
