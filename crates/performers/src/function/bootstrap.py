"""Runs a Python handler behind the Lambda Runtime API, with the standard library alone.

It behaves as AWS's own runtime does: the same context, the same errors, the same log format. It speaks HTTP over one
kept connection by itself, because http.client doubles the time of a start and of a call.
"""

import decimal
import importlib
import json
import logging
import math
import os
import re
import signal
import socket
import sys
import threading
import time
import traceback

OWN_FILE = "<trackway>"
PREFIX = "/2018-06-01/runtime/"


def end_with_the_server():
    """Kills this process and what it started when the server has gone, which closes the pipe at standard input."""
    pipe = os.dup(0)
    # The handler sees an empty standard input, as on AWS.
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)

    def watch():
        while os.read(pipe, 64):
            pass
        if os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class Fault(Exception):
    """An error of the runtime, not of the handler's own code."""

    def __init__(self, kind, message, trace=None):
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.trace = trace


class Connection:
    """One kept HTTP/1.1 connection to the Runtime API."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.address = address
        self.socket = socket.create_connection((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def call(self, method, path, body=b"", headers=()):
        lines = [f"{method} {PREFIX}{path} HTTP/1.1", f"Host: {self.address}", f"Content-Length: {len(body)}"]
        lines.extend(f"{name}: {value}" for name, value in headers)
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace") + body)
        return self.answer()

    def answer(self):
        while b"\r\n\r\n" not in self.buffer:
            self.receive()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        status, *lines = head.decode("latin-1").split("\r\n")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        parts, length = [self.buffer], int(headers.get("content-length", "0"))
        missing = length - len(self.buffer)
        while missing > 0:
            self.buffer = b""
            self.receive()
            parts.append(self.buffer)
            missing -= len(self.buffer)
        whole = b"".join(parts)
        self.buffer = whole[length:]
        return int(status.split(" ", 2)[1]), headers, whole[:length]

    def receive(self):
        data = self.socket.recv(262144)
        if not data:
            # The server has gone.
            os._exit(1)
        self.buffer += data


class Fields:
    """A bag of attributes with the names that AWS documents; what was not given is None."""

    def __init__(self, names, values):
        for name in names:
            setattr(self, name, values.get(name))


CLIENT = ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")


def client_context_of(text):
    if not text:
        return None
    try:
        values = json.loads(text)
        context = Fields(("custom", "env", "client"), values)
        if context.client is not None:
            context.client = Fields(CLIENT, context.client)
        return context
    except Exception as error:
        raise Fault("Runtime.LambdaContextUnmarshalError", f"Unable to parse Client Context JSON: {error}")


class LambdaContext:
    """What the handler knows about its invocation."""

    def __init__(self, headers):
        environment = os.environ.get
        self.aws_request_id = headers["lambda-runtime-aws-request-id"]
        self.invoked_function_arn = headers.get("lambda-runtime-invoked-function-arn")
        self.function_name = environment("AWS_LAMBDA_FUNCTION_NAME")
        self.function_version = environment("AWS_LAMBDA_FUNCTION_VERSION")
        self.memory_limit_in_mb = environment("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.log_group_name = environment("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = environment("AWS_LAMBDA_LOG_STREAM_NAME")
        self.tenant_id = None
        self.identity = Fields(("cognito_identity_id", "cognito_identity_pool_id"), {})
        self.client_context = client_context_of(headers.get("lambda-runtime-client-context"))
        self._deadline_ms = int(headers["lambda-runtime-deadline-ms"])

    def get_remaining_time_in_millis(self):
        return max(self._deadline_ms - int(time.time() * 1000), 0)

    def log(self, message):
        sys.stdout.write(str(message))

    def __repr__(self):
        return f"LambdaContext([aws_request_id={self.aws_request_id},function_name={self.function_name}])"


# From 3.12 on, AWS's runtime writes other letters than ASCII as they are.
ASCII_ONLY = sys.version_info < (3, 12)
# Stands for a decimal until the document is written; the standard encoder has no place for its digits.
DECIMAL = os.urandom(16).hex()


def encode(value):
    decimals = []

    def plain(item):
        if not isinstance(item, decimal.Decimal):
            raise TypeError(f"Object of type {type(item).__name__} is not JSON serializable")
        if item.is_nan():
            return math.nan
        decimals.append(str(item))
        return f"{DECIMAL}:{len(decimals) - 1}"

    text = json.dumps(value, ensure_ascii=ASCII_ONLY, default=plain)
    if decimals:
        text = re.sub(f'"{DECIMAL}:(\\d+)"', lambda match: decimals[int(match[1])], text)
    # A surrogate without its pair cannot be written as UTF-8.
    return text.encode("utf-8")


def marshal(value):
    if isinstance(value, bytes):
        return value, "application/unknown"
    try:
        return encode(value), "application/json"
    except Exception as error:
        raise Fault("Runtime.MarshalError", f"Unable to marshal response: {error}")


def unmarshal(body):
    try:
        return json.loads(body)
    except Exception as error:
        raise Fault("Runtime.UnmarshalError", f"Unable to unmarshal input: {error}")


def load(handler):
    module_name, dot, function_name = handler.rpartition(".")
    if not dot:
        raise Fault(
            "Runtime.MalformedHandlerName",
            f"Bad handler '{handler}': not enough values to unpack (expected 2, got 1)",
        )
    if module_name.split(".")[0] in sys.builtin_module_names:
        raise Fault("Runtime.BuiltInModuleConflict", f"Cannot use built-in module {module_name} as a handler module")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise Fault("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}")
    except SyntaxError as error:
        trace = [f'  File "{error.filename}" Line {error.lineno}\n    {error.text}']
        raise Fault("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}", trace)
    try:
        return getattr(module, function_name)
    except AttributeError:
        raise Fault("Runtime.HandlerNotFound", f"Handler '{function_name}' missing on module '{module_name}'")


def own_frame(name):
    return name == OWN_FILE or name == "<string>"


def error_of(error, request_id):
    """The error as AWS's runtime reports it."""
    if isinstance(error, Fault):
        message, kind, trace = error.message, error.kind, error.trace or []
    else:
        frames = [(f.filename, f.lineno, f.name, f.line) for f in traceback.extract_tb(error.__traceback__)]
        while frames and own_frame(frames[0][0]):
            frames.pop(0)
        message, kind, trace = str(error), type(error).__name__, traceback.format_list(frames)
    return {"errorMessage": message, "errorType": kind, "requestId": request_id, "stackTrace": trace}


