"""State machines and their tags: create, describe, update, list, delete."""

import json

import pytest

from harness import PASS, ROLE, create, ends, ended, eventually, fresh, machine, output, run, start


def test_a_machine_is_described_as_it_was_created(sfn):
    name = fresh("described")
    arn = create(sfn, PASS, name)
    assert arn == f"arn:aws:states:us-east-1:000000000000:stateMachine:{name}"
    described = sfn.describe_state_machine(stateMachineArn=arn)
    assert described["name"] == name
    assert described["definition"] == PASS
    assert described["roleArn"] == ROLE
    assert described["type"] == "STANDARD"
    assert described["status"] == "ACTIVE"


def test_the_same_machine_again_is_the_same_arn_and_date(sfn):
    request = {"name": fresh("same"), "definition": PASS, "roleArn": ROLE}
    first = sfn.create_state_machine(**request)
    again = sfn.create_state_machine(**request)
    assert again["stateMachineArn"] == first["stateMachineArn"]
    assert again["creationDate"] == first["creationDate"]


def test_another_role_or_tag_does_not_make_it_another_machine(sfn):
    name = fresh("same")
    arn = create(sfn, PASS, name)
    again = sfn.create_state_machine(
        name=name, definition=PASS, roleArn=f"{ROLE}-other", tags=[{"key": "k", "value": "v"}]
    )
    assert again["stateMachineArn"] == arn
    assert sfn.describe_state_machine(stateMachineArn=arn)["roleArn"] == ROLE
    assert sfn.list_tags_for_resource(resourceArn=arn)["tags"] == []


def test_another_definition_under_the_name_is_refused(sfn, refused):
    name = fresh("taken")
    arn = create(sfn, PASS, name)
    with refused("StateMachineAlreadyExists", f"State Machine Already Exists: '{arn}'"):
        create(sfn, machine({"Other": {"Type": "Succeed"}}), name)
    # Even the same definition, written in another way.
    with refused("StateMachineAlreadyExists"):
        create(sfn, json.dumps(json.loads(PASS), indent=1), name)


def test_another_type_under_the_name_is_refused(sfn, refused):
    name = fresh("taken")
    create(sfn, PASS, name)
    with refused("StateMachineAlreadyExists"):
        create(sfn, PASS, name, type="EXPRESS")


@pytest.mark.parametrize("name", ["a b", "a<b", "a/b", "a:b", "a\tb", "a\u0085b"])
def test_a_name_with_a_forbidden_character_is_refused(sfn, refused, name):
    with refused("InvalidName", f"Invalid Name: '{name}'"):
        create(sfn, PASS, name)


def test_a_name_is_at_most_80_characters(unchecked, refused):
    create(unchecked, PASS, fresh("n").ljust(80, "n"))
    with refused("ValidationException", "at 'name' failed to satisfy constraint: Member must have length less than or equal to 80"):
        create(unchecked, PASS, "n" * 81)


def test_a_definition_without_states_is_refused_with_its_place(sfn, refused):
    with refused("InvalidDefinition", "SCHEMA_VALIDATION_FAILED", "These fields are required: [States] at /"):
        create(sfn, '{"StartAt": "Nowhere"}')


def test_a_definition_that_is_not_json_is_refused(sfn, refused):
    with refused("InvalidDefinition", "Invalid State Machine Definition"):
        create(sfn, "not json")


def test_every_mistake_of_a_definition_is_reported_at_once(sfn, refused):
    broken = machine({"A": {"Type": "Pass", "Next": "Gone"}, "B": {"Type": "Wait", "End": True}})
    with refused("InvalidDefinition", "/States/A/Next", "/States/B") as refusal:
        create(sfn, broken)
    assert refusal.error["Message"].startswith("Invalid State Machine Definition: '")


def test_a_machine_that_is_not_there_is_refused(sfn, refused):
    arn = "arn:aws:states:us-east-1:000000000000:stateMachine:nowhere"
    with refused("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'"):
        sfn.describe_state_machine(stateMachineArn=arn)
    with refused("StateMachineDoesNotExist"):
        sfn.update_state_machine(stateMachineArn=arn, definition=PASS)
    with refused("StateMachineDoesNotExist"):
        sfn.start_execution(stateMachineArn=arn)
    with refused("StateMachineDoesNotExist"):
        sfn.list_executions(stateMachineArn=arn)


@pytest.mark.parametrize("arn", ["nonsense", "arn:aws:s3:::bucket", "arn:aws:states:us-east-1:000000000000:activity:a"])
def test_an_arn_of_something_else_is_refused(sfn, refused, arn):
    with refused("InvalidArn", "Invalid Arn: '"):
        sfn.describe_state_machine(stateMachineArn=arn)


