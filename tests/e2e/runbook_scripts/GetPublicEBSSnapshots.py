import boto3


def get_public_snapshots(event, _):
    if event["testmode"]:
        return ["snap-12341234123412345"]
    ec2 = boto3.client("ec2", region_name=event["region"])
    pages = ec2.get_paginator("describe_snapshots").paginate(
        OwnerIds=[event["account_id"]], RestorableByUserIds=["all"]
    )
    return sorted(snapshot["SnapshotId"] for page in pages for snapshot in page["Snapshots"])
