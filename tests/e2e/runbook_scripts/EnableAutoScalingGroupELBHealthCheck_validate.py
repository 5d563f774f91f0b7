import boto3


def verify(event, _):
    groups = boto3.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[event["AsgName"]])
    kind = groups["AutoScalingGroups"][0]["HealthCheckType"]
    if kind != "ELB":
        raise RuntimeError(f"the health check of {event['AsgName']} is {kind}")
    return {"response": {"message": f"{event['AsgName']} is checked by its load balancer", "status": "Success"}}
