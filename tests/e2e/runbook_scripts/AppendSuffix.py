def append_suffix(event, _):
    return event["OriginalString"][: event["MaxLen"] - len(event["Suffix"])] + event["Suffix"]
