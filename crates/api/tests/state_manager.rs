//! State Manager as a client sees it: the API on an engine in memory, nodes that register, and a toy
//! in the place of Run Command: the node's name says how a command on it ends.

#![allow(clippy::unwrap_used, reason = "a test may fail")]
#![allow(clippy::too_many_lines, reason = "tables of what is refused")]

#[path = "state_manager/house.rs"]
mod house;
#[path = "state_manager/lists.rs"]
mod lists;
#[path = "state_manager/refusals.rs"]
mod refusals;

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
    assert_eq!((&created["InstanceId"], created.get("Targets")), (&json!(node), None));
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
    let wrong = json!({ "Filters": [{ "Key": "Colour", "Values": ["red"] }] });
    assert_eq!(house.refused("ListComplianceItems", &wrong).await, "InvalidFilter");
    let mut nobody = put.clone();
    nobody["ResourceId"] = json!("mi-00000000000000000");
    assert_eq!(house.refused("PutComplianceItems", &nobody).await, "InvalidResourceId");
}
