import boto3


def enable_cloudtrail(event, _):
    cloudtrail = boto3.client("cloudtrail")
    cloudtrail.create_trail(
        Name="multi-region-cloud-trail",
        S3BucketName=event["cloudtrail_bucket"],
        IsMultiRegionTrail=True,
        IncludeGlobalServiceEvents=True,
    )
    cloudtrail.start_logging(Name="multi-region-cloud-trail")
    return {"output": {"Message": "CloudTrail is on"}, "cloudtrail_bucket": event["cloudtrail_bucket"]}
