def process_results(event, _):
    return {"response": {"message": f"{event['cloudtrail_bucket']} logs to {event['logging_bucket']}", "status": "Success"}}
