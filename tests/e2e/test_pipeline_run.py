"""`trackway pipeline run`: a pipeline once, in process, and what becomes of it when it is interrupted."""

import json
import os
import signal
import subprocess
import zipfile

import pytest

from harness import TRACKWAY, trackway
from pipelines import action, approval, pipeline, stage

CONFIG = """
[sandbox]
enabled = true

[pipeline]
workers = ["Deploy/EKS"]

[pipeline.buckets]
drop = "drop"
out = "out"

[codebuild.projects.build]
local = true
"""


@pytest.fixture
def place(tmp_path):
    """A folder to run in, with a folder for what the process leaves of its own."""
    (tmp_path / "trackway.toml").write_text(CONFIG)
    (tmp_path / "drop").mkdir()
    (tmp_path / "tmp").mkdir()
    return tmp_path


def declare(place, *last, commands=("true",), **fields):
    lines = "".join(f"      - {json.dumps(command)}\n" for command in commands)
    with zipfile.ZipFile(place / "drop/s.zip", "w") as archive:
        archive.writestr("buildspec.yml", f"version: 0.2\nphases:\n  build:\n    commands:\n{lines}")
    wanted = {"S3Bucket": "drop", "S3ObjectKey": "s.zip"}
    source = action("Get", "Source", "S3", outputs=["Src"], configuration=wanted)
    make = action("Make", "Build", "CodeBuild", inputs=["Src"], configuration={"ProjectName": "build"})
    declared = pipeline("once", stage("Source", source), stage("Last", *(last or (make,))), **fields)
    (place / "once.json").write_text(json.dumps(declared))


def options(place):
    return {"cwd": place, "env": os.environ | {"TMPDIR": str(place / "tmp")}}


def run(place, *arguments, file="once.json"):
    done = trackway(*arguments, "pipeline", "run", file, **options(place))
    assert os.listdir(place / "tmp") == []
    return done


def begun(place):
    """A run in the background."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, "text": True}
    return subprocess.Popen([TRACKWAY, "pipeline", "run", "once.json"], **pipes, **options(place))


def test_the_exit_code_says_how_it_went_and_json_what_was_done(place):
    declare(place)
    done = run(place, "-o", "json")
    told = json.loads(done.stdout)
    assert done.returncode == 0 and told["execution"]["status"] == "Succeeded"
    assert [one["actionName"] for one in told["actions"]] == ["Get", "Make"]
    declare(place, commands=["exit 3"])
    done = run(place)
    assert done.returncode == 1 and "Reason: exit status 3" in done.stdout


def test_nobody_at_the_terminal_is_a_no(place):
    declare(place, approval())
    done = run(place)
    assert done.returncode == 1 and "not approved on the command line" in done.stdout


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
def test_who_interrupts_a_build_is_obeyed_at_once_and_nothing_stays(place, told):
    declare(place, commands=["echo by now", "sleep 1000"])
    running = begun(place)
    # The log is shown while the build runs, else this line would never come.
    assert any(line.strip() == "| by now" for line in running.stdout)
    running.send_signal(told)
    _, said = running.communicate(timeout=20)
    assert running.returncode == 2 and "stopped before the pipeline had ended" in said
    assert os.listdir(place / "tmp") == []


def test_a_reader_that_goes_away_stops_nothing(place):
    copy = action(
        "Copy",
        "Deploy",
        "S3",
        inputs=["Src"],
        runOrder=2,
        configuration={"BucketName": "out", "ObjectKey": "s.zip", "Extract": "false"},
    )
    declare(place, copy)
    running = begun(place)
    running.stdout.close()
    assert running.wait(20) == 0
    assert (place / "out/s.zip").exists() and "panicked" not in running.stderr.read()
    running.stderr.close()


FUNCTION = action("It", "Invoke", "Lambda", configuration={"FunctionName": "f"})
CLUSTER = {"ClusterName": "c"}


@pytest.mark.parametrize(
    "last, who",
    [
        (action("It", "Build", "Mine", "Custom"), "a worker that polls for jobs"),
        (action("It", "Deploy", "EKS", inputs=["Src"], configuration=CLUSTER), "a worker that polls for jobs"),
        (FUNCTION, "a function that answers by PutJobSuccessResult"),
    ],
)
def test_what_would_wait_for_ever_is_refused_before_it_begins(place, last, who):
    declare(place, last)
    done = run(place)
    assert done.returncode == 2 and done.stdout == ""
    assert f"Last/It is performed by {who}, which can't reach this process" in done.stderr


def test_what_is_no_pipeline_is_refused_with_a_word_about_it(place):
    for text, why in (
        ("{", "EOF while parsing"),
        ("[]", "it is not a JSON object"),
        ('{"Resources": {}}', "it is a template of CloudFormation"),
        ('{"Name": "x", "Stages": []}', "it is a template of CloudFormation"),
        ('{"name": "x"}', "'pipeline.stages' failed to satisfy constraint"),
    ):
        (place / "once.json").write_text(text)
        done = run(place)
        assert done.returncode == 2 and why in done.stderr, text
    done = run(place, file="none.json")
    assert done.returncode == 2 and "could not read none.json" in done.stderr


def test_a_variable_without_a_value_is_asked_for(place):
    declare(place, variables=[{"name": "WHO"}])
    done = run(place)
    assert done.returncode == 2 and "give --variable WHO=VALUE" in done.stderr
