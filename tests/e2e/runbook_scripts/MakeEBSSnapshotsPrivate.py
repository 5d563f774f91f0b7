import boto3


def make_snapshots_private(event, _):
    ec2 = boto3.client("ec2", region_name=event["region"])
    for snapshot in event["snapshots"]:
        ec2.modify_snapshot_attribute(
            SnapshotId=snapshot,
            Attribute="createVolumePermission",
            CreateVolumePermission={"Remove": [{"Group": "all"}]},
        )
    count = len(event["snapshots"])
    return {"response": {"message": f"{count} of {count} snapshots are private", "status": "Success"}}
