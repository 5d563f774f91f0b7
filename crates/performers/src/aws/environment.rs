//! Where AWS calls go and what signs them, by AWS's own conventions.

use std::collections::BTreeMap;
use std::path::PathBuf;

use trackway_wire::sigv4::Credentials;

use super::profile::{Profiles, Section};
use super::{AwsError, Origin};

/// Endpoints, region and credentials, as the environment and the shared files give them to every
/// AWS client.
#[derive(Clone)]
pub struct AwsEnvironment {
    variables: BTreeMap<String, String>,
    profiles: Profiles,
}

/// Without the values: there are secrets among them.
impl std::fmt::Debug for AwsEnvironment {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&String> = self.variables.keys().collect();
        formatter.debug_struct("AwsEnvironment").field("variables", &names).finish_non_exhaustive()
    }
}

/// Credentials, and the roles that are assumed with them, one after the other.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    /// None where nothing is configured.
    pub base: Option<Credentials>,
    /// The first is assumed with `base`, the next with what that gave.
    pub roles: Vec<Role>,
}

/// A role to assume.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Role {
    /// Its ARN.
    pub arn: String,
    /// `RoleSessionName`.
    pub session_name: String,
    /// `ExternalId`.
    pub external_id: Option<String>,
    /// `DurationSeconds`.
    pub duration_seconds: Option<u32>,
}

impl Role {
    /// A role with nothing special about it.
    #[must_use]
    pub fn new(arn: &str) -> Self {
        Self {
            arn: arn.to_owned(),
            session_name: "trackway".to_owned(),
            external_id: None,
            duration_seconds: None,
        }
    }
}

/// Roles that assume roles: more than anybody has, fewer than a circle.
const ROLES_MAX: usize = 8;

impl AwsEnvironment {
    /// What these variables say, and the files that they name; the composition root passes the
    /// process's own. The files are read now.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let kept = |name: &str| name.starts_with("AWS_") || name == "HOME";
        let variables = variables.into_iter().filter(|(name, _)| kept(name)).collect();
        let mut found = Self { variables, profiles: Profiles::default() };
        let config = found.file("AWS_CONFIG_FILE", "config");
        let credentials = found.file("AWS_SHARED_CREDENTIALS_FILE", "credentials");
        found.profiles = Profiles::read(&config, &credentials);
        found
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The text of a shared file; empty when there is none.
    fn file(&self, variable: &str, name: &str) -> String {
        let at_home = |rest: &str| Some(PathBuf::from(self.get("HOME")?).join(rest));
        let path = match self.get(variable) {
            Some(path) => match path.strip_prefix("~/") {
                Some(rest) => at_home(rest),
                None => Some(PathBuf::from(path)),
            },
            None => at_home(&format!(".aws/{name}")),
        };
        path.and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default()
    }

    fn profile_name(&self) -> &str {
        let named = self.get("AWS_PROFILE").or_else(|| self.get("AWS_DEFAULT_PROFILE"));
        named.unwrap_or("default")
    }

    /// Whether somebody chose the profile.
    pub(super) fn names_profile(&self) -> bool {
        self.get("AWS_PROFILE").or_else(|| self.get("AWS_DEFAULT_PROFILE")).is_some()
    }

    /// The profile in use. One that is named must be there.
    fn profile(&self) -> Option<&Section> {
        self.profiles.profile(self.profile_name())
    }

    fn of_profile(&self, key: &str) -> Option<&str> {
        self.profile()?.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The region: `AWS_REGION`, `AWS_DEFAULT_REGION`, the profile's.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        let variable = self.get("AWS_REGION").or_else(|| self.get("AWS_DEFAULT_REGION"));
        variable.or_else(|| self.of_profile("region"))
    }

    /// The configured endpoint of a service by its id in capitals (`LAMBDA`,
    /// `COGNITO_IDENTITY_PROVIDER`): `AWS_ENDPOINT_URL_<SERVICE>`, `AWS_ENDPOINT_URL`, the
    /// profile's for the service, the profile's for all.
    #[must_use]
    pub fn endpoint(&self, service: &str) -> Option<&str> {
        let is_true = |text: &str| text.eq_ignore_ascii_case("true");
        if self.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS").is_some_and(is_true)
            || self.of_profile("ignore_configured_endpoint_urls").is_some_and(is_true)
        {
            return None;
        }
        let of_services = || {
            let services = self.profiles.services_of(self.profile()?)?;
            services.get(&format!("{}.endpoint_url", service.to_ascii_lowercase()))
        };
        self.get(&format!("AWS_ENDPOINT_URL_{service}"))
            .or_else(|| self.get("AWS_ENDPOINT_URL"))
            .or_else(|| of_services().map(String::as_str))
            .or_else(|| self.of_profile("endpoint_url"))
    }

    /// The credentials: the variables' own, else the profile's.
    ///
    /// # Errors
    /// The profile that is named is not there, or has its credentials in a way that is not
    /// supported.
    pub fn credentials(&self) -> Result<Chain, AwsError> {
        if let Some(base) = self.of_variables()? {
            return Ok(Chain { base: Some(base), roles: Vec::new() });
        }
        if self.profile().is_none() && !self.names_profile() {
            return Ok(Chain::default());
        }
        self.of_profiles(self.profile_name())
    }

