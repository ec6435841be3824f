"""The operator's command on a data folder, while the server runs on it and when it has stopped."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from local import feed
from local.queues import SqliteQueues
from mailroom.config import Config
from mailroom.lists import suppression
from mailroom.store import keys
from mailroom.store.port import Delete, Key
from tests.support.admin import Said, mailroom
from tests.support.polling import eventually
from tests.support.socket import socket
from tests.support.stacks import SqliteStack

CONFIG = Config(rate_per_second=0, domain="mail.test")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("operated") / "data"


@pytest.fixture(scope="module")
def stack(folder: Path) -> Iterator[SqliteStack]:
    with pytest.MonkeyPatch.context() as patch:
        # What another process writes rings no bell here.
        patch.setattr(feed, "_IDLE_S", 0.1)
        with SqliteStack(CONFIG, data=folder) as running:
            yield running


@pytest.fixture
def run(stack: SqliteStack, folder: Path) -> Any:
    def run(*arguments: str, **environment: str) -> Said:
        return mailroom("--json", *arguments, MAILROOM_DATA=str(folder), **environment)

    return run


def status(stack: SqliteStack, api_key: str, path: str = "/inboxes") -> int:
    answer = httpx.get(f"{stack.http}/v0{path}", headers={"Authorization": f"Bearer {api_key}"}, trust_env=False)
    return answer.status_code


def test_an_organization_and_its_first_key_work_at_once(stack: SqliteStack, run: Any) -> None:
    made = run("organizations", "create", "--name", "Acme").value

    shown = run("organizations", "show", made["organization_id"]).value

    assert status(stack, made["api_key"]) == 200
    assert (shown["name"], shown["inbox_count"]) == ("Acme", 0)
    assert made["api_key"] not in run("keys", "list", made["organization_id"]).out


def test_all_organizations_are_listed_oldest_first(stack: SqliteStack, run: Any) -> None:
    made = [run("organizations", "create").value["organization_id"] for _ in range(2)]

    listed = [each["organization_id"] for each in run("organizations", "list").value["organizations"]]

    assert listed[-2:] == made
    assert len(listed) > 2, "that of the folder's own key is there, too"


def test_an_organization_that_no_list_has_is_listed_once_it_was_looked_at(stack: SqliteStack, run: Any) -> None:
    o = run("organizations", "create").value["organization_id"]
    record = stack.items.get(keys.organization(o))
    assert record is not None
    stack.items.write([Delete(Key("idx", keys.organization_list(), keys.listing_sort(record["created_at"], o)))])
    assert o not in run("organizations", "list").out

    run("organizations", "show", o)

    assert o in run("organizations", "list").out


def test_keys_are_made_listed_and_revoked(stack: SqliteStack, run: Any) -> None:
    o = run("organizations", "create").value["organization_id"]
    made = run("keys", "create", o, "--name", "Robot", "--expires", "2100-01-01T00:00:00Z").value
    assert status(stack, made["api_key"]) == 200

    listed = run("keys", "list", o).value["api_keys"]
    revoked = run("keys", "revoke", o, made["api_key_id"])

    assert [each["name"] for each in listed][1:] == ["Robot"]
    assert listed[1]["expires_at"] == "2100-01-01T00:00:00.000Z"
    assert revoked.code == 0
    assert status(stack, made["api_key"]) == 401


def test_a_key_can_be_bound_to_an_inbox_or_a_pod(stack: SqliteStack, run: Any) -> None:
    org = run("organizations", "create").value
    header = {"Authorization": f"Bearer {org['api_key']}"}
    inbox = httpx.post(f"{stack.http}/v0/inboxes", headers=header, trust_env=False).json()

    of_inbox = run("keys", "create", org["organization_id"], "--inbox", inbox["inbox_id"]).value
    of_pod = run("keys", "create", org["organization_id"], "--pod", inbox["pod_id"]).value

    assert of_inbox["inbox_id"] == inbox["inbox_id"]
    assert (of_pod["pod_id"], "inbox_id" in of_pod) == (inbox["pod_id"], False)


def test_a_suspended_organization_is_refused_until_it_is_resumed(stack: SqliteStack, run: Any) -> None:
    org = run("organizations", "create").value
    o = org["organization_id"]

    suspended = run("organizations", "suspend", o).value
    while_suspended = status(stack, org["api_key"])
    refused = run("keys", "create", o)
    resumed = run("organizations", "resume", o).value

    assert suspended["keys_changed"] == resumed["keys_changed"] == 1
    assert "suspended_at" in suspended
    assert "suspended_at" not in resumed
    assert while_suspended == 403
    assert (refused.code, refused.value["error"]["message"]) == (1, "The organization is suspended")
    assert status(stack, org["api_key"]) == 200


def test_only_the_operator_ends_a_suppression(stack: SqliteStack, run: Any) -> None:
    o = run("organizations", "create").value["organization_id"]
    key = suppression.key(o, "gone@example.com")
    stack.items.transact(suppression.suppressing(o, {key: "gone@example.com"}, "bounce", {}, now=stack.runtime.clock()))

    listed = run("suppressions", "list", o).value["entries"]
    removed = run("suppressions", "remove", o, "Gone@Example.com")

    assert [(each["entry"], each["reason"]) for each in listed] == [("gone@example.com", "bounce")]
    assert removed.code == 0
    assert run("suppressions", "list", o).value == {"entries": []}
    assert run("suppressions", "remove", o, "gone@example.com").value["error"]["code"] == "not_found"


def test_dead_letters_are_counted_and_put_back_while_the_server_works(stack: SqliteStack, run: Any) -> None:
    def bury(connection: Any) -> None:
        stack.queues.enqueue(connection, "purgedeadletter", {"organization_id": "none", "inbox_id": "x@mail.test"})

    stack.database.write(bury)

    before = {each["queue"]: each for each in run("dead-letters", "list").value["queues"]}
    moved = run("dead-letters", "redrive", "purge").value

    assert before["purge"]["dead"] == 1
    assert before["purge"]["oldest_dead_s"] >= 0
    assert moved == {"queue": "purge", "messages": 1}
    assert run("dead-letters", "redrive", "nothing").value["error"]["code"] == "not_found"


def test_looking_does_not_hand_out_again_what_is_being_worked_on(stack: SqliteStack, run: Any) -> None:
    other = SqliteQueues(stack.database, {**stack.template.queues}, clock=stack.runtime.clock)
    stack.database.write(lambda connection: other.enqueue(connection, "changesdeadletter", {}))
    (taken,) = other.receive("changesdeadletter", 1)

    run("dead-letters", "list")

    assert other.receive("changesdeadletter", 1) == []
    other.settle("changesdeadletter", [taken], [])


def test_the_doctor_finds_a_running_server_well(stack: SqliteStack, run: Any) -> None:
    http_port, smtp_port = stack.http.rpartition(":")[2], str(stack.smtp[1])

    said = run("doctor", MAILROOM_PORT=http_port, MAILROOM_SMTP_PORT=smtp_port, MAILROOM_DOMAIN="mail.test")
    states = {each["check"]: each["state"] for each in said.value["findings"]}

    assert (said.code, said.value["healthy"]) == (0, True), said.value
    assert states["api"] == states["smtp"] == states["queues"] == states["clock"] == states["permissions"] == "ok"
    assert states["domain"] == states["relay"] == "warn"


def test_people_see_tables_and_no_control_characters(stack: SqliteStack, run: Any, folder: Path) -> None:
    o = run("organizations", "create", "--name", "\x1b[31mred [bold]\nforged row").value["organization_id"]
    run("keys", "create", o, "--name", "a\nforged row")

    said = mailroom("organizations", "show", o, "--data", str(folder))
    of_keys = mailroom("keys", "list", o, "--data", str(folder))

    assert "\x1b" not in said.out
    assert "[bold]\ufffdforged" in said.out
    assert o in said.out
    assert "a\ufffdforged row" in of_keys.out


def test_a_terminal_that_lacks_a_character_shows_the_rest(stack: SqliteStack, run: Any, folder: Path) -> None:
    o = run("organizations", "create", "--name", "b\u00fccher").value["organization_id"]

    said = subprocess.run(
        [sys.executable, "-m", "admin", "organizations", "show", o, "--data", str(folder)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert "b?cher" in said.stdout


def test_a_secret_is_shown_whole_however_narrow_the_terminal(
    stack: SqliteStack, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")

    said = mailroom("organizations", "create", "--data", str(folder))

    (line,) = (line for line in said.out.splitlines() if line.startswith("API key"))
    assert status(stack, line.split()[-1]) == 200


def test_an_unknown_organization_is_an_error_and_no_empty_list(run: Any) -> None:
    for command in (["organizations", "show"], ["organizations", "suspend"], ["organizations", "resume"], ["keys", "list"]):
        said = run(*command, "nobody")

        assert (said.code, said.value["error"]["code"]) == (1, "not_found")


def test_everything_goes_on_when_the_server_has_stopped(tmp_path: Path) -> None:
    with SqliteStack(CONFIG, data=tmp_path):
        org = mailroom("organizations", "create", "--json", "--data", str(tmp_path)).value

    suspended = mailroom("--data", str(tmp_path), "organizations", "suspend", org["organization_id"], "--json")
    listed = mailroom("--data", str(tmp_path), "organizations", "list", "--json").value["organizations"]
    examined = mailroom("--data", str(tmp_path), "doctor", "--json", MAILROOM_PORT="1", MAILROOM_SMTP_PORT="1")

    assert suspended.value["keys_changed"] == 1
    assert len(listed) == 2
    assert examined.code == 1
    assert {each["check"] for each in examined.value["findings"] if each["state"] == "fail"} == {"api", "smtp"}
    with SqliteStack(CONFIG, data=tmp_path) as stack:
        assert status(stack, org["api_key"]) == 403


def test_a_socket_of_a_running_server_is_closed_by_another_process(stack: SqliteStack, run: Any) -> None:
    org = run("organizations", "create").value
    with socket(stack.ws, org["api_key"]) as opened:
        opened.subscribe()
        run("organizations", "suspend", org["organization_id"])

        assert eventually(opened.closed) == 1008


def test_a_folder_without_data_is_refused(tmp_path: Path) -> None:
    said = mailroom("organizations", "list", "--json", "--data", str(tmp_path / "typo"))

    assert said.code == 1
    assert "--data" in said.value["error"]["message"]
    assert not (tmp_path / "typo").exists()
    assert mailroom("doctor", MAILROOM_DATA=":memory:").errors.startswith("mailroom: Data in memory")


def test_data_that_cannot_be_opened_is_said_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "mailroom.sqlite").write_bytes(b"no database" * 100)

    said = mailroom("doctor", "--json", "--data", str(tmp_path))

    assert said.code == 1
    assert "owner of the folder" in said.value["error"]["message"]


def test_the_executable_makes_its_environment_and_hands_everything_on(tmp_path: Path) -> None:
    script = Path(__file__).parent.parent.parent / "mailroom"
    copy, tools, python = tmp_path / "mailroom", tmp_path / "tools", tmp_path / ".venv/bin/python"
    copy.write_bytes(script.read_bytes())
    for path, body in ((tools / "make", 'echo "made $*"'), (python, 'printf "%s\\n" "$PYTHONPATH" "$@"')):
        path.parent.mkdir(parents=True)
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)

    done = subprocess.run(
        ["sh", str(copy), "keys", "list", "a b"],
        env={"PATH": f"{tools}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
    )

    assert os.access(script, os.X_OK)
    assert done.stdout.splitlines() == [f"{tmp_path}/layers/core:{tmp_path}", "-m", "admin", "keys", "list", "a b"]
    assert done.stderr.strip() == f"made --silent -C {tmp_path} .venv/.local"
