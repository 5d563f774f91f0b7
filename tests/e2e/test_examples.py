"""Each example's script prints what its expected.txt says; times aside."""

import os
import re
import subprocess
import sys

from harness import ROOT, TRACKWAY, Server

EXAMPLES = ROOT / "examples"


def without_times(text):
    return re.sub(r"\+\d+\.\d+s", "+0.000s", text)


def expected(name):
    return (EXAMPLES / name / "expected.txt").read_text()


def test_every_example_is_run_here():
    assert {path.name for path in EXAMPLES.iterdir() if path.is_dir()} == {"hello", "order"}


def test_hello():
    environment = {**os.environ, "TRACKWAY_BIN": TRACKWAY}
    done = subprocess.run([EXAMPLES / "hello/run.sh"], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert without_times(done.stdout) == expected("hello")


def test_order(tmp_path):
    server = Server(tmp_path, "--config", str(EXAMPLES / "order/trackway.toml")).start()
    try:
        script = [sys.executable, EXAMPLES / "order/run.py", "--endpoint", server.endpoint]
        done = subprocess.run(script, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert done.stdout == expected("order")
    finally:
        server.stop()
