//! Behaviors: their shape and whether they make sense. Source: `Behavior`, `BehaviorCriteria` and
//! "Metrics" of Device Defender Detect.
//!
//! A metric must be one that there is. Custom metrics can't be created here, so that only those of
//! AWS's are there. Dimensions can't be created either; any name is taken for one.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use trackway_engine::Fault;

/// Durations that there are, in seconds. Source: `durationSeconds` in "Behaviors".
const DURATIONS: [i64; 5] = [300, 600, 900, 1800, 3600];

/// A behavior, in the API's member names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Behavior {
    /// Its name, unique in its profile.
    pub name: String,
    /// What is measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// Of what it is measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric_dimension: Option<Dimension>,
    /// What is normal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub criteria: Option<Criteria>,
    /// Whether its alerts are suppressed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppress_alerts: Option<bool>,
    /// Whether the metric is exported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export_metric: Option<bool>,
}

/// A metric that is kept. Source: `MetricToRetain`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metric {
    /// Which.
    pub metric: String,
    /// Of what it is measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric_dimension: Option<Dimension>,
    /// Whether it is exported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export_metric: Option<bool>,
}

/// Source: `MetricDimension`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dimension {
    /// Its name.
    pub dimension_name: String,
    /// `IN` or `NOT_IN`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
}

/// Source: `BehaviorCriteria`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Criteria {
    /// How it is compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison_operator: Option<String>,
    /// With what: `MetricValue`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// For how long it is measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<i64>,
    /// After how many bad measurements there is an alarm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consecutive_datapoints_to_alarm: Option<i64>,
    /// After how many good ones it is cleared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consecutive_datapoints_to_clear: Option<i64>,
    /// A percentile in place of a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistical_threshold: Option<Value>,
    /// A learned model in place of a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ml_detection_config: Option<Value>,
}

/// Source: `BehaviorCriteriaType`. Appended only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CriteriaType {
    /// A value.
    Static,
    /// A percentile.
    Statistical,
    /// A learned model.
    MachineLearning,
}

/// What a metric measures.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Measure {
    Number,
    Cidrs,
    Ports,
}

impl Behavior {
    /// What sort of criteria it has.
    #[must_use]
    pub fn criteria_type(&self) -> Option<CriteriaType> {
        let criteria = self.criteria.as_ref()?;
        if criteria.ml_detection_config.is_some() {
            return Some(CriteriaType::MachineLearning);
        }
        if criteria.statistical_threshold.is_some() {
            return Some(CriteriaType::Statistical);
        }
        Some(CriteriaType::Static)
    }

    /// It as JSON.
    ///
    /// # Errors
    /// It can't be written: a mistake of ours.
    pub fn text(&self) -> Result<String, Fault> {
        serde_json::to_string(self)
            .map_err(|error| Fault::new(format!("could not write a behavior: {error}")))
    }
}

/// Whether there may be such a metric.
#[must_use]
pub fn is_metric(name: &str) -> bool {
    measure(name).is_some()
}

/// What is wrong with behaviors, in their order. Messages begin as AWS's do
/// (`Behavior NAME is malformed.`); what follows is ours.
#[must_use]
pub fn problems(behaviors: &[Behavior]) -> Vec<String> {
    let mut problems = Vec::new();
    for (place, behavior) in behaviors.iter().enumerate() {
        let malformed =
            |problem: String| format!("Behavior {} is malformed. {problem}", behavior.name);
        if behaviors[..place].iter().any(|earlier| earlier.name == behavior.name) {
            problems.push(malformed("There is another one of this name".to_owned()));
        }
        if let Err(problem) = check(behavior) {
            problems.push(malformed(problem));
        }
    }
    problems
}

fn check(behavior: &Behavior) -> Result<(), String> {
    let Some(metric) = &behavior.metric else { return Err("metric is required".to_owned()) };
    let measure = measure(metric).ok_or_else(|| format!("metric {metric} is unknown"))?;
    behavior.criteria.as_ref().map_or(Ok(()), |criteria| check_criteria(criteria, measure))
}

