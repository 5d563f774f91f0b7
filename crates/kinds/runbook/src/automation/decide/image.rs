//! aws:createImage, aws:copyImage and aws:deleteImage.

use serde_json::{Map, Value, json};

use super::work::{Answer, Decided, Then, View, object};
use crate::automation::failure::Failure;
use crate::automation::selector::{Found, select};
use crate::automation::value::as_list;

const MAKE: u8 = 1;
const LOOK: u8 = 2;

pub(super) fn create(view: &View<'_>, answer: Answer) -> Decided {
    make(view, answer, || {
        view.need_text("InstanceId")?;
        view.need_text("ImageName")?;
        let input = view.pick(&[
            ("InstanceId", "InstanceId"),
            ("ImageName", "Name"),
            ("ImageDescription", "Description"),
            ("NoReboot", "NoReboot"),
            ("BlockDeviceMappings", "BlockDeviceMappings"),
        ]);
        Ok(view.call(("ec2", "CreateImage"), MAKE, input, None))
    })
}

pub(super) fn copy(view: &View<'_>, answer: Answer) -> Decided {
    make(view, answer, || {
        view.need_text("SourceRegion")?;
        view.need_text("SourceImageId")?;
        view.need_text("ImageName")?;
        let input = view.pick(&[
            ("SourceRegion", "SourceRegion"),
            ("SourceImageId", "SourceImageId"),
            ("ImageName", "Name"),
            ("ImageDescription", "Description"),
            ("Encrypted", "Encrypted"),
            ("KmsKeyId", "KmsKeyId"),
            ("ClientToken", "ClientToken"),
        ]);
        Ok(view.call(("ec2", "CopyImage"), MAKE, input, None))
    })
}

/// Makes an image, then looks until it is available.
fn make(view: &View<'_>, answer: Answer, begin: impl FnOnce() -> Decided) -> Decided {
    match (view.stage, answer) {
        (_, Answer::Begin) => begin(),
        (LOOK, Answer::Failed { error, .. }) if view.is_not_yet_there(&error) => {
            Ok(view.poll(LOOK))
        }
        (_, Answer::Failed { error, cause }) => Ok(Then::Fail(Failure::aws(&error, &cause))),
        (MAKE, Answer::Response(response)) => {
            let id = response.get("ImageId").cloned().unwrap_or_default();
            Ok(look(view, &id, Some(json!({ "ImageId": id }))))
        }
        (_, Answer::Due) => Ok(look(view, view.memo("ImageId"), None)),
        (_, Answer::Response(response)) => {
            let state = response.pointer("/Images/0/State").and_then(Value::as_str);
            match state.unwrap_or("pending") {
                "available" => Ok(Then::Done(object([
                    ("ImageId", view.memo("ImageId").clone()),
                    ("ImageState", json!("available")),
                ]))),
                "pending" | "transient" => Ok(view.poll(LOOK)),
                other => {
                    let why = response.pointer("/Images/0/StateReason/Message");
                    let why = why.and_then(Value::as_str).unwrap_or_default();
                    let why = format!("The image is {other} {why}");
                    Ok(Then::Fail(Failure::polled(why.trim_end())))
                }
            }
        }
    }
}

fn look(view: &View<'_>, id: &Value, memo: Option<Value>) -> Then {
    let input = object([("ImageIds", json!([id]))]);
    view.call(("ec2", "DescribeImages"), LOOK, input, memo)
}

const FIND: u8 = 1;
const DEREGISTER: u8 = 2;
const DROP: u8 = 3;

/// Deletes an image and its snapshots.
pub(super) fn delete(view: &View<'_>, answer: Answer) -> Decided {
    match (view.stage, answer) {
        (_, Answer::Begin | Answer::Due) => {
            let id = view.need("ImageId")?;
            let input = object([("ImageIds", json!([id]))]);
            Ok(view.call(("ec2", "DescribeImages"), FIND, input, None))
        }
        (_, Answer::Failed { error, cause }) => Ok(Then::Fail(Failure::aws(&error, &cause))),
        (FIND, Answer::Response(response)) => {
            let found = select("$.Images[0].BlockDeviceMappings[*].Ebs.SnapshotId", &response);
            let snapshots = match found {
                Some(Found::Many(snapshots)) => snapshots,
                _ => Vec::new(),
            };
            let input = object([("ImageId", view.need("ImageId")?.clone())]);
            let memo = json!({ "Snapshots": snapshots });
            Ok(view.call(("ec2", "DeregisterImage"), DEREGISTER, input, Some(memo)))
        }
        (_, Answer::Response(_)) => Ok(drop_next(view)),
    }
}

fn drop_next(view: &View<'_>) -> Then {
    let mut left = match view.memo("Snapshots") {
        Value::Null => Vec::new(),
        list => as_list(list),
    };
    if left.is_empty() {
        return Then::Done(Map::new());
    }
    let next = left.remove(0);
    let memo = json!({ "Snapshots": left });
    view.call(("ec2", "DeleteSnapshot"), DROP, object([("SnapshotId", json!(next))]), Some(memo))
}
