"""Runs a handler of a script. What it returns, or the traceback of what it raised, goes into a file."""
import importlib.util
import json
import os
import sys
import traceback

LIST_ITEMS_MAX = 100


def short(value):
    return value[:LIST_ITEMS_MAX] if isinstance(value, list) else value


def outputs(value):
    """A list that is an output, or a member of one, is cut as Systems Manager cuts it."""
    if isinstance(value, dict):
        return {key: short(member) for key, member in value.items()}
    return short(value)


def told(error, script):
    """The traceback from the script's own frames on."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != script:
        trace = trace.tb_next
    if trace is not None:
        return "".join(traceback.format_exception(type(error), error, trace))
    only = "".join(traceback.format_exception_only(type(error), error))
    return "Traceback (most recent call last):\n" + only


def run(request, script):
    sys.path.insert(0, os.path.dirname(script))
    spec = importlib.util.spec_from_file_location("customer_script", script)
    module = importlib.util.module_from_spec(spec)
    sys.modules["customer_script"] = module
    spec.loader.exec_module(module)
    if request["handler"] is None:
        return "null"
    value = getattr(module, request["handler"])(request["payload"], request["context"])
    return json.dumps(outputs(value), allow_nan=False)


def main():
    folder = sys.argv[1]
    request = json.load(sys.stdin)
    sys.stdin = open(os.devnull)
    sys.argv = [os.path.join(folder, "customer_script.py")]
    try:
        result = '{"payload":' + run(request, sys.argv[0]) + "}"
    except BaseException as error:
        result = json.dumps({"error": told(error, sys.argv[0]), "type": type(error).__name__})
    sys.stdout.flush()
    with open(os.path.join(folder, ".result"), "w") as file:
        file.write(result)


main()
