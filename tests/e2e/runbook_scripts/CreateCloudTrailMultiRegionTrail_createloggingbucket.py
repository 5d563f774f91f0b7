import boto3


def create_logging_bucket(event, _):
    bucket = f"so0111-access-logs-{event['region']}-{event['account']}"
    s3 = boto3.client("s3")
    if bucket not in [one["Name"] for one in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=bucket)
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    return {"logging_bucket": bucket}
