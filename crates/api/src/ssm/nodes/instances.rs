//! EC2's instances as targets of runbooks: those that the EC2 at the configured endpoint has.

use std::collections::BTreeSet;
use std::pin::Pin;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::Caller;
use crate::ssm::tags::{Tag, Tags};

/// Instances on a page. Source: `MaxResults` of DescribeInstances.
const INSTANCES_AT_ONCE: u32 = 1000;
/// Instances that a runbook may work on: one that was terminated is none any more.
const STATES: [&str; 4] = ["pending", "running", "stopping", "stopped"];

/// An EC2 that can be asked. The composition root has one where an endpoint is configured.
pub trait Ec2: Send + Sync {
    /// DescribeInstances for this account and region, with boto3's names.
    fn describe_instances(&self, account: &str, region: &str, input: Value) -> Described;
}

/// The output of DescribeInstances, or the error's code and message.
pub type Described = Pin<Box<dyn Future<Output = Result<Value, (String, String)>> + Send>>;

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Page {
    reservations: Vec<Reservation>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Reservation {
    #[serde(default)]
    instances: Vec<Instance>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Instance {
    instance_id: String,
    #[serde(default)]
    tags: Vec<Tag>,
}

/// The ids of the instances that have one of these tags and are wanted.
pub(super) async fn instances(
    ec2: &dyn Ec2,
    caller: &Caller,
    filters: Vec<Value>,
    is_wanted: impl Fn(&str, &Tags) -> bool,
) -> Result<BTreeSet<String>, (String, String)> {
    let mut filters = filters;
    filters.push(json!({ "Name": "instance-state-name", "Values": STATES }));
    let mut input = json!({ "Filters": filters, "MaxResults": INSTANCES_AT_ONCE });
    let mut found = BTreeSet::new();
    loop {
        let output = ec2.describe_instances(&caller.account, &caller.region, input.clone()).await?;
        let page: Page = serde_json::from_value(output).map_err(|error| {
            let message = format!("the answer of DescribeInstances can't be read: {error}");
            ("InternalServerError".to_owned(), message)
        })?;
        for instance in page.reservations.into_iter().flat_map(|one| one.instances) {
            let tags = instance.tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
            if is_wanted(&instance.instance_id, &tags) {
                found.insert(instance.instance_id);
            }
        }
        match page.next_token.filter(|token| !token.is_empty()) {
            Some(token) => input["NextToken"] = Value::from(token),
            None => return Ok(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// An EC2 that answers with pages of two, and keeps what it is asked.
    #[derive(Default)]
    struct Toy(Mutex<Vec<Value>>);

    impl Ec2 for Toy {
        fn describe_instances(&self, account: &str, region: &str, input: Value) -> Described {
            assert_eq!((account, region), ("000000000000", "us-east-1"));
            let page = input["NextToken"].as_str().map_or(0, |token| token.parse().unwrap());
            self.0.lock().unwrap().push(input);
            let instance = |number: usize| {
                let stage = if number == 1 { "Prod" } else { "prod" };
                json!({ "InstanceId": format!("i-{}", 9 - number),
                    "Tags": [{ "Key": "stage", "Value": stage }] })
            };
            let one = |number| json!({ "Instances": [instance(number)] });
            let mut output = json!({ "Reservations": [one(page * 2), one(page * 2 + 1)] });
            if page < 2 {
                output["NextToken"] = json!((page + 1).to_string());
            }
            Box::pin(async move { Ok(output) })
        }
    }

    #[tokio::test]
    async fn every_page_is_read_and_what_is_not_wanted_left_out() {
        let toy = Toy::default();
        let caller = Caller::new("000000000000", "us-east-1");
        let filters = vec![json!({ "Name": "tag:stage", "Values": ["prod"] })];
        let is_wanted = |_: &str, tags: &Tags| tags["stage"] == "prod";
        let found = instances(&toy, &caller, filters, is_wanted).await.unwrap();
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["i-4", "i-5", "i-6", "i-7", "i-9"]);
        let asked = toy.0.lock().unwrap();
        assert_eq!(asked.len(), 3);
        assert!(asked.iter().all(|input| input["Filters"][0]["Name"] == "tag:stage"));
        assert_eq!(asked[2]["NextToken"], "2");
    }
}
