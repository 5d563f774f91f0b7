//! `trackway.toml`: one struct a room, an unknown key is an error with its line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use trackway_actions::{CodeBuildConfig, PipelineConfig};
use trackway_performers::function::FunctionConfig;
use trackway_performers::sandbox::SandboxConfig;
use trackway_registry::config::IotConfig;

/// The file that is looked for in the working folder.
pub(crate) const FILE_NAME: &str = "trackway.toml";

/// All that the file may say.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// `[server]`.
    #[serde(default)]
    pub(crate) server: Server,
    /// `[functions.NAME]`: Lambda functions that run here.
    #[serde(default)]
    pub(crate) functions: BTreeMap<String, FunctionConfig>,
    /// `[sandbox]`: whether and how commands and scripts run here.
    #[serde(default)]
    pub(crate) sandbox: SandboxConfig,
    /// `[node]`: a managed node within the server; none unless it is there.
    #[serde(default)]
    pub(crate) node: Option<HostedNode>,
    /// `[pipeline]`: sources, artifacts and workers of pipelines.
    #[serde(default)]
    pub(crate) pipeline: PipelineConfig,
    /// `[codebuild]`: projects whose buildspecs run here.
    #[serde(default)]
    pub(crate) codebuild: CodeBuildConfig,
    /// `[iot]`: evidence that audits look at.
    #[serde(default)]
    pub(crate) iot: IotConfig,
    /// `[credentials.ACCESS_KEY_ID]`: when any is given, every request must be signed by one.
    #[serde(default)]
    pub(crate) credentials: BTreeMap<String, Credential>,
    /// Where the file lies; functions' paths are relative to it.
    #[serde(skip)]
    pub(crate) folder: PathBuf,
    /// The file itself, if there is one.
    #[serde(skip)]
    pub(crate) file: Option<PathBuf>,
}

/// `[server]`; each value is also a flag of `trackway serve` and `TRACKWAY_SERVER_KEY`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Server {
    /// Address and port to listen on.
    pub(crate) listen: Option<String>,
    /// Data directory of the embedded store.
    pub(crate) data: Option<PathBuf>,
    /// Days for which ended executions are kept; absent is for ever.
    pub(crate) retention_days: Option<u32>,
}

/// `[node]`: what the node within the server is called.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HostedNode {
    /// Its name; the same name has the same id.
    pub(crate) name: String,
    /// Its tags.
    #[serde(default)]
    pub(crate) tags: BTreeMap<String, String>,
    /// Commands that run at once.
    #[serde(default)]
    pub(crate) workers: Option<usize>,
}

/// One access key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credential {
    /// The secret that signs.
    pub(crate) secret_key: String,
    /// The account it belongs to, 12 digits.
    #[serde(default)]
    pub(crate) account: Option<String>,
}

impl Config {
    /// Reads the file that was named, or `trackway.toml` here, or nothing.
    ///
    /// # Errors
    /// A text that says which file, which line and what is wrong.
    pub(crate) fn load(named: Option<&Path>) -> Result<Self, String> {
        let path = match named {
            Some(path) => path.to_owned(),
            None if Path::new(FILE_NAME).is_file() => PathBuf::from(FILE_NAME),
            None => return Ok(Self { folder: PathBuf::from("."), ..Self::default() }),
        };
        let text = std::fs::read_to_string(&path)
            .map_err(|error| format!("could not read {}: {error}", path.display()))?;
        let mut config: Self = toml::from_str(&text)
            .map_err(|error| format!("could not read {}: {error}", path.display()))?;
        config.folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        config.file = Some(path.clone());
        for (key, credential) in &config.credentials {
            if credential.secret_key.is_empty() {
                return Err(format!(
                    "could not use {}: secret_key of [credentials.{key}] is empty: anybody could sign with it",
                    path.display()
                ));
            }
            let account = credential.account.as_deref().unwrap_or("000000000000");
            if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(format!(
                    "could not use {}: account of [credentials.{key}] must be 12 digits, not {account:?}",
                    path.display()
                ));
            }
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        std::fs::write(&path, text).unwrap();
        Config::load(Some(&path))
    }

    #[test]
    fn an_unknown_key_is_an_error_with_its_line() {
        let error = load("[server]\n\nlitsen = \"x\"\n").unwrap_err();
        assert!(error.contains("litsen") && error.contains("line 3"), "{error}");
    }

    #[test]
    fn a_sandbox_is_off_unless_it_is_enabled() {
        assert!(!load("").unwrap().sandbox.enabled);
        let text = "[sandbox]\nenabled = true\nwritable = [\"out\"]\nenv = { AWS_DEFAULT_REGION = \"us-east-1\" }\n";
        let sandbox = load(text).unwrap().sandbox;
        assert!(sandbox.enabled && !sandbox.network);
        assert_eq!(sandbox.environment["AWS_DEFAULT_REGION"], "us-east-1");
        assert!(load("[sandbox]\nenable = true\n").unwrap_err().contains("line 2"));
    }

    #[test]
    fn a_secret_is_not_empty() {
        let error = load("[credentials.AKIA]\nsecret_key = \"\"\n").unwrap_err();
        assert!(error.contains("[credentials.AKIA] is empty"), "{error}");
    }

    #[test]
    fn an_account_is_twelve_digits() {
        let error = load("[credentials.AKIA]\nsecret_key = \"s\"\naccount = \"12\"\n").unwrap_err();
        assert!(error.contains("[credentials.AKIA] must be 12 digits"), "{error}");
    }
}
