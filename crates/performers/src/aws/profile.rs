//! The shared config and credentials files.

use std::collections::BTreeMap;

/// The settings of one section. A nested setting has its parent's name before it:
/// `s3.endpoint_url`.
pub(super) type Section = BTreeMap<String, String>;

/// What the two files say.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Profiles {
    profiles: BTreeMap<String, Section>,
    services: BTreeMap<String, Section>,
}

impl Profiles {
    /// Reads the texts of both files; what can't be understood is passed over. Where both say
    /// something about a profile, the credentials file is right.
    pub(super) fn read(config: &str, credentials: &str) -> Self {
        let mut found = Self::default();
        for (name, section) in sections(config) {
            if let Some(services) = after_word(&name, "services") {
                found.services.entry(services.to_owned()).or_default().extend(section);
            } else if let Some(profile) = after_word(&name, "profile") {
                found.profiles.entry(profile.to_owned()).or_default().extend(section);
            } else if name == "default" {
                found.profiles.entry(name).or_default().extend(section);
            }
        }
        for (name, section) in sections(credentials) {
            found.profiles.entry(name).or_default().extend(section);
        }
        found
    }

    pub(super) fn profile(&self, name: &str) -> Option<&Section> {
        self.profiles.get(name)
    }

    /// The section of `[services NAME]` that a profile points to.
    pub(super) fn services_of(&self, profile: &Section) -> Option<&Section> {
        self.services.get(profile.get("services")?)
    }
}

fn after_word<'a>(name: &'a str, word: &str) -> Option<&'a str> {
    let rest = name.strip_prefix(word)?.strip_prefix(char::is_whitespace)?;
    Some(rest.trim().trim_matches('"'))
}

fn sections(text: &str) -> Vec<(String, Section)> {
    let mut found: Vec<(String, Section)> = Vec::new();
    let mut parent: Option<String> = None;
    for line in text.lines() {
        let content = line.trim();
        if content.is_empty() || content.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = content.strip_prefix('[') {
            let name = name.split(']').next().unwrap_or_default().trim();
            found.push((name.to_owned(), Section::new()));
            parent = None;
            continue;
        }
        let (Some((_, section)), Some((key, value))) = (found.last_mut(), content.split_once('='))
        else {
            continue;
        };
        let (key, value) = (key.trim().to_owned(), before_comment(value).to_owned());
        let is_nested = line.starts_with(char::is_whitespace);
        match &parent {
            Some(parent) if is_nested => _ = section.insert(format!("{parent}.{key}"), value),
            _ => {
                parent = value.is_empty().then(|| key.clone());
                section.insert(key, value);
            }
        }
    }
    found
}

fn before_comment(value: &str) -> &str {
    let end = value.find(" #").or_else(|| value.find(" ;")).unwrap_or(value.len());
    value[..end].trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_files_make_one_profile() {
        let config = "# mine\n[default]\nregion = eu-west-1 # near\n\n[profile dev]\nregion=us-west-2\n\
                      services = emulator\ns3 =\n  addressing_style = path\noutput = json\n\
                      [services emulator]\ns3 =\n  endpoint_url = http://127.0.0.1:1\n\
                      dynamodb =\n  endpoint_url = http://127.0.0.1:2\n[sso-session x]\na=b\n";
        let credentials = "[dev]\naws_access_key_id = AKID\nregion = us-east-2\n";
        let profiles = Profiles::read(config, credentials);
        assert_eq!(profiles.profile("default").unwrap()["region"], "eu-west-1");
        let dev = profiles.profile("dev").unwrap();
        assert_eq!(dev["region"], "us-east-2");
        assert_eq!(dev["aws_access_key_id"], "AKID");
        assert_eq!((&*dev["s3.addressing_style"], &*dev["output"]), ("path", "json"));
        let services = profiles.services_of(dev).unwrap();
        assert_eq!(services["dynamodb.endpoint_url"], "http://127.0.0.1:2");
        assert!(profiles.profile("x").is_none());
        assert_eq!(Profiles::read("nonsense\n= \n[", ""), Profiles::default());
    }
}
