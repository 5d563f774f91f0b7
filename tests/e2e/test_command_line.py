"""`trackway run`, `history`, `verify`, and how mistakes are told."""

import json

import pytest

from harness import create, ended, ends, machine, start, trackway


@pytest.fixture
def definition(tmp_path):
    def write(states, **fields):
        path = tmp_path / "it.asl.json"
        path.write_text(machine(states, **fields))
        return path

    return write


def test_run_prints_the_timeline_and_how_it_ended(definition):
    path = definition({"First": {"Type": "Pass", "Next": "Second"}, "Second": ends(Type="Pass", Result={"a": 1})})
    done = trackway("run", path)
    assert done.returncode == 0, done.stderr
    for part in ("ExecutionStarted", "PassStateEntered", "First", "Second", "ExecutionSucceeded", "SUCCEEDED", '{"a":1}'):
        assert part in done.stdout


def test_run_takes_its_input_from_the_line_or_from_a_file(definition, tmp_path):
    path = definition({"P": ends(Type="Pass", OutputPath="$.n")})
    (tmp_path / "input.json").write_text('{"n": 2}')
    for given, expected in (('{"n": 1}', "1"), (f"@{tmp_path / 'input.json'}", "2")):
        done = trackway("-o", "json", "run", path, "--input", given)
        assert json.loads(done.stdout)["execution"]["output"] == expected


def test_run_tells_a_failure_by_its_exit_code(definition):
    done = trackway("run", definition({"F": {"Type": "Fail", "Error": "Sold.Out", "Cause": "no anvils"}}))
    assert done.returncode == 1
    for part in ("FAILED", "Sold.Out", "no anvils"):
        assert part in done.stdout


def test_run_skips_time_when_asked(definition):
    done = trackway("run", definition({"W": ends(Type="Wait", Seconds=86_400)}), "--clock", "skip")
    assert done.returncode == 0, done.stderr


def test_run_calls_the_functions_that_the_configuration_declares(definition, tmp_path):
    (tmp_path / "f.py").write_text("def handler(event, context): return event['n'] + 1\n")
    (tmp_path / "trackway.toml").write_text('[functions.add]\nhandler = "f.handler"\nruntime = "python3"\n')
    call = ends(Type="Task", Resource="arn:aws:lambda:us-east-1:000000000000:function:add")
    done = trackway("-o", "json", "run", definition({"Add": call}), "--input", '{"n": 1}', cwd=tmp_path)
    assert json.loads(done.stdout)["execution"]["output"] == "2", done.stderr


@pytest.mark.parametrize(
    "text, expected",
    [("not json", "Invalid State Machine Definition"), ('{"StartAt": "A"}', "These fields are required: [States]")],
)
def test_run_tells_what_is_wrong_with_a_definition(tmp_path, text, expected):
    path = tmp_path / "broken.asl.json"
    path.write_text(text)
    done = trackway("run", path)
    assert done.returncode not in (0, 101)
    assert expected in done.stderr


def test_run_tells_which_file_is_missing(tmp_path):
    done = trackway("run", tmp_path / "gone.asl.json")
    assert done.returncode not in (0, 101)
    assert "gone.asl.json" in done.stderr


def test_history_shows_an_execution_as_a_table_or_as_json(server, sfn):
    execution = start(sfn, create(sfn), {"seen": True})
    ended(sfn, execution)
    table = trackway("history", execution, "--endpoint", server.endpoint)
    assert table.returncode == 0, table.stderr
    lines = table.stdout.splitlines()
    assert len(lines) == 4 and "PassStateEntered" in lines[1] and '{"seen": true}' in lines[1]
    as_json = trackway("-o", "json", "history", execution, "--endpoint", server.endpoint)
    assert [event["id"] for event in json.loads(as_json.stdout)["events"]] == [1, 2, 3, 4]


