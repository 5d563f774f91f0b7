import boto3


def make_snapshot_private(event, _):
    boto3.client("rds").modify_db_snapshot_attribute(
        DBSnapshotIdentifier=event["DBSnapshotId"], AttributeName="restore", ValuesToRemove=["all"]
    )
    return {"response": {"message": f"{event['DBSnapshotId']} is private", "status": "Success"}}
