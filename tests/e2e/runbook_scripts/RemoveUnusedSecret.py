import datetime

import boto3


def lambda_handler(event, _):
    secrets = boto3.client("secretsmanager")
    described = secrets.describe_secret(SecretId=event["SecretARN"])
    used = described.get("LastAccessedDate") or described["CreatedDate"]
    age = (datetime.datetime.now(datetime.timezone.utc) - used).days
    if age < event["UnusedForDays"]:
        raise RuntimeError(f"the secret was used {age} days ago")
    secrets.delete_secret(SecretId=event["SecretARN"], RecoveryWindowInDays=30)
    return {"message": f"{described['Name']} is going", "status": "Success"}
