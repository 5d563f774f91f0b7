//! Action types and rule types: what AWS has built in, and the form of those that users make.
//!
//! The tables say what `ListActionTypes` and `ListRuleTypes` show and what a structure is held
//! against. They know nothing of who carries an action out here.

mod builtin;
mod deploy;
mod rules;
mod table;

use serde::{Deserialize, Serialize};

use crate::request::TypeId;

pub use rules::{RuleType, find_rule, rule_types};

/// `ActionType`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ActionType {
    /// What names it.
    pub id: TypeId,
    /// Where a console finds what it works on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<Settings>,
    /// The keys of its configuration.
    pub action_configuration_properties: Vec<Property>,
    /// How many input artifacts.
    pub input_artifact_details: Counts,
    /// How many output artifacts.
    pub output_artifact_details: Counts,
    /// Keys that are not listed are let through: AWS's documentation doesn't name them all.
    #[serde(skip)]
    pub is_open: bool,
}

/// `ActionTypeSettings`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Settings {
    /// Where one signs up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub third_party_configuration_url: Option<String>,
    /// What an action works on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entity_url_template: Option<String>,
    /// One execution of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution_url_template: Option<String>,
    /// A revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision_url_template: Option<String>,
}

/// `ActionConfigurationProperty`, `RuleConfigurationProperty`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Property {
    /// The key.
    pub name: String,
    /// Whether it must be given.
    pub required: bool,
    /// Whether it says what the action works on.
    pub key: bool,
    /// Whether its value is never shown.
    pub secret: bool,
    /// Whether workers may poll by its value.
    pub queryable: bool,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `String`, `Number`, `Boolean`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// `ArtifactDetails`: from so many to so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Counts {
    /// At least.
    pub minimum_count: u32,
    /// At most.
    pub maximum_count: u32,
}

impl ActionType {
    /// The property that workers may poll by.
    #[must_use]
    pub fn queryable(&self) -> Option<&Property> {
        self.action_configuration_properties.iter().find(|property| property.queryable)
    }
}

/// Every action type that AWS has built in, by owner, category, provider and version.
pub fn builtin_types() -> impl Iterator<Item = ActionType> {
    table::all().map(table::Known::action_type)
}

/// An action type that AWS has built in.
#[must_use]
pub fn find(type_id: &TypeId) -> Option<ActionType> {
    table::all().find(|known| known.is(type_id)).map(table::Known::action_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> TypeId {
        let parts: Vec<String> = text.split('/').map(str::to_owned).collect();
        let [category, owner, provider] = parts.try_into().expect("three parts");
        TypeId { category, owner, provider, version: "1".to_owned() }
    }

    #[test]
    fn types_are_in_order_and_none_comes_twice() {
        let ids: Vec<_> = builtin_types()
            .map(|kind| (kind.id.owner, kind.id.category, kind.id.provider, kind.id.version))
            .collect();
        let mut sorted = ids.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(ids, sorted);
    }

    #[test]
    fn a_type_is_found_by_all_of_its_id() {
        let found = find(&id("Source/AWS/S3")).expect("it is built in");
        let names: Vec<&str> =
            found.action_configuration_properties.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names[..2], ["S3Bucket", "S3ObjectKey"]);
        assert_eq!(find(&id("Source/ThirdParty/S3")), None);
        assert_eq!(find(&TypeId { version: "2".to_owned(), ..id("Source/AWS/S3") }), None);
    }

    #[test]
    fn secrets_are_what_signs_in_elsewhere() {
        let secrets: Vec<String> = builtin_types()
            .flat_map(|kind| kind.action_configuration_properties)
            .filter(|property| property.secret)
            .map(|property| property.name)
            .collect();
        assert_eq!(secrets, ["ClientSecret", "RefreshToken", "OAuthToken"]);
    }
}