def test_history_tells_what_is_wrong(server):
    missing = "arn:aws:states:us-east-1:000000000000:execution:no:where"
    done = trackway("history", missing, "--endpoint", server.endpoint)
    assert done.returncode not in (0, 101)
    assert "Execution Does Not Exist" in done.stderr
    nobody = trackway("history", missing, "--endpoint", "http://127.0.0.1:9")
    assert nobody.returncode not in (0, 101)
    assert "127.0.0.1:9" in nobody.stderr


def test_verify_says_what_it_checked(new_server):
    server = new_server()
    sfn = server.client()
    for n in range(5):
        ended(sfn, start(sfn, create(sfn), {"n": n}))
    server.stop()
    done = trackway("verify", server.data)
    assert done.returncode == 0, done.stderr
    assert "5" in done.stdout
    assert json.loads(trackway("-o", "json", "verify", server.data).stdout)


def test_verify_refuses_what_is_no_data_directory(tmp_path):
    done = trackway("verify", tmp_path / "nothing")
    assert done.returncode not in (0, 101)
    assert "nothing" in done.stderr
    assert not (tmp_path / "nothing").exists()


def test_a_damaged_store_is_noticed(new_server):
    server = new_server()
    sfn = server.client()
    arn = create(sfn)
    for n in range(50):
        ended(sfn, start(sfn, arn, {"text": "x" * 1000, "n": n}))
    server.stop()
    # Turn over some bytes in the middle of the largest file.
    largest = max((path for path in server.data.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    content = bytearray(largest.read_bytes())
    used = len(bytes(content).rstrip(b"\0"))
    for at in range(used // 2, used // 2 + 64):
        content[at] ^= 0xFF
    largest.write_bytes(content)
    done = trackway("verify", server.data)
    assert done.returncode not in (0, 101), done.stdout


def test_an_address_beyond_loopback_must_be_asked_for_twice(tmp_path):
    done = trackway("serve", "--listen", "0.0.0.0:0", "--memory", cwd=tmp_path)
    assert done.returncode not in (0, 101)
    assert "0.0.0.0" in done.stderr and "--insecure" in done.stderr


def test_a_port_that_is_taken_is_told(server, tmp_path):
    done = trackway("serve", "--listen", f"127.0.0.1:{server.port}", "--memory", cwd=tmp_path)
    assert done.returncode not in (0, 101)
    assert f"127.0.0.1:{server.port}" in done.stderr


@pytest.mark.parametrize("listen", ["4580", "127.0.0.1", "127.0.0.1:99999"])
def test_an_address_that_is_none_is_told_with_one_that_is(tmp_path, listen):
    done = trackway("serve", "--listen", listen, "--memory", cwd=tmp_path)
    assert done.returncode not in (0, 101)
    assert listen in done.stderr and "such as 127.0.0.1:4580" in done.stderr


def test_a_file_is_no_data_directory(tmp_path):
    (tmp_path / "file").write_text("mine")
    done = trackway("serve", "--data", tmp_path / "file", "--listen", "127.0.0.1:0")
    assert done.returncode not in (0, 101)
    assert "choose another data directory" in done.stderr
    assert (tmp_path / "file").read_text() == "mine"


def test_the_flag_for_memory_wins_over_the_variable_for_data(new_server, tmp_path):
    server = new_server(memory=True, env={"TRACKWAY_SERVER_DATA": str(tmp_path / "data")})
    create(server.client())
    assert not (tmp_path / "data").exists()


def test_a_loss_is_refused_and_can_be_accepted(new_server):
    server = new_server()
    create(server.client())
    server.kill()
    (server.data / "HEAD").unlink()
    refused = trackway(*server.command[1:])
    assert refused.returncode not in (0, 101) and "--accept-loss" in refused.stderr, refused.stderr
    server.command.append("--accept-loss")
    server.start()
    assert len(server.client().list_state_machines()["stateMachines"]) == 1
    assert server.stop() == 0
    assert trackway("verify", server.data).returncode == 0
