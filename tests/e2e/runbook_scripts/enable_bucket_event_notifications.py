import boto3


def lambda_handler(event, _):
    topic = boto3.client("sns").create_topic(Name=event["topic_name"])["TopicArn"]
    boto3.client("s3").put_bucket_notification_configuration(
        Bucket=event["bucket_name"],
        NotificationConfiguration={"TopicConfigurations": [{"TopicArn": topic, "Events": event["event_types"]}]},
    )
    return {"output": {"Message": f"events of {event['bucket_name']} go to {topic}", "Status": "Success"}}
