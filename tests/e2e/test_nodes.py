"""Nodes that die, come back and go: nothing is lost, nothing runs twice."""

import http.server
import json
import threading
import urllib.error
import urllib.request

import pytest

from harness import eventually, fresh
from nodes import Node, command, ended, information, invocation, invocation_is, online, run, send


@pytest.fixture
def place(new_server, tmp_path):
    """Makes nodes of a server of one's own."""
    server = new_server()
    made = []

    def make(name=None, tags="", **options):
        name = name or fresh("node")
        made.append(Node(tmp_path / name, server, name, tags, **options))
        return made[-1].start()

    yield server, server.client("ssm"), make
    for node in made:
        if node.process.poll() is None:
            node.kill()


def writable(folder):
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    return folder, f'[sandbox]\nenabled = true\nwritable = ["{folder}"]\n'


def test_a_node_killed_while_it_runs_reports_a_failure_and_does_not_run_it_again(place, tmp_path):
    server, ssm, make = place
    folder, config = writable(tmp_path / "out")
    node = make(config=config)
    known = online(ssm, node)
    script = [f"echo run >> {folder}/runs", "sleep 300"]
    sent = send(ssm, *script, ids=[known])
    eventually(lambda: (folder / "runs").exists(), "it has begun")
    node.kill()
    node.start()
    got = invocation_is(ssm, sent["CommandId"], known, "Failed")
    assert "the node ended while the command ran" in got["StandardErrorContent"]
    assert (folder / "runs").read_text() == "run\n"
    assert online(ssm, node) == known, "the same name has the same id"
    assert run(ssm, "true", ids=[known])["Status"] == "Success"


def test_a_command_goes_on_while_the_server_is_gone(place, tmp_path):
    server, ssm, make = place
    folder, config = writable(tmp_path / "out")
    node = make(config=config)
    known = online(ssm, node)
    script = [f"echo run >> {folder}/runs", f"while [ ! -e {folder}/go ]; do sleep 0.1; done", "echo done"]
    sent = send(ssm, *script, ids=[known])
    eventually(lambda: (folder / "runs").exists(), "it has begun")
    server.kill()
    (folder / "go").write_text("")
    eventually(lambda: any("finished" in run.read_text() for run in (node.state / "runs").iterdir()), "it has ended")
    server.start()
    done = ended(ssm, sent["CommandId"])
    assert done["Status"] == "Success"
    assert invocation(ssm, sent["CommandId"], known)["StandardOutputContent"] == "done\n"
    assert (folder / "runs").read_text() == "run\n"


def test_both_are_killed_and_nothing_runs_twice(place, tmp_path):
    server, ssm, make = place
    folder, config = writable(tmp_path / "out")
    node = make(config=config)
    known = online(ssm, node)
    sent = [send(ssm, f"echo {number} >> {folder}/runs", ids=[known])["CommandId"] for number in range(8)]
    for _ in range(3):
        node.kill()
        server.kill()
        server.start()
        node.start()
        online(ssm, node)
    for command_id in sent:
        assert ended(ssm, command_id)["Status"] in ("Success", "Failed")
    ran = (folder / "runs").read_text().split() if (folder / "runs").exists() else []
    assert len(ran) == len(set(ran)), f"ran twice: {ran}"
    # A run that was cut off is said to be, and each that succeeded has run.
    good = [n for n, one in enumerate(sent) if command(ssm, one)["Status"] == "Success"]
    assert {str(number) for number in good} <= set(ran)


def test_a_node_that_is_away_gets_its_command_when_it_is_back(place):
    server, ssm, make = place
    node = make()
    known = online(ssm, node)
    assert node.stop() == 0
    eventually(lambda: information(ssm, node.name)["PingStatus"] == "ConnectionLost", "it is gone")
    sent = send(ssm, "echo late", ids=[known])
    assert invocation(ssm, sent["CommandId"], known)["Status"] == "Pending"
    assert invocation(ssm, sent["CommandId"], known)["ResponseCode"] == -1
    node.start()
    assert ended(ssm, sent["CommandId"])["Status"] == "Success"


def test_a_node_that_stays_away_times_out_the_delivery(place):
    server, ssm, make = place
    node = make()
    known = online(ssm, node)
    node.kill()
    sent = send(ssm, "true", ids=[known], TimeoutSeconds=30)
    server.post("/_trackway/clock/advance", json.dumps({"seconds": 60}).encode())
    done = ended(ssm, sent["CommandId"])
    assert (done["Status"], done["StatusDetails"], done["DeliveryTimedOutCount"]) == ("TimedOut", "DeliveryTimedOut", 1)
    assert information(ssm, node.name)["PingStatus"] == "ConnectionLost"
    node.start()
    online(ssm, node)
    assert invocation(ssm, sent["CommandId"], known)["StatusDetails"] == "DeliveryTimedOut"


