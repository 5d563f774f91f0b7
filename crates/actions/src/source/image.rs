//! ECR: an image at the configured endpoint. The artifact holds `imageDetail.json`, not the image.

use serde_json::{Value, json};
use trackway_performers::aws::AwsCall;
use trackway_pipeline::request::Revision;

use super::{Found, SourceError, output, text, wanted};
use crate::artifact::pack::Writer;
use crate::artifact::told;
use crate::runners::Run;

/// Takes what is known of an image.
pub(super) async fn take(run: &Run) -> Result<Found, SourceError> {
    let configuration = &run.call.configuration;
    let repository = text(configuration, "RepositoryName");
    let tag =
        Some(text(configuration, "ImageTag")).filter(|tag| !tag.is_empty()).unwrap_or("latest");
    let image = match wanted(run, "IMAGE_DIGEST") {
        Some(digest) => json!({ "imageDigest": digest }),
        None => json!({ "imageTag": tag }),
    };
    let input = json!({ "repositoryName": repository, "imageIds": [image] });
    let call = AwsCall::new("ecr", "DescribeImages", input, run.scope.clone());
    let answer = run.tools.caller.call(&call).await.map_err(|error| {
        let code = match error.code.as_str() {
            "NoCredentialsError" => "ConfigurationError",
            "ImageNotFoundException" => "RevisionUnavailable",
            _ => "JobFailed",
        };
        SourceError::new(
            code,
            format!("could not read the image {repository}:{tag}: {}", told(&error)),
        )
    })?;
    let image = &answer["imageDetails"][0];
    let digest = image["imageDigest"].as_str().ok_or_else(|| {
        SourceError::new("RevisionUnavailable", format!("there is no image {repository}:{tag}"))
    })?;
    let registry = image["registryId"].as_str().unwrap_or(&run.scope.account);
    let uri =
        format!("{registry}.dkr.ecr.{}.amazonaws.com/{repository}@{digest}", run.scope.region);
    let pushed: Option<jiff::Timestamp> =
        image["imagePushedAt"].as_str().and_then(|at| at.parse().ok());
    let details = json!({
        "ImageSizeInBytes": image["imageSizeInBytes"].to_string(),
        "ImageDigest": digest,
        "Version": "1.0",
        "ImagePushedAt": pushed.map(|at| at.strftime("%a %b %d %H:%M:%S UTC %Y").to_string()),
        "RegistryId": registry,
        "RepositoryName": repository,
        "ImageURI": uri,
        "ImageTags": image["imageTags"],
    });
    write(run, &details).await?;
    let revision = Revision {
        id: digest.to_owned(),
        created: pushed.map(jiff::Timestamp::as_millisecond),
        ..Revision::default()
    };
    let variables = vec![
        ("ImageDigest", digest.to_owned()),
        ("ImageTag", tag.to_owned()),
        ("ImageURI", uri),
        ("RegistryId", registry.to_owned()),
        ("RepositoryName", repository.to_owned()),
    ];
    Ok(Found { revision, variables })
}

async fn write(run: &Run, details: &Value) -> Result<(), SourceError> {
    let artifacts = &run.tools.artifacts;
    let file = artifacts.work_file()?;
    let failed = |why: String| SourceError::new("JobFailed", why);
    let to = file.reopen().map_err(|error| failed(error.to_string()))?;
    let mut zip = Writer::new(to);
    zip.file("imageDetail.json", false, &mut details.to_string().as_bytes())
        .and_then(|()| zip.finish())
        .map_err(|error| failed(error.to_string()))?;
    Ok(artifacts.put(&run.scope, output(run)?, file.path()).await?)
}
