//! The form of the tables, and all of them together.

use super::{ActionType, Counts, Property, Settings, builtin, deploy};
use crate::request::TypeId;

/// An action type, version 1.
pub(super) struct Known {
    pub(super) owner: &'static str,
    pub(super) category: &'static str,
    pub(super) provider: &'static str,
    pub(super) inputs: (u32, u32),
    pub(super) outputs: (u32, u32),
    pub(super) properties: &'static [Key],
    /// Not all of its keys are known.
    pub(super) is_open: bool,
    /// `entityUrlTemplate` and `executionUrlTemplate`; empty where they aren't known.
    pub(super) urls: (&'static str, &'static str),
}

/// A key of a configuration.
pub(super) enum Key {
    Required(&'static str),
    Optional(&'static str),
    Secret(&'static str),
}

impl Key {
    pub(super) fn property(&self) -> Property {
        let (name, required, secret) = match self {
            Self::Required(name) => (name, true, false),
            Self::Optional(name) => (name, false, false),
            Self::Secret(name) => (name, true, true),
        };
        Property {
            name: (*name).to_owned(),
            required,
            key: required && !secret,
            secret,
            ..Property::default()
        }
    }
}

/// Every action type that is built in.
pub(super) fn all() -> impl Iterator<Item = &'static Known> {
    let tables = [builtin::BEFORE_DEPLOY, deploy::DEPLOY, builtin::AFTER_DEPLOY];
    tables.into_iter().flatten()
}

impl Known {
    pub(super) fn is(&self, id: &TypeId) -> bool {
        (self.owner, self.category, self.provider) == (&*id.owner, &*id.category, &*id.provider)
            && id.version == "1"
    }

    pub(super) fn action_type(&self) -> ActionType {
        let url = |url: &str| (!url.is_empty()).then(|| url.to_owned());
        let settings = Settings {
            entity_url_template: url(self.urls.0),
            execution_url_template: url(self.urls.1),
            ..Settings::default()
        };
        ActionType {
            id: TypeId {
                category: self.category.to_owned(),
                owner: self.owner.to_owned(),
                provider: self.provider.to_owned(),
                version: "1".to_owned(),
            },
            settings: (settings != Settings::default()).then_some(settings),
            action_configuration_properties: self.properties.iter().map(Key::property).collect(),
            input_artifact_details: counts(self.inputs),
            output_artifact_details: counts(self.outputs),
            is_open: self.is_open,
        }
    }
}

pub(super) fn counts((minimum_count, maximum_count): (u32, u32)) -> Counts {
    Counts { minimum_count, maximum_count }
}
