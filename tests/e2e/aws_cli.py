"""The AWS CLI: within this process, where many calls are made, and as a process of its own, as a user starts it."""

import contextlib
import io
import json
import os
import pathlib
import subprocess
import sys
import unittest.mock

import awscli.clidriver

AWS = pathlib.Path(sys.executable).with_name("aws")


class Cli:
    """`aws ...` against a server, in a folder with a user's files."""

    def __init__(self, folder, server):
        self.folder = pathlib.Path(folder)
        # The CLI finds its own data by a variable that it sets when it is imported.
        kept = {name: os.environ[name] for name in ("PATH", "AWS_DATA_PATH")}
        self.env = kept | {
            "HOME": str(folder),
            "AWS_ENDPOINT_URL": server.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        self.driver = None

    def __call__(self, *arguments, fails=False):
        """Its answer, or what it says if it is to fail; without the cost of an interpreter that starts."""
        out, said = io.StringIO(), io.StringIO()
        with (
            unittest.mock.patch.dict(os.environ, self.env, clear=True),
            contextlib.chdir(self.folder),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(said),
        ):
            self.driver = self.driver or awscli.clidriver.create_clidriver()
            code = self.driver.main([str(one) for one in arguments])
        return _answer(code, out.getvalue(), said.getvalue(), "text" in arguments, fails)

    def process(self, *arguments, fails=False):
        """The same by a process of its own."""
        done = subprocess.run(
            [AWS, *arguments], env=self.env, cwd=self.folder, capture_output=True, text=True, timeout=60
        )
        return _answer(done.returncode, done.stdout, done.stderr, "text" in arguments, fails)


def _answer(code, out, said, is_text, fails):
    if fails:
        assert code != 0, out
        return said
    assert code == 0, said
    if is_text:
        return out.strip()
    return json.loads(out) if out.strip() else {}
