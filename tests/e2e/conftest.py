"""Fixtures: one server for the tests that share it, and a maker of servers for those that don't."""

import pathlib
import shutil

import pytest
from botocore.exceptions import ClientError

from corpus_fixtures import cmk, moto, patient, served, world  # noqa: F401  (fixtures of the corpus tests)
from harness import HERE, TRACKWAY, Server


def pytest_sessionstart(session):
    if not pathlib.Path(TRACKWAY).exists():
        raise pytest.UsageError(f"there is no {TRACKWAY}: cargo build -p trackway, or set TRACKWAY_BIN")


@pytest.fixture(scope="session", params=["memory", "disk"])
def server(request, tmp_path_factory):
    """A server with no functions, once on each store; tests that share it use names of their own."""
    running = Server(tmp_path_factory.mktemp(f"server-{request.param}"), memory=request.param == "memory")
    running.start()
    yield running
    running.stop()


@pytest.fixture
def sfn(server):
    return server.client()


@pytest.fixture
def unchecked(server):
    """A client that sends whatever it is told to."""
    return server.client(parameter_validation=False)


@pytest.fixture
def new_server(tmp_path):
    """Makes servers that end with the test: `new_server("--clock", "skip")`, started."""
    made = []

    def make(*arguments, **options):
        folder = tmp_path / f"server-{len(made)}"
        folder.mkdir()
        for name, text in (options.pop("files", None) or {}).items():
            (folder / name).write_text(text)
        made.append(Server(folder, *arguments, **options))
        return made[-1].start()

    yield make
    for server in made:
        if server.process is not None and server.process.poll() is None:
            server.kill()


FUNCTIONS = """
[functions.python]
handler = "handlers.main"
runtime = "python3"
path = "functions"
timeout_seconds = 20
env = { GREETING = "hello" }

[functions.node]
handler = "handlers.main"
runtime = "nodejs"
path = "functions"
timeout_seconds = 20
env = { GREETING = "hello" }

[functions.awslambdaric]
command = ["python3", "-m", "awslambdaric", "handlers.main"]
path = "functions"
timeout_seconds = 20
env = { GREETING = "hello" }

[functions.slow]
handler = "handlers.main"
runtime = "python3"
path = "functions"
timeout_seconds = 1
"""


@pytest.fixture(scope="session")
def function_server(tmp_path_factory):
    """A server with functions in every runtime."""
    folder = tmp_path_factory.mktemp("functions")
    shutil.copytree(HERE / "functions", folder / "functions")
    running = Server(folder, config=FUNCTIONS)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def refused():
    """`with refused("InvalidArn", "Invalid Arn"):` the call inside is answered with that error."""

    class Refused:
        def __init__(self, code, *fragments):
            self.code, self.fragments = code, fragments
            self.error = None

        def __enter__(self):
            return self

        def __exit__(self, kind, error, trace):
            assert kind is not None, f"not refused; expected {self.code}"
            if not isinstance(error, ClientError):
                return False
            self.error = error.response["Error"]
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            assert (self.error["Code"], status) == (self.code, 400), error.response
            for fragment in self.fragments:
                assert fragment in self.error["Message"], self.error["Message"]
            return True

    return Refused
