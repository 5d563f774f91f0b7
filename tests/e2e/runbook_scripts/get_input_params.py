def get_input_params(event, _):
    given = event.get("SecHubInputParams") or {}
    found = {}
    for name, default in event["DefaultParams"].items():
        value = given.get(name, {}).get("value", default) if isinstance(given.get(name, {}), dict) else given[name]
        found[name] = value
    return found
