import json

import boto3


def create_bucket_policy(event, _):
    arn = f"arn:{event['partition']}:s3:::{event['cloudtrail_bucket']}"
    principal = {"Service": "cloudtrail.amazonaws.com"}
    write = f"{arn}/AWSLogs/{event['account']}/*"
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": principal, "Action": "s3:GetBucketAcl", "Resource": arn},
            {"Effect": "Allow", "Principal": principal, "Action": "s3:PutObject", "Resource": write},
        ],
    }
    boto3.client("s3").put_bucket_policy(Bucket=event["cloudtrail_bucket"], Policy=json.dumps(policy))
    return {"output": {"Message": f"{event['cloudtrail_bucket']} has its policy"}}
