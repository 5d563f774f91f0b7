//! Where AWS calls go and what signs them, by AWS's own conventions.

use std::collections::BTreeMap;

use trackway_wire::sigv4::Credentials;

/// Endpoints and credentials, as the environment gives them to every AWS client.
#[derive(Clone, Debug)]
pub struct AwsEnvironment {
    variables: BTreeMap<String, String>,
}

impl AwsEnvironment {
    /// What these variables say; the composition root passes the process's own.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let variables =
            variables.into_iter().filter(|(name, _)| name.starts_with("AWS_")).collect();
        Self { variables }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The endpoint of a service by its id in capitals (`LAMBDA`): `AWS_ENDPOINT_URL_LAMBDA`, else
    /// `AWS_ENDPOINT_URL`.
    #[must_use]
    pub fn endpoint(&self, service: &str) -> Option<&str> {
        if self.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") == Some("true") {
            return None;
        }
        self.get(&format!("AWS_ENDPOINT_URL_{service}")).or_else(|| self.get("AWS_ENDPOINT_URL"))
    }

    /// `AWS_ACCESS_KEY_ID` and its companions; the keys `test` where there are none, which every
    /// emulator takes.
    #[must_use]
    pub fn credentials(&self) -> Credentials {
        Credentials {
            access_key: self.get("AWS_ACCESS_KEY_ID").unwrap_or("test").to_owned(),
            secret_key: self.get("AWS_SECRET_ACCESS_KEY").unwrap_or("test").to_owned(),
            session_token: self.get("AWS_SESSION_TOKEN").map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_services_own_endpoint_comes_before_the_general_one() {
        let variables = |list: &[(&str, &str)]| {
            AwsEnvironment::new(list.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
        };
        let both = [("AWS_ENDPOINT_URL", "http://a"), ("AWS_ENDPOINT_URL_LAMBDA", "http://b")];
        assert_eq!(variables(&both).endpoint("LAMBDA"), Some("http://b"));
        assert_eq!(variables(&both[..1]).endpoint("LAMBDA"), Some("http://a"));
        assert_eq!(variables(&[]).endpoint("LAMBDA"), None);
    }
}
