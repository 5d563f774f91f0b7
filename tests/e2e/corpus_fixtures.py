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


def toml(values):
    return "{ " + ", ".join(f"{name} = {json.dumps(value)}" for name, value in values.items()) + " }"


@pytest.fixture(scope="session")
def moto(tmp_path_factory):
    running = Moto(tmp_path_factory.mktemp("moto"))
    # Functions in moto answer without Docker.
    running.post("/moto-api/config", {"lambda": {"use_docker": False}})
    yield running
    running.stop()


@pytest.fixture(scope="session")
def served(moto, tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "functions").mkdir()
    (folder / "functions/handlers.py").write_text(FUNCTIONS)
    recorder = Recorder(moto)
    scripts = {
        "AWS_ENDPOINT_URL": recorder.endpoint, "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
    }
    config = f"""
        [sandbox]
        enabled = true
        network = true
        env = {toml(scripts)}

        [functions.echo]
        handler = "handlers.echo"
        runtime = "python3"
        path = "functions"

        [functions.broken]
        handler = "handlers.broken"
        runtime = "python3"
        path = "functions"
    """
    recorded = ("SECURITYHUB", "RDS", "EC2", "IAM", "ELASTICACHE", "CLOUDFORMATION", "LAMBDA")
    env = {
        "AWS_ENDPOINT_URL": moto.endpoint, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
        **{f"AWS_ENDPOINT_URL_{service}": recorder.endpoint for service in recorded},
    }
    server = Server(folder, "--clock", "skip", memory=True, config=config, env=env)
    server.start()
    yield World(server, moto, recorder)
    server.stop()
    recorder.stop()


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