def test_a_node_that_is_deregistered_is_not_waited_for(place):
    server, ssm, make = place
    node = make()
    known = online(ssm, node)
    node.kill()
    sent = send(ssm, "true", ids=[known])
    ssm.deregister_managed_instance(InstanceId=known)
    done = ended(ssm, sent["CommandId"])
    assert done["Status"] == "Failed"
    assert invocation(ssm, sent["CommandId"], known)["StatusDetails"] == "Undeliverable"
    assert information(ssm, node.name) is None
    with pytest.raises(ssm.exceptions.InvalidInstanceId):
        ssm.deregister_managed_instance(InstanceId=known)


def test_a_name_has_one_process(place, tmp_path):
    server, ssm, make = place
    first = make("twin")
    known = online(ssm, first)
    second = Node(tmp_path / "other", server, "twin").start()
    try:
        assert first.process.wait(timeout=30) == 2, "the older one ends"
        assert "another process has registered" in first.said()
        assert online(ssm, second) == known
        assert run(ssm, "true", ids=[known])["Status"] == "Success"
    finally:
        second.stop()


def test_activations_give_a_role_a_name_and_tags_and_count(place):
    server, ssm, make = place
    tags = [{"Key": "Env", "Value": "lab"}]
    made = ssm.create_activation(IamRole="role/Nodes", DefaultInstanceName="x", RegistrationLimit=1, Tags=tags)
    activation = f"{made['ActivationId']}:{made['ActivationCode']}"
    node = make(env={"TRACKWAY_NODE_ACTIVATION": activation})
    eventually(lambda: information(ssm, "x"), "it is there")
    known = information(ssm, "x")
    assert (known["IamRole"], known["ActivationId"]) == ("role/Nodes", made["ActivationId"])
    listed = ssm.list_tags_for_resource(ResourceType="ManagedInstance", ResourceId=known["InstanceId"])["TagList"]
    assert {tag["Key"]: tag["Value"] for tag in listed}["Env"] == "lab"
    other = make(env={"TRACKWAY_NODE_ACTIVATION": activation})
    assert other.process.wait(timeout=30) == 2 and "as many nodes as may" in other.said()
    listed = ssm.describe_activations()["ActivationList"]
    assert [(one["RegistrationsCount"], one["Expired"]) for one in listed] == [(1, False)]
    ssm.delete_activation(ActivationId=made["ActivationId"])
    assert ssm.describe_activations()["ActivationList"] == []


def test_nodes_must_sign_where_callers_must(new_server, tmp_path):
    config = '[credentials.AKIATEST]\nsecret_key = "hush"\naccount = "123456789012"\n'
    server = new_server(config=config)
    stranger = Node(tmp_path / "stranger", server, "stranger").start()
    assert stranger.process.wait(timeout=30) == 2
    node = Node(tmp_path / "known", server, "known", env={"AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": "hush"})
    node.start()
    try:
        ssm = server.client("ssm", account="AKIATEST", secret="hush")
        known = online(ssm, node)
        assert run(ssm, "env | grep -c AWS_ || true", ids=[known])["Status"] == "Success"
        request = urllib.request.Request(server.endpoint + "/_trackway/nodes/poll", data=b"{}", method="POST")
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=5)
        assert refused.value.code == 403
    finally:
        node.stop()


def test_the_server_can_have_a_node_of_its_own(new_server):
    server = new_server(config='[sandbox]\nenabled = true\n\n[node]\nname = "within"\ntags = { Env = "here" }\n')
    ssm = server.client("ssm")
    eventually(lambda: information(ssm, "within"), "it is there")
    done = run(ssm, "echo within", Targets=[{"Key": "tag:Env", "Values": ["here"]}])
    assert (done["Status"], done["TargetCount"]) == ("Success", 1)
    assert server.stop() == 0


def test_output_goes_into_the_bucket(new_server, tmp_path):
    stored = {}

    class Bucket(http.server.BaseHTTPRequestHandler):
        def do_PUT(self):
            stored[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    bucket = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Bucket)
    threading.Thread(target=bucket.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{bucket.server_port}"
    server = new_server(env={"AWS_ENDPOINT_URL_S3": endpoint, "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"})
    node = Node(tmp_path / "node", server, "node").start()
    try:
        ssm = server.client("ssm")
        known = online(ssm, node)
        done = run(ssm, "echo kept", ids=[known], OutputS3BucketName="logs", OutputS3KeyPrefix="here")
        assert done["Status"] == "Success"
        plugin = ssm.list_command_invocations(CommandId=done["CommandId"], Details=True)["CommandInvocations"][0]["CommandPlugins"][0]
        path, body = next(iter(stored.items()))
        assert path.split("?")[0].endswith(f"here/{done['CommandId']}/{known}/awsrunShellScript/0.{plugin['Name'].replace(':', '')}/stdout")
        assert b"kept\n" in body
        assert plugin["StandardOutputUrl"].endswith(path.split("?")[0].removeprefix("/logs/").removeprefix("/"))
    finally:
        node.stop()
        bucket.shutdown()