def log_error(error):
    lines = [f"[ERROR] {error['errorType']}" + (f": {error['errorMessage']}" if error["errorMessage"] else "")]
    if error["stackTrace"]:
        lines.append("Traceback (most recent call last):")
        for entry in error["stackTrace"]:
            lines.extend(entry.splitlines())
    print("\n".join(lines), flush=True)


def to_bytes(error):
    # ASCII escapes carry whatever letters the message holds.
    return json.dumps(error).encode()


class LogHandler(logging.Handler):
    """Writes records as AWS's runtime does: level, time, request, message."""

    request_id = ""

    def emit(self, record):
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        message = self.format(record)
        line = f"[{record.levelname}]\t{moment}.{int(record.msecs):03d}Z\t{LogHandler.request_id}\t{message}\n"
        sys.stdout.write(line)
        sys.stdout.flush()


def serve_one(connection, handler):
    _, headers, body = connection.call("GET", "invocation/next")
    request_id = headers["lambda-runtime-aws-request-id"]
    LogHandler.request_id = request_id
    os.environ["_X_AMZN_TRACE_ID"] = headers.get("lambda-runtime-trace-id", "")
    try:
        result, content_type = marshal(handler(unmarshal(body), LambdaContext(headers)))
    except Exception as error:
        report = error_of(error, request_id)
        log_error(report)
        headers = (("Lambda-Runtime-Function-Error-Type", report["errorType"]),)
        connection.call("POST", f"invocation/{request_id}/error", to_bytes(report), headers)
    else:
        sys.stdout.flush()
        headers = (("Content-Type", content_type),)
        connection.call("POST", f"invocation/{request_id}/response", result, headers)


def main():
    end_with_the_server()
    # AWS's code folder is read-only. Here a cache would hide an edit within the same second.
    sys.dont_write_bytecode = True
    sys.path[0] = os.environ["LAMBDA_TASK_ROOT"]
    connection = Connection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    logging.getLogger().addHandler(LogHandler())
    try:
        handler = load(os.environ["_HANDLER"])
    except Exception as error:
        report = error_of(error, "")
        log_error(report)
        headers = (("Lambda-Runtime-Function-Error-Type", report["errorType"]),)
        connection.call("POST", "init/error", to_bytes(report), headers)
        sys.exit(1)
    while True:
        serve_one(connection, handler)


main()
