import boto3


def create_auto_scaling_launch_configuration(event, _):
    given = event["LaunchConfiguration"]
    wanted = ("LaunchConfigurationName", "ImageId", "InstanceType", "SecurityGroups", "AssociatePublicIpAddress")
    boto3.client("autoscaling").create_launch_configuration(**{name: given[name] for name in wanted if name in given})
