import boto3

PORTS = {20, 21, 22, 23, 25, 110, 135, 143, 445, 1433, 3306, 3389, 5432, 8080, 8888}


def lambda_handler(event, _):
    ec2 = boto3.client("ec2")
    (group,) = ec2.describe_security_groups(GroupIds=[event["SecurityGroupId"]])["SecurityGroups"]
    closed = []
    for rule in group["IpPermissions"]:
        ports = range(rule.get("FromPort", 0), rule.get("ToPort", 65535) + 1)
        everybody = any(one["CidrIp"] == "0.0.0.0/0" for one in rule["IpRanges"])
        if everybody and PORTS.intersection(ports):
            ec2.revoke_security_group_ingress(GroupId=event["SecurityGroupId"], IpPermissions=[rule])
            closed.append(rule["FromPort"])
    return {"status": "Success", "closed": sorted(closed)}
