"""Managed nodes as real processes, and commands on them."""

import os
import pathlib
import subprocess
import sys

from harness import TRACKWAY, eventually

SANDBOX = "[sandbox]\nenabled = true\n"
ENDED = ("Success", "Failed", "TimedOut", "Cancelled")


class Node:
    """A `trackway node` process; it can be killed and started again on the same state."""

    def __init__(self, folder, server, name, tags="", *, config=SANDBOX, env=None, state=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(exist_ok=True)
        self.server, self.name = server, name
        self.log = self.folder / "node.log"
        self.state = state or self.folder / "state"
        (self.folder / "trackway.toml").write_text(config)
        self.command = [TRACKWAY, "node", "--server", server.endpoint, "--name", name, "--tags", tags]
        self.command += ["--config", str(self.folder / "trackway.toml"), "--state", str(self.state)]
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
        path = f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.env = {**inherited, "PATH": path, **(env or {})}
        self.process = None

    def start(self):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env, cwd=self.folder
            )
        return self

    def kill(self):
        """As the power fails: -9."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=20)
        return self.process.returncode

    def said(self):
        return self.log.read_text(errors="replace")[-4000:]


def information(ssm, name):
    """What the server knows of a node, by its name."""
    pages = ssm.get_paginator("describe_instance_information").paginate()
    found = [one for page in pages for one in page["InstanceInformationList"] if one["Name"] == name]
    return found[0] if found else None


def online(ssm, node):
    """Waits until the node is there; its id."""

    def look():
        found = information(ssm, node.name)
        return found if found and found["PingStatus"] == "Online" else None

    return eventually(look, f"{node.name} is online:\n{node.said()}")["InstanceId"]


def send(ssm, *commands, ids=None, document="AWS-RunShellScript", parameters=None, **fields):
    """Sends shell commands to nodes, or to targets; the command."""
    where = {"InstanceIds": ids} if ids else {}
    parameters = {"commands": list(commands), **(parameters or {})} if commands else parameters or {}
    return ssm.send_command(DocumentName=document, Parameters=parameters, **where, **fields)["Command"]


def command(ssm, command_id):
    return ssm.list_commands(CommandId=command_id)["Commands"][0]


def ended(ssm, command_id, patience=30):
    """Waits until the command has ended and returns it."""

    def look():
        found = command(ssm, command_id)
        return found if found["Status"] in ENDED else None

    return eventually(look, f"{command_id} ends; it is {command(ssm, command_id)}", patience)


def invocation(ssm, command_id, node, **fields):
    return ssm.get_command_invocation(CommandId=command_id, InstanceId=node, **fields)


def invocation_is(ssm, command_id, node, *details, patience=30):
    def look():
        found = invocation(ssm, command_id, node)
        return found if found["StatusDetails"] in details else None

    return eventually(look, f"{node} is {details}; it is {invocation(ssm, command_id, node)}", patience)


def run(ssm, *commands, **fields):
    """Sends and waits for the end; the command."""
    return ended(ssm, send(ssm, *commands, **fields)["CommandId"])
