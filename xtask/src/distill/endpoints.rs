//! Where a service is in each region: what its rules for endpoints come to without any option.
//!
//! Most services are where everybody would look for them (`{prefix}.{region}.{suffix}`); only the
//! others are written down.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use trackway_wire::model::EndpointRule;

/// What the start of a region's name says about its partition, the longest start first.
const STARTS: [(&str, &str); 8] = [
    ("aws-us-gov", "us-gov-"),
    ("aws-iso-b", "us-isob-"),
    ("aws-iso-f", "us-isof-"),
    ("aws-iso-e", "eu-isoe-"),
    ("aws-iso", "us-iso-"),
    ("aws-eusc", "eusc-"),
    ("aws-cn", "cn-"),
    ("aws", ""),
];

/// A host and the region to sign for; `{region}` stands for the region that was asked for.
type Place = (String, Option<String>);

/// The rules of a service that is elsewhere than at its prefix.
pub(super) fn rules(prefix: &str, ruleset: &Value, partitions: &Value) -> Vec<EndpointRule> {
    let mut exact = Vec::new();
    let mut of_partitions = Vec::new();
    for (id, start) in STARTS {
        let all = partitions["partitions"].as_array().expect("there are partitions");
        let Some(partition) = all.iter().find(|partition| partition["id"] == id) else { continue };
        let outputs = &partition["outputs"];
        let regions = partition["regions"].as_object().expect("a partition has regions");
        let places: BTreeMap<&str, Place> = regions
            .keys()
            .filter(|region| !region.ends_with("-global"))
            .filter_map(|region| Some((region.as_str(), place(ruleset, region, outputs)?)))
            .collect();
        let usual = (format!("{prefix}.{{region}}.{}", text(&outputs["dnsSuffix"])), None);
        let common = most_common(&places).unwrap_or_else(|| usual.clone());
        for (region, place) in &places {
            if filled(place, region) != filled(&common, region) {
                exact.push(rule(region, place));
            }
        }
        of_partitions.push((rule(start, &common), common != usual));
    }
    if exact.is_empty() && of_partitions.iter().all(|(_, differs)| !differs) {
        return Vec::new();
    }
    exact.extend(of_partitions.into_iter().map(|(rule, _)| rule));
    exact
}

fn rule(regions: &str, (host, signing_region): &Place) -> EndpointRule {
    EndpointRule {
        regions: regions.into(),
        host: host.as_str().into(),
        signing_region: signing_region.as_deref().map(Into::into),
    }
}

fn filled((host, signing_region): &Place, region: &str) -> (String, String) {
    let signed_for = signing_region.clone().unwrap_or_else(|| region.to_owned());
    (host.replace("{region}", region), signed_for)
}

fn most_common(places: &BTreeMap<&str, Place>) -> Option<Place> {
    let count = |place: &Place| places.values().filter(|other| *other == place).count();
    places.values().max_by_key(|place| count(place)).cloned()
}

/// What the rules say for a region; nothing when they ask for more than is known here.
fn place(ruleset: &Value, region: &str, outputs: &Value) -> Option<Place> {
    let mut known = BTreeMap::from([("Region".to_owned(), json!(region))]);
    for (name, parameter) in ruleset["parameters"].as_object()? {
        if let Some(default) = parameter.get("default") {
            known.insert(name.clone(), default.clone());
        }
    }
    let mut rules = Rules { known, outputs };
    let endpoint = rules.first(&ruleset["rules"])??;
    let url = rules.value(&endpoint["url"])?;
    let url = url.as_str()?.strip_prefix("https://")?.to_owned();
    let schemes = endpoint["properties"]["authSchemes"].as_array();
    let sigv4 = schemes.and_then(|all| all.iter().find(|scheme| scheme["name"] == "sigv4"));
    let signing = sigv4.and_then(|scheme| scheme.get("signingRegion"));
    let signing = match signing {
        Some(signing) => Some(text(&rules.value(signing)?)),
        None => None,
    };
    let host = url.trim_end_matches('/');
    assert!(!host.contains('/'), "an endpoint has a path: {url}");
    Some((host.replace(region, "{region}"), signing.filter(|signing| signing != region)))
}

/// The language of endpoint rules, as far as a region alone needs it.
struct Rules<'a> {
    known: BTreeMap<String, Value>,
    outputs: &'a Value,
}

impl Rules<'_> {
    /// The endpoint of the first rule that holds: nothing when none does, or it is an error. The
    /// outer nothing is for rules that are not understood.
    fn first(&mut self, rules: &Value) -> Option<Option<Value>> {
        for rule in rules.as_array()? {
            let before = self.known.clone();
            if self.holds(&rule["conditions"])? {
                let found = match rule["type"].as_str()? {
                    "endpoint" => Some(rule["endpoint"].clone()),
                    "tree" => self.first(&rule["rules"])?,
                    _ => None,
                };
                return Some(found);
            }
            self.known = before;
        }
        Some(None)
    }

    fn holds(&mut self, conditions: &Value) -> Option<bool> {
        for condition in conditions.as_array()? {
            let value = self.call(condition)?;
            if value.is_null() || value == false {
                return Some(false);
            }
            if let Some(name) = condition["assign"].as_str() {
                self.known.insert(name.to_owned(), value);
            }
        }
        Some(true)
    }

    fn call(&self, call: &Value) -> Option<Value> {
        let argument = |index: usize| self.value(&call["argv"][index]);
        Some(match call["fn"].as_str()? {
            "isSet" => json!(!argument(0)?.is_null()),
            "not" => json!(argument(0)? != true),
            "booleanEquals" | "stringEquals" => json!(argument(0)? == argument(1)?),
            "aws.partition" => self.outputs.clone(),
            "getAttr" => argument(0)?[text(&argument(1)?)].clone(),
            "isValidHostLabel" => json!(true),
            _ => return None,
        })
    }

    fn value(&self, value: &Value) -> Option<Value> {
        if value.get("fn").is_some() {
            return self.call(value);
        }
        if let Some(name) = value["ref"].as_str() {
            return Some(self.known.get(name).cloned().unwrap_or(Value::Null));
        }
        let Some(template) = value.as_str() else { return Some(value.clone()) };
        let mut out = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}')?;
            let (name, part) = name.split_once('#').unwrap_or((name, ""));
            let known = self.known.get(name)?;
            let known = if part.is_empty() { known } else { &known[part] };
            out += before;
            out += known.as_str()?;
            rest = after;
        }
        Some(Value::String(out + rest))
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
