def get_log_group_name_from_arn(event, _):
    return event["Arn"].split(":")[6]
