"""The AWS SDK for JavaScript v3; the tests themselves are js/*.test.js."""

import os
import subprocess

from harness import HERE, fresh
from nodes import Node, online
from pipeline_tour import CONFIG, EMPTY_ZIP


def run(file, server, **environment):
    done = subprocess.run(
        ["node", "--test", file],
        cwd=HERE / "js",
        env={**os.environ, "TRACKWAY_ENDPOINT": server.endpoint, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stderr


def test_the_javascript_sdk_drives_step_functions(server):
    run("stepfunctions.test.js", server)


def test_the_javascript_sdk_drives_systems_manager_with_two_nodes(server, tmp_path):
    fleet = fresh("fleet")
    nodes = [Node(tmp_path / name, server, fresh(name), f"Fleet={fleet}").start() for name in ("one", "two")]
    try:
        for node in nodes:
            online(server.client("ssm"), node)
        run("systemsmanager.test.js", server, TRACKWAY_FLEET=fleet)
    finally:
        for node in nodes:
            node.stop()


def test_the_javascript_sdk_drives_codepipeline(new_server):
    server = new_server(config=CONFIG)
    (server.folder / "source").mkdir()
    (server.folder / "source" / "source.zip").write_bytes(EMPTY_ZIP)
    run("codepipeline.test.js", server)


def test_the_javascript_sdk_drives_iot(new_server):
    run("iot.test.js", new_server())
