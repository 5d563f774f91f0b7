"""Lambda functions of the order, as they would be deployed."""

import os

PRICES = {"anvil": 99, "rope": 12, "magnet": 25}
asked_before = set()


class PriceListBusy(Exception):
    """The price list can't be read right now; try again."""


def price(event, context):
    # The first question about an order fails, so that there is something to retry.
    if event["order"] not in asked_before:
        asked_before.add(event["order"])
        raise PriceListBusy("the price list is being printed")
    total = sum(PRICES[item["name"]] * item["count"] for item in event["items"])
    return {"total": total, "currency": os.environ["CURRENCY"]}


def reserve(event, context):
    return {"name": event["name"], "shelf": f"{event['name'][0].upper()}{event['count']}"}
