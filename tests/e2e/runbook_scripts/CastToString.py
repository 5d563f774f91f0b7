def cast_to_string(event, _):
    return str(event[event["DesiredParameter"]])
