import boto3


def enable_trail_encryption(event, _):
    cloudtrail = boto3.client("cloudtrail", region_name=event["trail_region"])
    cloudtrail.update_trail(Name=event["trail"], KmsKeyId=event["kms_key_arn"])
    return {"response": {"message": f"{event['trail']} is encrypted", "status": "Success"}}
