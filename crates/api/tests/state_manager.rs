//! State Manager as a client sees it: the API on an engine in memory, nodes that register, and a toy
//! in the place of Run Command: the node's name says how a command on it ends.

#![allow(clippy::unwrap_used, reason = "a test may fail")]
#![allow(clippy::too_many_lines, reason = "tables of what is refused")]

#[path = "state_manager/house.rs"]
mod house;
#[path = "state_manager/refusals.rs"]
mod refusals;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use trackway_engine::Clock;

use house::House;

/// An association with these targets, and further members.
fn association(targets: &Value, more: Value) -> Value {
    let mut request = json!({
        "Name": "Doc",
        "Parameters": { "commands": ["true"] },
        "Targets": targets,
    });
    for (name, value) in more.as_object().unwrap() {
        request[name] = value.clone();
    }
    request
}

fn ids(nodes: &[String]) -> Value {
    json!([{ "Key": "instanceids", "Values": nodes }])
}

#[tokio::test]
async fn an_association_runs_and_tells_of_it() {
    let house = House::open(Clock::Manual).await;
    let good = house.node("good", &[("role", "web")]).await;
    let bad = house.node("bad", &[("role", "web")]).await;
    let request =
        association(&ids(&[good.clone(), bad.clone()]), json!({ "AssociationName": "Name" }));
    let created = house.ask("CreateAssociation", &request).await["AssociationDescription"].clone();
    assert_eq!(created["Overview"], json!({ "Status": "Pending", "DetailedStatus": "Creating" }));
    assert_eq!(created["Targets"][0]["Key"], "InstanceIds");
    assert_eq!(created["AssociationVersion"], "1");
    assert_eq!(created["DocumentVersion"], "$DEFAULT");
    assert!(created.get("Status").is_none(), "the root status is of the legacy form");
    let id = created["AssociationId"].as_str().unwrap();

    let described = house.ended(id).await;
    let overview = json!({
        "Status": "Failed",
        "DetailedStatus": "Failed",
        "AssociationStatusAggregatedCount": { "Success": 1, "Failed": 1 },
    });
    assert_eq!(described["Overview"], overview);
    assert!(described["LastExecutionDate"].is_number());

    let of = json!({ "AssociationId": id });
    let runs = house.ask("DescribeAssociationExecutions", &of).await;
    let run = &runs["AssociationExecutions"][0];
    assert_eq!(run["ResourceCountByStatus"], "{Failed=1, Success=1}");
    assert_eq!((&run["Status"], &run["DetailedStatus"]), (&json!("Failed"), &json!("Failed")));
    assert!(runs.get("NextToken").is_none());

    let of_run = json!({ "AssociationId": id, "ExecutionId": run["ExecutionId"] });
    let targets = house.ask("DescribeAssociationExecutionTargets", &of_run).await;
    let targets = targets["AssociationExecutionTargets"].as_array().unwrap().clone();
    assert_eq!(targets.len(), 2);
    for target in &targets {
        let expected = if target["ResourceId"] == *good { "Success" } else { "Failed" };
        assert_eq!(target["Status"], expected);
        assert_eq!(target["ResourceType"], "ManagedInstance");
        assert_eq!(target["OutputSource"]["OutputSourceType"], "RunCommand");
        assert_eq!(target["OutputSource"]["OutputSourceId"].as_str().unwrap().len(), 36);
    }

    let of_node = json!({ "InstanceId": good });
    let status = house.ask("DescribeInstanceAssociationsStatus", &of_node).await;
    let info = &status["InstanceAssociationStatusInfos"][0];
    assert_eq!((&info["Status"], &info["DocumentVersion"]), (&json!("Success"), &json!("1")));
    let summary = "1 out of 1 plugin processed, 1 success, 0 failed, 0 timedout, 0 skipped. ";
    assert_eq!(info["ExecutionSummary"], summary);
    let known = house.information(&good).await;
    assert_eq!(known["AssociationStatus"], "Success");
    assert_eq!(known["LastAssociationExecutionDate"], info["ExecutionDate"]);
    assert_eq!(known["LastSuccessfulAssociationExecutionDate"], info["ExecutionDate"]);
    let overview = json!({
        "DetailedStatus": "Success",
        "InstanceAssociationStatusAggregatedCount": { "Success": 1 },
    });
    assert_eq!(known["AssociationOverview"], overview);
    let known = house.information(&bad).await;
    assert_eq!(known["AssociationStatus"], "Failed");
    assert!(known.get("LastSuccessfulAssociationExecutionDate").is_none());
    let failed = json!({ "Filters": [{ "Key": "AssociationStatus", "Values": ["Failed"] }] });
    let failed = house.ask("DescribeInstanceInformation", &failed).await;
    let failed = failed["InstanceInformationList"].as_array().unwrap().clone();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["InstanceId"], *bad);
    let effective = house.ask("DescribeEffectiveInstanceAssociations", &of_node).await;
    assert_eq!(effective["Associations"][0]["AssociationId"], id);
    assert!(effective["Associations"][0]["Content"].as_str().unwrap().contains("runShellScript"));
}

