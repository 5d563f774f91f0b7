import boto3


def lambda_handler(_, __):
    guardduty = boto3.client("guardduty")
    if not guardduty.list_detectors()["DetectorIds"]:
        guardduty.create_detector(Enable=True)
    return {"message": "GuardDuty is on", "status": "Success"}