fn check_criteria(criteria: &Criteria, measure: Measure) -> Result<(), String> {
    let is_number = measure == Measure::Number;
    let given = [
        criteria.value.is_some(),
        criteria.statistical_threshold.is_some(),
        criteria.ml_detection_config.is_some(),
    ];
    if given.iter().filter(|given| **given).count() != 1 {
        let one_of = "criteria must have one of value, statisticalThreshold and mlDetectionConfig";
        return Err(one_of.to_owned());
    }
    if let Some(seconds) = criteria.duration_seconds {
        if !DURATIONS.contains(&seconds) {
            return Err(format!("durationSeconds {seconds} should be one of {DURATIONS:?}"));
        }
        if !is_number {
            return Err("durationSeconds can't be used with a metric of lists".to_owned());
        }
    }
    if criteria.ml_detection_config.is_some() {
        if criteria.comparison_operator.is_some() {
            return Err("comparisonOperator can't be used with mlDetectionConfig".to_owned());
        }
        return is_number
            .then_some(())
            .ok_or_else(|| "mlDetectionConfig needs a numeric metric".to_owned());
    }
    let Some(operator) = criteria.comparison_operator.as_deref() else {
        return Err("comparisonOperator is required".to_owned());
    };
    let Some(value) = &criteria.value else {
        if criteria.duration_seconds.is_none() {
            return Err("durationSeconds is required with statisticalThreshold".to_owned());
        }
        if is_number && members_of(operator) == ["count", "number"] {
            return Ok(());
        }
        return Err("statisticalThreshold needs a numeric metric and operator".to_owned());
    };
    check_value(value)?;
    let has_member = |member: &&str| value.get(*member).is_some();
    if !members_of(operator).iter().any(has_member) {
        return Err(format!("comparisonOperator {operator} can't be used with this value"));
    }
    let members: &[&str] = match measure {
        Measure::Number => &["count", "number"],
        Measure::Cidrs => &["cidrs"],
        Measure::Ports => &["ports"],
    };
    if members.iter().any(has_member) {
        return Ok(());
    }
    Err(format!("comparisonOperator {operator} can't be used with this metric"))
}

/// Checks a `MetricValue`: one member, and that of its shape.
///
/// # Errors
/// What is wrong.
pub fn check_value(value: &Value) -> Result<(), String> {
    let Value::Object(members) = value else { return Err("value must be an object".to_owned()) };
    let mut members = members.iter();
    let (Some((name, value)), None) = (members.next(), members.next()) else {
        return Err("value must have exactly one member".to_owned());
    };
    let all = |is: fn(&Value) -> bool| value.as_array().is_some_and(|all| all.iter().all(is));
    let is_right = match name.as_str() {
        "count" => value.is_u64(),
        "number" => value.is_number(),
        "numbers" => all(Value::is_number),
        "strings" => all(Value::is_string),
        "ports" => all(|port| port.as_u64().is_some_and(|port| port <= 65535)),
        "cidrs" => all(|cidr| cidr.as_str().is_some_and(is_cidr)),
        _ => return Err(format!("value has an unknown member {name}")),
    };
    if is_right { Ok(()) } else { Err(format!("{name} of the value is invalid")) }
}

/// The members of a value that an operator compares with.
fn members_of(operator: &str) -> &'static [&'static str] {
    match operator {
        "in-cidr-set" | "not-in-cidr-set" => &["cidrs"],
        "in-port-set" | "not-in-port-set" => &["ports"],
        "in-set" | "not-in-set" => &["numbers", "strings"],
        _ => &["count", "number"],
    }
}

fn is_cidr(text: &str) -> bool {
    let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
    let Ok(address) = address.parse::<std::net::IpAddr>() else { return false };
    let most = if address.is_ipv4() { 32 } else { 128 };
    bits.is_none_or(|bits| bits.parse::<u8>().is_ok_and(|bits| bits <= most))
}

fn measure(metric: &str) -> Option<Measure> {
    match metric.strip_prefix("aws:")? {
        "message-byte-size"
        | "num-messages-received"
        | "num-messages-sent"
        | "num-authorization-failures"
        | "num-connection-attempts"
        | "num-disconnects"
        | "disconnect-duration"
        | "all-bytes-in"
        | "all-bytes-out"
        | "all-packets-in"
        | "all-packets-out"
        | "num-listening-tcp-ports"
        | "num-listening-udp-ports"
        | "num-established-tcp-connections" => Some(Measure::Number),
        "source-ip-address" | "destination-ip-addresses" => Some(Measure::Cidrs),
        "listening-tcp-ports" | "listening-udp-ports" => Some(Measure::Ports),
        _ => None,
    }
}
