import re


def parse_event(event, _):
    finding = event["Finding"]
    resource = finding["Resources"][int(event.get("resource_index", 1)) - 1]
    control = finding["Compliance"]["SecurityControlId"]
    if control not in event.get("expected_control_id", [control]):
        raise RuntimeError(f"{control} is not expected")
    identifier = resource["Id"]
    if event.get("parse_id_pattern"):
        matched = re.match(event["parse_id_pattern"], identifier)
        if not matched:
            raise RuntimeError(f"{identifier} does not match")
        identifier = matched.group(1)
    account = finding["AwsAccountId"]
    return {
        "account_id": account,
        "resource_id": identifier,
        "resource_region": resource["Region"],
        "resource": resource,
        "finding": finding,
        "finding_id": finding["Id"],
        "product_arn": finding["ProductArn"],
        "control_id": control,
        "testmode": bool(finding.get("testmode", False)),
        "input_params": finding["Compliance"].get("SecurityControlParameters", {}),
        "object": {"Type": resource["Type"], "Id": identifier, "OutputKey": "Remediation.Output"},
    }