#[tokio::test]
async fn an_update_is_a_new_version_without_what_it_leaves_out() {
    let house = House::open(Clock::Manual).await;
    let node = house.node("good", &[]).await;
    let id = house.create(&association(&ids(&[node]), json!({ "AssociationName": "Name" }))).await;
    house.ended(&id).await;
    house.engine.advance(1);
    let update = json!({ "AssociationId": id, "Parameters": { "commands": ["false"] } });
    let updated = house.ask("UpdateAssociation", &update).await["AssociationDescription"].clone();
    assert_eq!(updated["AssociationVersion"], "2");
    assert!(updated.get("AssociationName").is_none(), "what is left out is nulled");
    assert_eq!(updated["Name"], "Doc");
    house.ended(&id).await;
    let versions = house.ask("ListAssociationVersions", &json!({ "AssociationId": id })).await;
    let versions = versions["AssociationVersions"].as_array().unwrap().clone();
    let shown: Vec<_> = versions
        .iter()
        .map(|version| (&version["AssociationVersion"], &version["AssociationName"]))
        .collect();
    assert_eq!(shown, [(&json!("1"), &json!("Name")), (&json!("2"), &Value::Null)]);
    let first = json!({ "AssociationId": id, "AssociationVersion": "1" });
    let first = house.ask("DescribeAssociation", &first).await;
    assert_eq!(first["AssociationDescription"]["AssociationName"], "Name");
    let runs = house.executions(&id).await;
    let runs: Vec<_> = runs.iter().map(|run| run["AssociationVersion"].clone()).collect();
    assert_eq!(runs, ["2", "1"]);
    let stale = json!({ "AssociationId": id, "AssociationVersion": "1" });
    assert_eq!(house.refused("UpdateAssociation", &stale).await, "InvalidUpdate");

    house.ask("DeleteAssociation", &json!({ "AssociationId": id })).await;
    for operation in ["DescribeAssociation", "DescribeAssociationExecutions", "DeleteAssociation"] {
        let code = house.refused(operation, &json!({ "AssociationId": id })).await;
        assert_eq!(code, "AssociationDoesNotExist", "{operation}");
    }
}

#[tokio::test]
async fn each_slot_runs_once() {
    let house = House::open(Clock::Manual).await;
    let node = house.node("good", &[]).await;
    let schedule = json!({ "ScheduleExpression": "rate(30 minutes)" });
    let id = house.create(&association(&ids(&[node]), schedule)).await;
    house.ended(&id).await;
    for expected in 2..6 {
        house.engine.advance(30 * 60 * 1000);
        house.runs_ended(&id, expected).await;
    }
    // Slots that were missed are not made up for.
    house.engine.advance(5 * 60 * 60 * 1000);
    house.runs_ended(&id, 6).await;
}

#[tokio::test]
async fn nodes_that_come_later_are_converged() {
    let house = House::open(Clock::Manual).await;
    let by_tag = json!([{ "Key": "tag:role", "Values": ["web"] }]);
    let id = house.create(&association(&by_tag, json!({}))).await;
    let described = house.ended(&id).await;
    assert_eq!(described["Overview"]["Status"], "Success", "there was nothing to do");
    assert_eq!(house.executions(&id).await[0]["ResourceCountByStatus"], "{}");

    house.node("good-other", &[("role", "db")]).await;
    let node = house.node("good", &[("role", "web")]).await;
    house.runs_ended(&id, 2).await;
    let described = house.ended(&id).await;
    let counts = &described["Overview"]["AssociationStatusAggregatedCount"];
    assert_eq!(*counts, json!({ "Success": 1 }));
    let of_node = json!({ "InstanceId": node });
    let status = house.ask("DescribeInstanceAssociationsStatus", &of_node).await;
    assert_eq!(status["InstanceAssociationStatusInfos"][0]["Status"], "Success");
}

