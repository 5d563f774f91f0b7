"""Draws a ticket that nobody drew before, and writes it down before it is handed in."""

import os
import time
import uuid


def handler(event, context):
    ticket = str(uuid.uuid4())
    with open(os.environ["TICKETS"], "a") as drawn:
        drawn.write(ticket + "\n")
    # Long enough that a crash finds some of them between being drawn and being used.
    time.sleep(0.02)
    return {"ticket": ticket, "for": event["for"]}
