import boto3

SETTINGS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")


def handle_s3_bucket(event, _):
    wanted = {name: event[name] for name in SETTINGS}
    s3 = boto3.client("s3")
    s3.put_public_access_block(Bucket=event["Bucket"], PublicAccessBlockConfiguration=wanted)
    found = s3.get_public_access_block(Bucket=event["Bucket"])["PublicAccessBlockConfiguration"]
    if found != wanted:
        raise RuntimeError(f"{event['Bucket']} has {found}")
    return {"Bucket": event["Bucket"], "configuration": found}


def handle_account(event, _):
    wanted = {name: event[name] for name in SETTINGS}
    control = boto3.client("s3control")
    control.put_public_access_block(AccountId=event["AccountId"], PublicAccessBlockConfiguration=wanted)
    found = control.get_public_access_block(AccountId=event["AccountId"])["PublicAccessBlockConfiguration"]
    if found != wanted:
        raise RuntimeError(f"{event['AccountId']} has {found}")
    return {"AccountId": event["AccountId"], "configuration": found}