#[tokio::test]
async fn a_document_or_parameter_that_changes_makes_it_run() {
    let house = House::open(Clock::Manual).await;
    let node = house.node("good", &[]).await;
    let secret = json!({ "Name": "secret", "Value": "1", "Type": "String" });
    house.ask("PutParameter", &secret).await;
    let parameters = json!({ "Parameters": { "commands": ["echo {{ssm:secret}}"] } });
    let id = house.create(&association(&ids(&[node]), parameters)).await;
    house.runs_ended(&id, 1).await;
    let other = json!({ "Name": "secret", "Value": "2", "Type": "String", "Overwrite": true });
    house.ask("PutParameter", &other).await;
    house.runs_ended(&id, 2).await;
    let content = house::COMMAND.replace(r#""runShell""#, r#""runAgain""#);
    let update = json!({ "Name": "Doc", "Content": content, "DocumentVersion": "$LATEST" });
    house.ask("UpdateDocument", &update).await;
    // The default version is the first one still.
    let default = json!({ "Name": "Doc", "DocumentVersion": "2" });
    house.ask("UpdateDocumentDefaultVersion", &default).await;
    house.runs_ended(&id, 3).await;
    assert_eq!(
        house.refused("DeleteDocument", &json!({ "Name": "Doc" })).await,
        "AssociatedInstances"
    );
}

#[tokio::test]
async fn starting_again_ends_what_runs() {
    let house = House::open(Clock::Manual).await;
    let node = house.node("never", &[]).await;
    let id = house.create(&association(&ids(&[node]), json!({}))).await;
    house.runs(&id, |runs| runs.len() == 1 && runs[0]["Status"] == "InProgress").await;
    let described = house.ask("DescribeAssociation", &json!({ "AssociationId": id })).await;
    let overview = json!({
        "Status": "Pending",
        "DetailedStatus": "InProgress",
        "AssociationStatusAggregatedCount": { "InProgress": 1 },
    });
    assert_eq!(described["AssociationDescription"]["Overview"], overview);
    house.ask("StartAssociationsOnce", &json!({ "AssociationIds": [id] })).await;
    let is_over = |runs: &[Value]| runs.iter().any(|run| run["Status"] == "TimedOut");
    let runs = house.runs(&id, |runs| runs.len() == 2 && is_over(runs)).await;
    let ended = runs.iter().find(|run| run["Status"] == "TimedOut").unwrap();
    assert_eq!(ended["ResourceCountByStatus"], "{TimedOut=1}");
}

#[tokio::test]
async fn the_legacy_form_is_one_of_a_document_and_a_node() {
    let house = House::open(Clock::Manual).await;
    let node = house.node("good", &[]).await;
    let request = json!({
        "Name": "Old",
        "InstanceId": node,
        "Parameters": { "commands": ["true"] },
    });
    let created = house.ask("CreateAssociation", &request).await["AssociationDescription"].clone();
    assert_eq!(created["Status"]["Name"], "Associated");
    assert_eq!(created["Status"]["Message"], "Associated with Old");
    let target = json!([{ "Key": "InstanceIds", "Values": [node] }]);
    assert_eq!((&created["InstanceId"], &created["Targets"]), (&json!(node), &target));
    assert_eq!(house.refused("CreateAssociation", &request).await, "AssociationAlreadyExists");
    let named = json!({ "Name": "Old", "InstanceId": node });
    let described = house.ask("DescribeAssociation", &named).await;
    let id = &described["AssociationDescription"]["AssociationId"];
    assert_eq!(*id, created["AssociationId"]);
    let status = json!({ "Date": 1.5, "Name": "Success", "Message": "done" });
    let mut update = named.clone();
    update["AssociationStatus"] = status.clone();
    let updated = house.ask("UpdateAssociationStatus", &update).await;
    assert_eq!(updated["AssociationDescription"]["Status"]["Message"], "done");
    assert_eq!(house.refused("UpdateAssociationStatus", &update).await, "StatusUnchanged");
    house.ask("DeleteAssociation", &named).await;
    assert_eq!(house.refused("DescribeAssociation", &named).await, "AssociationDoesNotExist");
    house.ask("CreateAssociation", &request).await;
}

#[tokio::test]
async fn of_many_who_associate_the_same_at_once_one_does() {
    let house = House::open(Clock::Manual).await;
    let node = house.node("good", &[]).await;
    let request = json!({ "Name": "Old", "InstanceId": node, "Parameters": { "commands": ["x"] } });
    for _ in 0..20 {
        let create = || house.status("CreateAssociation", &request);
        let (one, two, three, four) = tokio::join!(create(), create(), create(), create());
        let made = [one, two, three, four].iter().filter(|status| **status == 200).count();
        assert_eq!(made, 1);
        house.ask("DeleteAssociation", &json!({ "Name": "Old", "InstanceId": node })).await;
    }
}

#[tokio::test]
async fn a_batch_makes_what_it_can() {
    let house = House::open(Clock::Manual).await;
    let node = house.node("good", &[]).await;
    let good = association(&ids(&[node]), json!({}));
    let mut bad = good.clone();
    bad["ScheduleExpression"] = json!("rate(1 hours)");
    let batch = json!({ "Entries": [good, bad] });
    let answer = house.ask("CreateAssociationBatch", &batch).await;
    assert_eq!(answer["Successful"].as_array().unwrap().len(), 1);
    assert_eq!(answer["Failed"][0]["Fault"], "Client");
    assert_eq!(answer["Failed"][0]["Entry"]["ScheduleExpression"], "rate(1 hours)");
    assert!(answer["Failed"][0]["Message"].as_str().unwrap().starts_with("InvalidSchedule"));
}

#[tokio::test]
async fn calendars_decide_whether_it_runs() {
    let house = House::open(Clock::Manual).await;
    let node = house.node("good", &[]).await;
    let calendar = "BEGIN:VCALENDAR\r\nPRODID:-//AWS//Change Calendar 1.0//EN\r\nVERSION:2.0\r\nX-CALENDAR-TYPE:DEFAULT_CLOSED\r\nEND:VCALENDAR\r\n";
    house.document("Calendar", "ChangeCalendar", "TEXT", calendar).await;
    let state = house.ask("GetCalendarState", &json!({ "CalendarNames": ["Calendar"] })).await;
    assert_eq!(state["State"], "CLOSED");
    let id =
        house.create(&association(&ids(&[node]), json!({ "CalendarNames": ["Calendar"] }))).await;
    house.ask("StartAssociationsOnce", &json!({ "AssociationIds": [id] })).await;
    let described = house.ask("DescribeAssociation", &json!({ "AssociationId": id })).await;
    assert_eq!(described["AssociationDescription"]["Overview"]["DetailedStatus"], "Associated");
    assert!(house.executions(&id).await.is_empty());
    let wrong = association(
        &json!([{ "Key": "tag:a", "Values": ["b"] }]),
        json!({ "CalendarNames": ["Doc"] }),
    );
    assert_eq!(house.refused("CreateAssociation", &wrong).await, "InvalidDocumentType");
}

#[tokio::test]
async fn compliance_is_what_associations_came_to_and_what_callers_put() {
    let house = House::open(Clock::Manual).await;
    let (good, bad) = (house.node("good", &[]).await, house.node("bad", &[]).await);
    let nodes = ids(&[good.clone(), bad.clone()]);
    let id = house.create(&association(&nodes, json!({ "ComplianceSeverity": "HIGH" }))).await;
    let manual = house.create(&association(&nodes, json!({ "SyncCompliance": "MANUAL" }))).await;
    house.ended(&id).await;
    house.ended(&manual).await;
    let put = json!({
        "ResourceId": good,
        "ResourceType": "ManagedInstance",
        "ComplianceType": "Custom:Mine",
        "ExecutionSummary": { "ExecutionTime": 1.5 },
        "Items": [{ "Id": "one", "Severity": "LOW", "Status": "NON_COMPLIANT" }],
    });
    house.ask("PutComplianceItems", &put).await;
    let of = json!({ "ResourceIds": [bad], "MaxResults": 1 });
    let items = house.pages("ListComplianceItems", &of, "ComplianceItems").await;
    assert_eq!(items.len(), 1, "a manual association says nothing");
    assert_eq!((&items[0]["Id"], &items[0]["Status"]), (&json!(id), &json!("NON_COMPLIANT")));
    let all = json!({ "MaxResults": 1 });
    let other = json!({ "ResourceTypes": ["Other"] });
    assert!(house.pages("ListComplianceItems", &other, "ComplianceItems").await.is_empty());
    let items = house.pages("ListComplianceItems", &all, "ComplianceItems").await;
    assert_eq!(items.len(), 3);
    let member = "ResourceComplianceSummaryItems";
    let summaries = house.pages("ListResourceComplianceSummaries", &all, member).await;
    let of_bad = summaries.iter().find(|summary| summary["ResourceId"] == *bad).unwrap();
    assert_eq!(of_bad["OverallSeverity"], "HIGH");
    assert_eq!(of_bad["NonCompliantSummary"]["NonCompliantCount"], 1);
    let filter = json!([{ "Key": "ComplianceType", "Values": ["Association"], "Type": "EQUAL" }]);
    let filter = json!({ "Filters": filter });
    let types = house.pages("ListComplianceSummaries", &filter, "ComplianceSummaryItems").await;
    assert_eq!(types[0]["CompliantSummary"]["CompliantCount"], 1);
    let since = |operator: &str| {
        let filter = json!([{
            "Key": "ExecutionTime", "Values": ["1970-01-01T00:00:01.500Z"], "Type": operator,
        }]);
        json!({ "Filters": filter })
    };
    for (operator, count) in [("EQUAL", 1), ("GREATER_THAN", 2), ("LESS_THAN", 0)] {
        let items = house.ask("ListComplianceItems", &since(operator)).await;
        assert_eq!(items["ComplianceItems"].as_array().unwrap().len(), count, "{operator}");
    }
    assert_eq!(house.refused("ListComplianceItems", &since("BEGIN_WITH")).await, "InvalidFilter");
    let wrong = json!({ "Filters": [{ "Key": "Colour", "Values": ["red"] }] });
    assert_eq!(house.refused("ListComplianceItems", &wrong).await, "InvalidFilter");
    let mut nobody = put.clone();
    nobody["ResourceId"] = json!("mi-00000000000000000");
    assert_eq!(house.refused("PutComplianceItems", &nobody).await, "InvalidResourceId");
}

#[tokio::test]
async fn pages_of_compliance_go_on_by_key_while_items_come() {
    let house = House::open(Clock::Manual).await;
    let mut nodes = Vec::new();
    for name in ["good-1", "bad-1", "good-2", "bad-2", "good-3"] {
        nodes.push(house.node(name, &[]).await);
    }
    nodes.sort();
    let mut associations = Vec::new();
    for _ in 0..2 {
        associations.push(house.create(&association(&ids(&nodes), json!({}))).await);
    }
    for id in &associations {
        house.ended(id).await;
    }
    let put = async |node: &str, kind: &str| {
        let put = json!({
            "ResourceId": node,
            "ResourceType": "ManagedInstance",
            "ComplianceType": kind,
            "ExecutionSummary": { "ExecutionTime": 1.5 },
            "Items": [{ "Id": "one", "Severity": "LOW", "Status": "COMPLIANT" }],
        });
        house.ask("PutComplianceItems", &put).await;
    };
    for node in &nodes {
        put(node, "Custom:Zz").await;
    }
    let place = |item: &Value| {
        let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
        (text("ResourceId"), text("ComplianceType"), text("Id"))
    };
    for (operation, member, count) in [
        ("ListComplianceItems", "ComplianceItems", 15),
        ("ListResourceComplianceSummaries", "ResourceComplianceSummaryItems", 10),
    ] {
        let all = house.pages(operation, &json!({}), member).await;
        assert_eq!(all.len(), count);
        assert!(all.is_sorted_by(|one, next| place(one) < place(next)), "{all:?}");
        for size in 1..=count {
            let paged = house.pages(operation, &json!({ "MaxResults": size }), member).await;
            assert_eq!(paged, all, "{size}");
        }
        let named = json!([{ "Key": "ResourceId", "Values": [nodes[3], nodes[1]] }]);
        let named = json!({ "Filters": named, "MaxResults": 1 });
        let named = house.pages(operation, &named, member).await;
        assert_eq!(named.len(), count * 2 / 5);
        // What comes before the place of a token doesn't move the next page.
        let first = house.ask(operation, &json!({ "MaxResults": 4 })).await;
        put(&nodes[0], &format!("Custom:{operation}")).await;
        let next = json!({ "MaxResults": 1, "NextToken": first["NextToken"] });
        assert_eq!(house.ask(operation, &next).await[member][0], all[4]);
        put(&nodes[0], &format!("Custom:{operation}")).await;
        let empty = json!({ "ResourceId": nodes[0], "ResourceType": "ManagedInstance", "Items": [],
            "ComplianceType": format!("Custom:{operation}"), "ExecutionSummary": { "ExecutionTime": 1 } });
        house.ask("PutComplianceItems", &empty).await;
    }
    let member = "ComplianceSummaryItems";
    let types = house.pages("ListComplianceSummaries", &json!({ "MaxResults": 1 }), member).await;
    let counts = |of: &Value| {
        let count = |side: &str, name: &str| of[side][name].as_u64().unwrap();
        (
            of["ComplianceType"].as_str().unwrap().to_owned(),
            count("CompliantSummary", "CompliantCount"),
            count("NonCompliantSummary", "NonCompliantCount"),
        )
    };
    let types: Vec<_> = types.iter().map(counts).collect();
    assert_eq!(types, [("Association".to_owned(), 6, 4), ("Custom:Zz".to_owned(), 5, 0)]);
}

#[tokio::test]
async fn nodes_tell_what_their_associations_came_to() {
    let house = House::open(Clock::Manual).await;
    let (good, bad) = (house.node("good", &[]).await, house.node("bad", &[]).await);
    let alone = house.node("alone", &[]).await;
    let member = "InstanceInformationList";
    let nodes = house.pages("DescribeInstanceInformation", &json!({}), member).await;
    assert!(nodes.iter().all(|node| node.get("AssociationStatus").is_none()), "{nodes:?}");
    house.engine.advance(5_000);
    let both = ids(&[good.clone(), bad.clone()]);
    let id = house.create(&association(&both, json!({}))).await;
    house.ended(&id).await;
    // One more for the good node only, which has not run yet.
    let late =
        json!({ "ScheduleExpression": "cron(0 2 * * ? *)", "ApplyOnlyAtCronInterval": true });
    let later = house.create(&association(&ids(std::slice::from_ref(&good)), late)).await;

    let seen = async |filters: Value| {
        let asked = json!({ "Filters": filters, "MaxResults": 5 });
        let nodes = house.pages("DescribeInstanceInformation", &asked, member).await;
        let told = |node: &Value| (node["InstanceId"].as_str().unwrap().to_owned(), node.clone());
        nodes.iter().map(told).collect::<BTreeMap<String, Value>>()
    };
    let nodes = seen(json!([])).await;
    assert_eq!(nodes.len(), 3);
    assert!(nodes[&alone].get("AssociationOverview").is_none());
    assert_eq!(nodes[&good]["AssociationStatus"], "Pending");
    let counts = json!({ "Pending": 1, "Success": 1 });
    let of_good = &nodes[&good]["AssociationOverview"];
    assert_eq!(of_good["InstanceAssociationStatusAggregatedCount"], counts);
    let last = nodes[&good]["LastAssociationExecutionDate"].as_f64().unwrap();
    assert_eq!(nodes[&good]["LastSuccessfulAssociationExecutionDate"].as_f64(), Some(last));
    assert_eq!(nodes[&bad]["AssociationStatus"], "Failed");
    assert_eq!(
        nodes[&bad]["AssociationOverview"],
        json!({ "DetailedStatus": "Failed", "InstanceAssociationStatusAggregatedCount": { "Failed": 1 } })
    );
    assert!(nodes[&bad].get("LastAssociationExecutionDate").is_some());
    assert!(nodes[&bad].get("LastSuccessfulAssociationExecutionDate").is_none());
    for (status, ids) in [("Failed", vec![&bad]), ("Pending", vec![&good]), ("Success", vec![])] {
        let found = seen(json!([{ "Key": "AssociationStatus", "Values": [status] }])).await;
        assert!(found.keys().eq(ids), "{status}: {found:?}");
    }
    house.ask("DeleteAssociation", &json!({ "AssociationId": later })).await;
    let success = json!([{ "Key": "AssociationStatus", "Values": ["Success"] }]);
    assert!(seen(success).await.keys().eq([&good]));
}
