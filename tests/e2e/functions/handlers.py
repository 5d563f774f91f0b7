"""One handler that does what its event says."""

import os
import sys
import time
import uuid


class OutOfStock(Exception):
    pass


def main(event, context):
    do = event.get("do")
    if do == "echo":
        return event
    if do == "describe":
        return {
            "greeting": os.environ["GREETING"],
            "requestId": context.aws_request_id,
            "functionName": context.function_name,
            "remaining": context.get_remaining_time_in_millis() > 0,
            "arn": context.invoked_function_arn,
            "pid": os.getpid(),
        }
    if do == "raise":
        raise OutOfStock("no anvils left")
    if do == "raise once":
        # A file, not a variable: the process may be another one the second time.
        if not os.path.exists(event["mark"]):
            open(event["mark"], "w").close()
            raise OutOfStock("try again")
        return "second time"
    if do == "die":
        print("dying", file=sys.stderr, flush=True)
        os._exit(3)
    if do == "sleep":
        time.sleep(event["seconds"])
        return "slept"
    if do == "unserializable":
        return object()
    if do == "ticket":
        return {"ticket": str(uuid.uuid4()), "for": event["for"]}
    raise ValueError(f"what is {do!r}?")
