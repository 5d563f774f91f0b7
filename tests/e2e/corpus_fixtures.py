"""Fixtures for the corpus tests: a moto server, a recorder, and a Trackway for which they are AWS."""

import json

import pytest

from corpus import KEY, REGION, World
from harness import Server
from moto_server import Moto, Recorder

FUNCTIONS = """
def echo(event, context):
    return {"saw": event}


def broken(event, context):
    raise ValueError("no table")
"""


RECORDED = ("SECURITYHUB", "RDS", "EC2", "IAM", "ELASTICACHE", "CLOUDFORMATION", "LAMBDA", "SNS")


def toml(values):
    return "{ " + ", ".join(f"{name} = {json.dumps(value)}" for name, value in values.items()) + " }"


@pytest.fixture(scope="session")
def moto(tmp_path_factory):
    running = Moto(tmp_path_factory.mktemp("moto"))
    # Functions in moto answer without Docker.
    running.post("/moto-api/config", {"lambda": {"use_docker": False}})
    yield running
    running.stop()


def start(folder, moto, *arguments):
    """A server whose AWS is moto, with a recorder before the services of `RECORDED` and before scripts."""
    (folder / "functions").mkdir()
    (folder / "functions/handlers.py").write_text(FUNCTIONS)
    recorder = Recorder(moto)
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    scripts = {"AWS_ENDPOINT_URL": recorder.endpoint, "AWS_DEFAULT_REGION": REGION, **keys}
    config = f"""
        [sandbox]
        enabled = true
        network = true
        env = {toml(scripts)}

        [node]
        name = "here"

        [functions.echo]
        handler = "handlers.echo"
        runtime = "python3"
        path = "functions"

        [functions.broken]
        handler = "handlers.broken"
        runtime = "python3"
        path = "functions"
    """
    recorded = {f"AWS_ENDPOINT_URL_{service}": recorder.endpoint for service in RECORDED}
    env = {"AWS_ENDPOINT_URL": moto.endpoint, **keys, **recorded}
    server = Server(folder, *arguments, memory=True, config=config, env=env)
    server.start()
    return World(server, moto, recorder)


def stop(world):
    world.server.stop()
    world.recorder.stop()


@pytest.fixture(scope="session")
def served(moto, tmp_path_factory):
    world = start(tmp_path_factory.mktemp("corpus"), moto, "--clock", "skip")
    yield world
    stop(world)


@pytest.fixture(scope="session")
def patient(moto, tmp_path_factory):
    """The same with a clock that waits, as approvals need it."""
    world = start(tmp_path_factory.mktemp("patient"), moto)
    yield world
    stop(world)


@pytest.fixture
def world(served):
    served.recorder.clear()
    yield served
    assert served.recorder.used_up(), f"nobody asked for {served.recorder.answers}"


@pytest.fixture(scope="session")
def cmk(served):
    """The parameter by which the remediations find their key, in Trackway's Parameter Store."""
    served.ssm.put_parameter(Name="/Solutions/SO0111/CMK_REMEDIATION_ARN", Value=KEY, Type="String", Overwrite=True)
    return KEY