    fn of_variables(&self) -> Result<Option<Credentials>, AwsError> {
        let Some(access_key) = self.get("AWS_ACCESS_KEY_ID") else { return Ok(None) };
        let secret_key = self.get("AWS_SECRET_ACCESS_KEY").ok_or_else(|| {
            let message = "Partial credentials found in env, missing: AWS_SECRET_ACCESS_KEY";
            AwsError::new(Origin::Configuration, "PartialCredentialsError", message)
        })?;
        Ok(Some(Credentials {
            access_key: access_key.to_owned(),
            secret_key: secret_key.to_owned(),
            session_token: self.get("AWS_SESSION_TOKEN").map(str::to_owned),
        }))
    }

    /// Walks from a profile to the one that has keys.
    fn of_profiles(&self, first: &str) -> Result<Chain, AwsError> {
        let mut roles = Vec::new();
        let mut name = first.to_owned();
        loop {
            let profile = self.profiles.profile(&name).ok_or_else(|| {
                let message = format!("The config profile ({name}) could not be found");
                AwsError::new(Origin::Configuration, "ProfileNotFound", message)
            })?;
            let source = profile.get("source_profile");
            // A profile that is its own source has the keys itself.
            let role = profile
                .get("role_arn")
                .filter(|_| !(roles.len() == 1 && name == first && keys_of(profile).is_some()));
            let Some(arn) = role else {
                roles.reverse();
                return Ok(Chain { base: keys(profile, &name)?, roles });
            };
            if roles.len() == ROLES_MAX {
                let message = format!("the roles of profile {first} go round in a circle");
                return Err(AwsError::new(
                    Origin::Configuration,
                    "InfiniteLoopConfigError",
                    message,
                ));
            }
            roles.push(role_of(profile, arn, &name)?);
            match (source, profile.get("credential_source").map(String::as_str)) {
                (Some(source), _) => name.clone_from(source),
                (None, Some("Environment")) => {
                    roles.reverse();
                    return Ok(Chain { base: self.of_variables()?, roles });
                }
                (None, Some(other)) => {
                    let setting = format!("credential_source = {other}");
                    return Err(unsupported(&name, &setting));
                }
                (None, None) => return Err(unsupported(&name, "role_arn without source_profile")),
            }
        }
    }
}

fn role_of(profile: &Section, arn: &str, name: &str) -> Result<Role, AwsError> {
    if profile.contains_key("mfa_serial") {
        return Err(unsupported(name, "mfa_serial"));
    }
    let session_name = profile.get("role_session_name");
    Ok(Role {
        session_name: session_name.map_or("trackway", String::as_str).to_owned(),
        external_id: profile.get("external_id").cloned(),
        duration_seconds: profile.get("duration_seconds").and_then(|text| text.parse().ok()),
        ..Role::new(arn)
    })
}

fn keys_of(profile: &Section) -> Option<Credentials> {
    Some(Credentials {
        access_key: profile.get("aws_access_key_id")?.clone(),
        secret_key: profile.get("aws_secret_access_key")?.clone(),
        session_token: profile.get("aws_session_token").cloned(),
    })
}

fn keys(profile: &Section, name: &str) -> Result<Option<Credentials>, AwsError> {
    let elsewhere =
        ["credential_process", "sso_session", "sso_start_url", "web_identity_token_file"];
    match (keys_of(profile), elsewhere.iter().find(|key| profile.contains_key(**key))) {
        (Some(keys), _) => Ok(Some(keys)),
        (None, Some(key)) => Err(unsupported(name, key)),
        (None, None) => Ok(None),
    }
}

fn unsupported(profile: &str, setting: &str) -> AwsError {
    let message = format!(
        "the profile {profile} has {setting}, which is not supported: give keys in the profile or \
         in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    );
    AwsError::new(Origin::Configuration, "InvalidConfigError", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(list: &[(&str, &str)]) -> AwsEnvironment {
        AwsEnvironment::new(list.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
    }

    #[test]
    fn a_services_own_endpoint_comes_before_the_general_one() {
        let both = [("AWS_ENDPOINT_URL", "http://a"), ("AWS_ENDPOINT_URL_LAMBDA", "http://b")];
        assert_eq!(variables(&both).endpoint("LAMBDA"), Some("http://b"));
        assert_eq!(variables(&both[..1]).endpoint("LAMBDA"), Some("http://a"));
        assert_eq!(variables(&[]).endpoint("LAMBDA"), None);
        let ignored = [both[0], ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")];
        assert_eq!(variables(&ignored).endpoint("LAMBDA"), None);
    }

    #[test]
    fn half_a_key_is_a_mistake_and_no_secret_is_shown() {
        let half = variables(&[("AWS_ACCESS_KEY_ID", "AKID")]).credentials().unwrap_err();
        assert_eq!(half.code, "PartialCredentialsError");
        let whole = [("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "hidden")];
        let environment = variables(&whole);
        assert!(!format!("{environment:?} {:?}", environment.credentials()).contains("hidden"));
    }
}
