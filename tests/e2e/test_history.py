"""GetExecutionHistory: what it tells, its pages, its tokens."""

import pytest

from harness import check_history, create, details, ended, ends, history, machine, start, types

# Ten states: 22 events.
CHAIN = machine(
    {f"P{n}": {"Type": "Pass", **({"Next": f"P{n + 1}"} if n < 9 else {"End": True})} for n in range(10)}
)


@pytest.fixture
def chain(sfn):
    execution = start(sfn, create(sfn, CHAIN), {"a": 1})
    ended(sfn, execution)
    return execution


def test_a_history_is_gapless_and_ends_once(sfn, chain):
    events = history(sfn, chain)
    check_history(events)
    assert types(events) == ["ExecutionStarted", *["PassStateEntered", "PassStateExited"] * 10, "ExecutionSucceeded"]
    assert [event["previousEventId"] for event in events] == [0, 0, *range(2, 22)]


def test_a_page_of_zero_is_a_page_of_the_usual_size(sfn, chain):
    for size in (0, 100, 1000):
        page = sfn.get_execution_history(executionArn=chain, maxResults=size)
        assert len(page["events"]) == 22 and "nextToken" not in page


def test_a_page_has_at_most_1000_events(unchecked, chain, refused):
    with refused("ValidationException", "at 'maxResults'", "less than or equal to 1000"):
        unchecked.get_execution_history(executionArn=chain, maxResults=1001)
    with refused("ValidationException", "at 'maxResults'", "greater than or equal to 0"):
        unchecked.get_execution_history(executionArn=chain, maxResults=-1)


def test_without_a_size_a_page_has_100_events(sfn):
    items = machine(
        {"M": ends(Type="Map", ItemProcessor={"StartAt": "P", "States": {"P": ends(Type="Pass")}})},
    )
    execution = start(sfn, create(sfn, items), list(range(40)))
    ended(sfn, execution)
    first = sfn.get_execution_history(executionArn=execution)
    assert len(first["events"]) == 100
    assert len(history(sfn, execution)) == len(history(sfn, execution, maxResults=1000)) > 100


@pytest.mark.parametrize("size", [1, 3, 7, 21, 22])
@pytest.mark.parametrize("reverse", [False, True])
def test_pages_join_without_gap_or_overlap(sfn, chain, size, reverse):
    whole = history(sfn, chain, reverseOrder=reverse)
    assert [event["id"] for event in whole] == (list(range(22, 0, -1)) if reverse else list(range(1, 23)))
    assert history(sfn, chain, reverseOrder=reverse, maxResults=size) == whole


def test_the_data_can_be_left_out(sfn, chain):
    for with_data, without in zip(
        history(sfn, chain), history(sfn, chain, includeExecutionData=False), strict=True
    ):
        assert (with_data["type"], with_data["id"]) == (without["type"], without["id"])
        assert not {"input", "output"} & set(details(without))
    assert details(history(sfn, chain)[0])["input"] == '{"a": 1}'


def test_a_token_of_another_execution_is_refused(sfn, chain, refused):
    other = start(sfn, create(sfn, CHAIN))
    ended(sfn, other)
    token = sfn.get_execution_history(executionArn=chain, maxResults=5)["nextToken"]
    with refused("InvalidToken", "Invalid Token: '"):
        sfn.get_execution_history(executionArn=other, maxResults=5, nextToken=token)


@pytest.mark.parametrize("token", ["made up", "AAAA", "0", "é"])
def test_a_token_that_was_made_up_is_refused(sfn, chain, refused, token):
    with refused("InvalidToken", "Invalid Token: '"):
        sfn.get_execution_history(executionArn=chain, nextToken=token)


def test_a_changed_token_is_refused(sfn, chain, refused):
    token = sfn.get_execution_history(executionArn=chain, maxResults=5)["nextToken"]
    middle = len(token) // 2
    changed = token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1 :]
    with refused("InvalidToken"):
        sfn.get_execution_history(executionArn=chain, maxResults=5, nextToken=changed)


def test_a_token_works_twice_and_with_another_page_size(sfn, chain):
    token = sfn.get_execution_history(executionArn=chain, maxResults=5)["nextToken"]
    for size in (5, 5, 2):
        page = sfn.get_execution_history(executionArn=chain, maxResults=size, nextToken=token)
        assert [event["id"] for event in page["events"]] == list(range(6, 6 + size))


def test_branches_and_items_lead_back_to_their_start(sfn):
    branches = [{"StartAt": name, "States": {name: ends(Type="Pass")}} for name in ("Left", "Right")]
    definition = machine(
        {
            "Both": {"Type": "Parallel", "Branches": branches, "Next": "Each"},
            "Each": ends(Type="Map", ItemProcessor={"StartAt": "I", "States": {"I": ends(Type="Pass")}}),
        }
    )
    execution = start(sfn, create(sfn, definition))
    ended(sfn, execution)
    events = history(sfn, execution)
    check_history(events)
    by_id = {event["id"]: event for event in events}
    for event in events:
        if event["type"] == "PassStateEntered":
            before = by_id[event["previousEventId"]]["type"]
            assert before in ("ParallelStateStarted", "MapIterationStarted")
    assert types(events).count("MapIterationSucceeded") == 2


def test_retries_catches_and_errors_stand_in_the_history(sfn):
    fails = {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "Broken", "Cause": "as expected"}}}
    definition = machine(
        {
            "Try": {
                "Type": "Parallel",
                "Branches": [fails],
                "Retry": [{"ErrorEquals": ["Broken"], "IntervalSeconds": 1, "MaxAttempts": 1}],
                "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught", "ResultPath": "$.error"}],
                "End": True,
            },
            "Caught": ends(Type="Pass"),
        }
    )
    execution = start(sfn, create(sfn, definition))
    described = ended(sfn, execution)
    assert described["output"] == '{"error":{"Error":"Broken","Cause":"as expected"}}'
    events = history(sfn, execution)
    check_history(events)
    assert types(events).count("FailStateEntered") == 2
    assert types(events)[-3:] == ["PassStateEntered", "PassStateExited", "ExecutionSucceeded"]