def test_an_update_takes_effect_for_executions_that_start_afterwards(sfn):
    before = machine({"P": ends(Type="Pass", Result="before")})
    after = machine({"P": ends(Type="Pass", Result="after")})
    arn = create(sfn, before)
    first = start(sfn, arn)
    updated = sfn.update_state_machine(stateMachineArn=arn, definition=after, roleArn=f"{ROLE}-new")
    second = start(sfn, arn)
    assert output(ended(sfn, first)) == "before"
    assert output(ended(sfn, second)) == "after"
    assert updated["revisionId"]
    described = sfn.describe_state_machine(stateMachineArn=arn)
    assert (described["definition"], described["roleArn"]) == (after, f"{ROLE}-new")
    pinned = sfn.describe_state_machine_for_execution(executionArn=first)
    assert (pinned["definition"], pinned["stateMachineArn"]) == (before, arn)


def test_an_update_without_anything_to_update_is_refused(sfn, refused):
    arn = create(sfn)
    with refused("MissingRequiredParameter", "Either the definition, the role ARN,"):
        sfn.update_state_machine(stateMachineArn=arn)


def test_an_update_with_a_broken_definition_changes_nothing(sfn, refused):
    arn = create(sfn)
    with refused("InvalidDefinition"):
        sfn.update_state_machine(stateMachineArn=arn, definition="{}")
    assert sfn.describe_state_machine(stateMachineArn=arn)["definition"] == PASS


def test_a_deleted_machine_is_gone_and_its_name_is_free(sfn, refused):
    name = fresh("deleted")
    arn = create(sfn, PASS, name)
    sfn.delete_state_machine(stateMachineArn=arn)
    # Deleting is idempotent.
    sfn.delete_state_machine(stateMachineArn=arn)

    def gone():
        try:
            return sfn.describe_state_machine(stateMachineArn=arn)["status"] not in ("ACTIVE", "DELETING")
        except sfn.exceptions.StateMachineDoesNotExist:
            return True

    eventually(gone, "the machine is deleted")
    assert create(sfn, machine({"Other": {"Type": "Succeed"}}), name) == arn


def test_machines_are_listed_page_by_page(server):
    # An account of its own, so that nothing else is in the list.
    sfn = server.client(account="210987654321")
    created = {create(sfn, PASS, fresh("listed")) for _ in range(7)}
    pages = list(sfn.get_paginator("list_state_machines").paginate(PaginationConfig={"PageSize": 3}))
    assert [len(page["stateMachines"]) for page in pages] == [3, 3, 1]
    listed = [row["stateMachineArn"] for page in pages for row in page["stateMachines"]]
    assert len(listed) == 7 and set(listed) == created
    assert all(":210987654321:" in arn for arn in listed)


def test_accounts_and_regions_do_not_see_one_another(server, refused):
    name = fresh("mine")
    arn = create(server.client(account="111111111111"), PASS, name)
    elsewhere = create(server.client(account="111111111111", region="eu-west-1"), PASS, name)
    assert arn == f"arn:aws:states:us-east-1:111111111111:stateMachine:{name}"
    assert elsewhere == f"arn:aws:states:eu-west-1:111111111111:stateMachine:{name}"
    names = [row["name"] for row in server.client(account="222222222222").list_state_machines()["stateMachines"]]
    assert name not in names


def test_tags_are_added_overwritten_listed_and_removed(sfn):
    arn = create(sfn, tags=[{"key": "team", "value": "rail"}, {"key": "stage", "value": "test"}])
    sfn.tag_resource(resourceArn=arn, tags=[{"key": "stage", "value": "prod"}, {"key": "cost", "value": "1"}])
    sfn.untag_resource(resourceArn=arn, tagKeys=["cost", "never-there"])
    tags = {tag["key"]: tag["value"] for tag in sfn.list_tags_for_resource(resourceArn=arn)["tags"]}
    assert tags == {"team": "rail", "stage": "prod"}


def test_a_tag_needs_a_resource(sfn, refused):
    arn = "arn:aws:states:us-east-1:000000000000:stateMachine:nowhere"
    with refused("ResourceNotFound", f"Resource not found: '{arn}'"):
        sfn.tag_resource(resourceArn=arn, tags=[{"key": "k", "value": "v"}])


def test_a_machine_has_at_most_50_tags(sfn, refused):
    arn = create(sfn)
    sfn.tag_resource(resourceArn=arn, tags=[{"key": f"k{n}", "value": ""} for n in range(50)])
    with refused("TooManyTags"):
        sfn.tag_resource(resourceArn=arn, tags=[{"key": "one-more", "value": ""}])


def test_output_keeps_the_order_of_members(sfn):
    definition = machine({"P": ends(Type="Pass", Result={"z": 1, "a": {"y": 2, "b": 3}})})
    assert run(sfn, definition)["output"] == '{"z":1,"a":{"y":2,"b":3}}'
