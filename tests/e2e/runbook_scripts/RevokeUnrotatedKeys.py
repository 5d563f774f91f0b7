import datetime

import boto3


def unrotated_key_handler(event, _):
    iam = boto3.client("iam")
    oldest = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=int(event["MaxCredentialUsageAge"]))
    revoked = []
    for key in iam.list_access_keys(UserName=event["IAMUserName"])["AccessKeyMetadata"]:
        if key["Status"] == "Active" and key["CreateDate"] < oldest:
            iam.update_access_key(UserName=event["IAMUserName"], AccessKeyId=key["AccessKeyId"], Status="Inactive")
            revoked.append(key["AccessKeyId"])
    return {"message": f"{len(revoked)} keys revoked", "status": "Success"}
