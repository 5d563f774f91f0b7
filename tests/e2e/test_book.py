"""The book: every command of its chapters is run, and answers what the page shows."""

import os
import pathlib
import re
import signal
import subprocess
import sys

import pytest

from harness import ROOT, TRACKWAY, free_port

CHAPTERS = sorted((ROOT / "docs/book").glob("*.md"))
BLOCK = re.compile(r"^```(sh|text)(?: file=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = "=====8<====="


def blocks(page):
    """What is run, with the output that the page shows for it; files are written where they stand."""
    found = []
    for kind, file, text in BLOCK.findall(page):
        if file:
            found.append([f"cat >{file} <<'END OF FILE'\n{text}END OF FILE\n", None])
        elif kind == "sh":
            found.append([text, None])
        else:
            found[-1][1] = text
    return found


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_the_commands_of_a_chapter_do_what_it_says(chapter, tmp_path):
    told = blocks(chapter.read_text())
    assert told, "a chapter without a command"
    script = "set -euo pipefail\n" + f"\necho '{MARK}'\n".join(commands for commands, _ in told)
    script = script.replace("127.0.0.1:4580", f"127.0.0.1:{free_port()}")
    tools = [str(pathlib.Path(TRACKWAY).resolve().parent), str(pathlib.Path(sys.executable).parent)]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TRACKWAY_"))}
    shell = subprocess.Popen(
        ["bash", "-c", script], cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env={**inherited, "PATH": os.pathsep.join([*tools, os.environ["PATH"]])}, start_new_session=True,
    )
    try:
        output, errors = shell.communicate(timeout=240)
    finally:
        try:
            os.killpg(shell.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    logs = "".join(f"\n{log.name}:\n{log.read_text()[-2000:]}" for log in tmp_path.glob("*.log"))
    assert shell.returncode == 0, f"{output[-2000:]}\n{errors[-2000:]}{logs}"
    answers = output.split(MARK + "\n")
    for (commands, expected), answer in zip(told, answers, strict=True):
        if expected is not None:
            assert answer.rstrip("\n") == expected.rstrip("\n"), commands
