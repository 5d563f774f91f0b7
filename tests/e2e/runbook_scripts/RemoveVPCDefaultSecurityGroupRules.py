import boto3


def handler(event, _):
    ec2 = boto3.client("ec2")
    (group,) = ec2.describe_security_groups(GroupIds=[event["GroupId"]])["SecurityGroups"]
    if group["IpPermissions"]:
        ec2.revoke_security_group_ingress(GroupId=event["GroupId"], IpPermissions=group["IpPermissions"])
    if group["IpPermissionsEgress"]:
        ec2.revoke_security_group_egress(GroupId=event["GroupId"], IpPermissions=group["IpPermissionsEgress"])
    (group,) = ec2.describe_security_groups(GroupIds=[event["GroupId"]])["SecurityGroups"]
    return {"ingress": len(group["IpPermissions"]), "egress": len(group["IpPermissionsEgress"])}
