"""All runbooks of the corpus: accepted or refused as AWS would, through CreateDocument.

The corpus has 160 files. What AWS refuses, and why, is in `REFUSED`; the others are in use on AWS or valid beyond
doubt, and are accepted, kept byte for byte, and described as they declare themselves.
"""

import json

import pytest
from botocore.exceptions import ClientError

from corpus import FOLDER, all_runbooks, needs_corpus, read
from harness import Server, fresh

pytestmark = needs_corpus

NO_STEPS = ("mainSteps",)
# A file's ending; the exception; parts of its message.
REFUSED = {
    # Outlines whose steps a build fills in: `mainSteps` is empty.
    "ASGChangeStandbyStateWithApproval_Design_schema.json": ("InvalidDocumentContent", *NO_STEPS),
    "ConfigureCloudWatchOnEC2Instance_Design_schema.json": ("InvalidDocumentContent", *NO_STEPS),
    "DeleteImage_Design_schema.json": ("InvalidDocumentContent", *NO_STEPS),
    "EncryptRootVolume_Design_schema.json": ("InvalidDocumentContent", *NO_STEPS),
    "ManagedInstance_Design_schema.json": ("InvalidDocumentContent", *NO_STEPS),
    "StartRdsInstance_Design_schema.json": ("InvalidDocumentContent", *NO_STEPS),
    "StopRdsInstance_Design_schema.json": ("InvalidDocumentContent", *NO_STEPS),
    # A fixture of a converter that never reaches AWS: no such action.
    "source_test_test_data_tstest-runbook.yaml.json": ("InvalidDocumentContent", "aws:executeAPI"),
    # A branch leads to a step that only another of the repository's templates has.
    "templates_sql-dedicated-hosts.template.json": ("InvalidDocumentContent", "SqlInstallBranch"),
}


@pytest.fixture(scope="module")
def ssm(tmp_path_factory):
    running = Server(tmp_path_factory.mktemp("verdicts"), memory=True)
    running.start()
    yield running.client("ssm")
    running.stop()


def verdict(file):
    rows = [row for ending, row in REFUSED.items() if file.endswith(ending)]
    return rows[0] if rows else None


def files():
    return all_runbooks() if FOLDER.exists() else []


def test_the_corpus_is_the_one_that_the_table_is_about():
    assert len(files()) == 160
    assert sum(1 for file in files() if verdict(file)) == len(REFUSED)


def create(ssm, file, text):
    name = fresh("Verdict")
    return name, ssm.create_document(Name=name, Content=text, DocumentType="Automation", DocumentFormat="JSON")


@pytest.mark.parametrize("file", files())
def test_a_runbook_is_accepted_or_refused_as_aws_would(ssm, file):
    text = read(file)
    expected = verdict(file)
    if expected:
        code, *parts = expected
        with pytest.raises(ClientError) as refused:
            create(ssm, file, text)
        error = refused.value.response["Error"]
        assert error["Code"] == code and all(part in error["Message"] for part in parts), error
        return
    name, created = create(ssm, file, text)
    written = json.loads(text)
    described = created["DocumentDescription"]
    assert described["Name"] == name and described["Status"] in ("Creating", "Active")
    assert described["DocumentType"] == "Automation" and described["SchemaVersion"] == "0.3"
    assert described["DocumentVersion"] == described["LatestVersion"] == described["DefaultVersion"] == "1"
    assert described["DocumentFormat"] == "JSON" and described["HashType"] == "Sha256" and len(described["Hash"]) == 64
    if written.get("description"):
        assert described["Description"] == written["description"]
    parameters = {one["Name"]: one for one in described.get("Parameters", [])}
    assert set(parameters) == set(written.get("parameters") or {})
    for parameter, declared in (written.get("parameters") or {}).items():
        kind = declared["type"]
        # The API has two words for texts; AWS's types of texts are shown as such.
        shown = "String" if kind.startswith("AWS::") else "StringList" if kind.startswith("List<") else kind
        assert parameters[parameter]["Type"] == shown
        # No text stands for no default.
        if declared.get("default") not in (None, ""):
            told = parameters[parameter]["DefaultValue"]
            default = declared["default"]
            assert told == default if isinstance(default, str) else json.loads(told) == default, (parameter, told)
    assert ssm.get_document(Name=name)["Content"] == text
    assert ssm.describe_document(Name=name)["Document"]["Status"] == "Active"
    ssm.delete_document(Name=name)
