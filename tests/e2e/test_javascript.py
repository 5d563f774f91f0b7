"""The AWS SDK for JavaScript v3; the tests themselves are js/*.test.js."""

import os
import subprocess

from harness import HERE


def test_the_javascript_sdk_drives_the_server(server):
    environment = {**os.environ, "TRACKWAY_ENDPOINT": server.endpoint}
    done = subprocess.run(
        ["node", "--test"], cwd=HERE / "js", env=environment, capture_output=True, text=True, timeout=120
    )
    print(done.stdout)
    assert done.returncode == 0, done.stderr
