"""A moto server that stands for AWS, and recorded answers in front of it where moto has none.

`Recorder` is what services that moto lacks are sent to (`AWS_ENDPOINT_URL_<SERVICE>`): it keeps every request, gives
the answer that a test recorded for it, and passes what has no recorded answer on to moto.
"""

import http.client
import json
import os
import re
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3

from harness import eventually, free_port

ACCOUNT = "000000000000"


class Moto:
    """A `moto_server` process with the account that Trackway has."""

    def __init__(self, folder):
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.log = folder / "moto.log"
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        moto = {"MOTO_ACCOUNT_ID": ACCOUNT, "MOTO_IAM_LOAD_MANAGED_POLICIES": "true"}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**inherited, **moto}
            )
        eventually(self._answers, f"moto answers on {self.endpoint}", 60)

    def _answers(self):
        assert self.process.poll() is None, self.log.read_text()
        try:
            return self.get("/moto-api/data.json") is not None
        except OSError:
            return False

    def get(self, path):
        with urllib.request.urlopen(self.endpoint + path, timeout=10) as response:
            return json.load(response)

    def post(self, path, body):
        request = urllib.request.Request(
            self.endpoint + path, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=20)

    def client(self, service, region="us-east-1"):
        return boto3.client(
            service, endpoint_url=self.endpoint, region_name=region, aws_access_key_id="test", aws_secret_access_key="test"
        )


class Request:
    """One request that came, by service and operation."""

    def __init__(self, handler, body):
        self.method, self.path = handler.command, handler.path
        self.headers = {name.lower(): value for name, value in handler.headers.items()}
        self.body = body
        scope = re.search(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/", self.headers.get("authorization", ""))
        self.region, self.service = scope.groups() if scope else ("", "")
        self.form = {}
        if "x-www-form-urlencoded" in self.headers.get("content-type", ""):
            self.form = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))
        target = self.headers.get("x-amz-target", "")
        rest = f"{self.method} {urllib.parse.urlparse(self.path).path}"
        self.operation = target.split(".")[-1] or self.form.get("Action") or rest
        if self.service == "lambda" and rest.endswith("/invocations"):
            self.operation = "Invoke"

    @property
    def json(self):
        return json.loads(self.body)


class Recorder:
    """Recorded answers by service and operation, each given once and in order; all else goes on to moto."""

    def __init__(self, behind):
        self.behind = behind
        self.requests, self.answers = [], {}
        self.lock = threading.Lock()
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                status, headers, body = recorder._answer(Request(self, self.rfile.read(length)))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = answer

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def clear(self):
        with self.lock:
            self.requests.clear()
            self.answers.clear()

    def record(self, service, operation, *answers):
        """Answers to the next calls of this operation: JSON, or text with the XML of the query protocol, or
        `(status, answer)`, or a function of moto's own answer."""
        self.answers.setdefault((service, operation), []).extend(answers)

    def asked(self, service, operation):
        """The requests of this operation so far."""
        with self.lock:
            return [one for one in self.requests if (one.service, one.operation) == (service, operation)]

    def used_up(self):
        return not any(self.answers.values())

    def _answer(self, request):
        with self.lock:
            self.requests.append(request)
            waiting = self.answers.get((request.service, request.operation))
            answer = waiting.pop(0) if waiting else None
        if answer is None or callable(answer):
            status, headers, body = self._pass_on(request)
            return status, headers, answer(body) if answer else body
        status, answer = answer if isinstance(answer, tuple) else (200, answer)
        if isinstance(answer, str):
            return status, {"Content-Type": "text/xml"}, answer.encode()
        return status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(answer).encode()

    def _pass_on(self, request):
        hop = ("connection", "content-length", "transfer-encoding", "accept-encoding", "expect")
        headers = {name: value for name, value in request.headers.items() if name not in hop}
        onward = http.client.HTTPConnection("127.0.0.1", self.behind.port, timeout=30)
        try:
            onward.request(request.method, request.path, request.body, headers)
            answer = onward.getresponse()
            return answer.status, _kept(answer.headers), answer.read()
        finally:
            onward.close()


def _kept(headers):
    dropped = ("connection", "content-length", "transfer-encoding", "date", "server")
    return {name: value for name, value in headers.items() if name.lower() not in dropped}
