"""Pipelines for tests: structures, workers, and what is waited for."""

import itertools
import json
import os
import pathlib
import subprocess
import threading

from harness import eventually, fresh

ROLE = "arn:aws:iam::000000000000:role/pipeline"
STORE = {"type": "S3", "location": "artifact-bucket"}


def type_id(category, provider, owner="AWS", version="1"):
    return {"category": category, "owner": owner, "provider": provider, "version": version}


def action(name, category, provider, owner="AWS", inputs=(), outputs=(), **fields):
    """One action; `configuration` and all else by the API's names."""
    declared = {
        "name": name,
        "actionTypeId": type_id(category, provider, owner),
        "runOrder": 1,
        "configuration": {},
        "outputArtifacts": [{"name": output} for output in outputs],
        "inputArtifacts": [{"name": input} for input in inputs],
    }
    return declared | fields


def stage(name, *actions, **fields):
    return {"name": name, "actions": list(actions)} | fields


def approval(name="Approve", **fields):
    return action(name, "Approval", "Manual", **fields)


def pipeline(name, *stages, mode="SUPERSEDED", kind="V2", **fields):
    return {
        "name": name,
        "roleArn": ROLE,
        "artifactStore": STORE,
        "stages": list(stages),
        "executionMode": mode,
        "pipelineType": kind,
    } | fields


def custom_type(client, category="Build", provider=None, inputs=(0, 5), outputs=(0, 5), properties=()):
    """Makes a custom action type; its provider's name."""
    provider = provider or fresh("Worker")[:35]
    client.create_custom_action_type(
        category=category,
        provider=provider,
        version="1",
        inputArtifactDetails={"minimumCount": inputs[0], "maximumCount": inputs[1]},
        outputArtifactDetails={"minimumCount": outputs[0], "maximumCount": outputs[1]},
        configurationProperties=list(properties),
    )
    return provider


def s3_source(name="Source", output="Source", **fields):
    """A source from a bucket that is a folder here."""
    configuration = {"S3Bucket": "source-bucket", "S3ObjectKey": "source.zip", "PollForSourceChanges": "false"}
    return action(name, "Source", "S3", outputs=[output], configuration=configuration, **fields)


class Worker:
    """Performs the jobs of a custom action type in a thread, by a function of the job."""

    def __init__(self, client, provider, category="Build", perform=None):
        self.client, self.done, self.jobs = client, threading.Event(), []
        self.type, self.perform = type_id(category, provider, "Custom"), perform or (lambda job: {})
        self.thread = threading.Thread(target=self.work, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join(10)

    def work(self):
        while not self.done.is_set():
            try:
                jobs = self.client.poll_for_jobs(actionTypeId=self.type, maxBatchSize=5)["jobs"]
            except Exception:  # the server may be down for a while
                jobs = []
            for job in jobs:
                self.client.acknowledge_job(jobId=job["id"], nonce=job["nonce"])
                self.jobs.append(job)
                result = self.perform(job)
                if "failureDetails" in result:
                    self.client.put_job_failure_result(jobId=job["id"], **result)
                else:
                    self.client.put_job_success_result(jobId=job["id"], **result)
            if not jobs:
                self.done.wait(0.02)


def take_job(client, provider, category="Build", acknowledge=True):
    """The next job of a custom action type."""

    def look():
        jobs = client.poll_for_jobs(actionTypeId=type_id(category, provider, "Custom"), maxBatchSize=1)["jobs"]
        return jobs[0] if jobs else None

    job = eventually(look, f"a job of {provider}")
    if acknowledge:
        assert client.acknowledge_job(jobId=job["id"], nonce=job["nonce"])["status"] == "InProgress"
    return job


def execution(client, name, id):
    return client.get_pipeline_execution(pipelineName=name, pipelineExecutionId=id)["pipelineExecution"]


def executions(client, name, **fields):
    """All executions, newest first."""
    pages = client.get_paginator("list_pipeline_executions").paginate(pipelineName=name, **fields)
    return list(itertools.chain.from_iterable(page["pipelineExecutionSummaries"] for page in pages))


def actions(client, name, **fields):
    """All action executions, newest first."""
    pages = client.get_paginator("list_action_executions").paginate(pipelineName=name, **fields)
    return list(itertools.chain.from_iterable(page["actionExecutionDetails"] for page in pages))


def execution_is(client, name, id, *statuses, patience=30):
    """Waits until an execution has one of these statuses; the execution."""

    def look():
        found = execution(client, name, id)
        return found if found["status"] in statuses else None

    return eventually(look, lambda: f"{statuses}: {execution(client, name, id)}", patience)


def state(client, name):
    return client.get_pipeline_state(name=name)


def stage_state(client, name, stage):
    return next(found for found in state(client, name)["stageStates"] if found["stageName"] == stage)


def action_state(client, name, stage, action):
    return next(found for found in stage_state(client, name, stage)["actionStates"] if found["actionName"] == action)


def approval_token(client, name, stage, action="Approve", other_than=None):
    """The token of an approval that waits."""

    def look():
        latest = action_state(client, name, stage, action).get("latestExecution", {})
        token = latest.get("token")
        return token if latest.get("status") == "InProgress" and token != other_than else None

    return eventually(look, f"a token of {stage}/{action}")


def approve(client, name, stage, action="Approve", status="Approved", summary="fine"):
    token = approval_token(client, name, stage, action)
    result = {"status": status, "summary": summary}
    return client.put_approval_result(
        pipelineName=name, stageName=stage, actionName=action, token=token, result=result
    )


class Repository:
    """A git repository in a folder, with a branch `main`."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments):
        env = os.environ | {
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_AUTHOR_NAME": "Ada",
            "GIT_AUTHOR_EMAIL": "ada@example.com",
            "GIT_COMMITTER_NAME": "Ada",
            "GIT_COMMITTER_EMAIL": "ada@example.com",
        }
        ran = subprocess.run(["git", *arguments], cwd=self.folder, env=env, capture_output=True, text=True, check=True)
        return ran.stdout.strip()

    def commit(self, message, **files):
        """Commits files (by name, dots as `__`); the commit."""
        return self.commit_files(message, {name.replace("__", "."): text for name, text in files.items()})

    def commit_files(self, message, files):
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")


def as_json(value):
    return json.dumps(value, sort_keys=True, default=str)
