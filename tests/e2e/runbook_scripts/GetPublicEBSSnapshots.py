import boto3


def get_public_snapshots(event, _):
    if event["testmode"]:
        return ["snap-12341234123412345"]
    ec2 = boto3.client("ec2", region_name=event["region"])
    found = []
    for page in ec2.get_paginator("describe_snapshots").paginate(OwnerIds=[event["account_id"]]):
        for snapshot in page["Snapshots"]:
            shared = ec2.describe_snapshot_attribute(
                SnapshotId=snapshot["SnapshotId"], Attribute="createVolumePermission"
            )
            if any(one.get("Group") == "all" for one in shared["CreateVolumePermissions"]):
                found.append(snapshot["SnapshotId"])
    return sorted(found)
