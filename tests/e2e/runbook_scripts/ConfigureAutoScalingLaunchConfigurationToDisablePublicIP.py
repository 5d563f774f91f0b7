def event_handler(event, _):
    return {
        **event["LaunchConfiguration"],
        "LaunchConfigurationName": event["LaunchConfigurationName"],
        "AssociatePublicIpAddress": False,
    }
