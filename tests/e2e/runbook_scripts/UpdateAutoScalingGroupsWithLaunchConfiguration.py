import boto3


def update_auto_scaling_groups_with_launch_configuration(event, _):
    autoscaling = boto3.client("autoscaling")
    updated = []
    for page in autoscaling.get_paginator("describe_auto_scaling_groups").paginate():
        for group in page["AutoScalingGroups"]:
            if group.get("LaunchConfigurationName") == event["OldLaunchConfigurationName"]:
                name = group["AutoScalingGroupName"]
                autoscaling.update_auto_scaling_group(
                    AutoScalingGroupName=name, LaunchConfigurationName=event["NewLaunchConfigurationName"]
                )
                updated.append(name)
    return {"response": {"status": "Success", "groups": updated}}
