"""Deleting a pod: what forbids it, what goes along, whatever dies or races on the way (spec: pods.md; design: data.md)."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import httpx
import pytest

from functions.organizations import purge_deleted as worker
from local.store.database import reading
from mailroom.callers import Caller
from mailroom.errors import CannotDelete, NotFound
from mailroom.inboxes.create import create_inbox
from mailroom.inboxes.service import delete_inbox
from mailroom.keys.scopes import Route
from mailroom.keys.service import create_api_key
from mailroom.lists.record import ListName
from mailroom.lists.service import create_list_entry, delete_list_entry
from mailroom.pods.delete import delete_pod
from mailroom.pods.purge import purge_pod, purge_request
from mailroom.pods.service import create_pod, get_pod
from mailroom.runtime import using
from mailroom.store import keys
from mailroom.store.port import Add, Item, Key, Put, Set
from mailroom.webhooks.create import create_webhook
from mailroom.webhooks.polling import create_polling_webhook
from tests.support.crashes import Executioner, Killed
from tests.support.desk import Desk
from tests.support.fakes import QueueList
from tests.support.identity import other_organization, using_pod_key
from tests.support.lists import counts, listed
from tests.support.polling import eventually
from tests.support.stacks import Mailbox, Strict

URL = "https://example.com/hook"
POLLED: Any = {"client_id": "p", "event_types": ["message.received"]}


@pytest.fixture
def desk() -> Iterator[Desk]:
    with Desk() as made:
        yield made


def caller(desk: Desk) -> Caller:
    return Caller(desk.o, "organization", desk.o)


def new_pod(desk: Desk, **body: Any) -> str:
    made = create_pod(caller(desk), body, items=desk.items, clock=desk.clock)  # type: ignore[arg-type]
    return str(made["pod_id"])


def new_inbox(desk: Desk, pod_id: str, items: Any = None) -> str:
    config = desk.runtime.config
    made = create_inbox(caller(desk), {}, items=items or desk.items, clock=desk.clock, config=config, pod_id=pod_id)
    return str(made["inbox_id"])


def new_key(desk: Desk, pod_id: str, items: Any = None) -> str:
    made = create_api_key(caller(desk), Route(pod_id), {}, items=items or desk.items, clock=desk.clock)
    return str(made["api_key"])


def new_webhook(desk: Desk, pod_id: str | None, items: Any = None, **body: Any) -> None:
    config = desk.runtime.config
    wanted: Any = {"url": URL, **body}
    create_webhook(caller(desk), Route(pod_id), wanted, items=items or desk.items, clock=desk.clock, config=config)


def new_polling_webhook(desk: Desk, pod_id: str, items: Any = None) -> None:
    config = desk.runtime.config
    create_polling_webhook(caller(desk), Route(pod_id), POLLED, items=items or desk.items, clock=desk.clock, config=config)


def new_entry(desk: Desk, pod_id: str, items: Any = None) -> None:
    name, body, config = ListName("send", "allow"), {"entry": "example.com"}, desk.runtime.config
    who, store = caller(desk), items or desk.items
    create_list_entry(who, Route(pod_id), name, body, items=store, clock=desk.clock, config=config)  # type: ignore[arg-type]


def fill(desk: Desk, pod_id: str, many: int) -> None:
    """Whatever can hang on a pod without inboxes."""
    for number in range(many):
        new_key(desk, pod_id)
        listed(desk, "receive", "block", f"{number}.example.com", pod_id=pod_id)
        listed(desk, "send", "allow", f"{number}.example.com", pod_id=pod_id)
    new_webhook(desk, pod_id, client_id=f"w-{pod_id}")
    new_webhook(desk, pod_id)
    new_polling_webhook(desk, pod_id)
    desk.items.write([Put(Key("eph", keys.subscriptions(desk.o, pod_id=pod_id), f"socket-{n}"), {"gen": 1}) for n in range(many)])


def rows(desk: Desk) -> set[tuple[str, str, str]]:
    with reading(desk.database) as connection:
        return {
            (table, pk, sk)
            for table in ("core", "idx", "ev", "eph")
            for pk, sk in connection.execute(f"SELECT pk, sk FROM {table}")
        }


def organization(desk: Desk) -> Item:
    return desk.items.get(keys.organization(desk.o)) or {}


def delete(desk: Desk, pod_id: str) -> None:
    delete_pod(caller(desk), pod_id, items=desk.items, queues=desk.runtime.queues)


def work_off(desk: Desk) -> None:
    """Delivers what is queued until nothing is."""
    queues = desk.runtime.queues
    assert isinstance(queues, QueueList)
    for _ in range(100):
        if not queues.messages:
            return
        queue, body = queues.messages.pop(0)
        assert queue == "purge"
        with using(desk.runtime):
            worker.handler({"Records": [{"messageId": "1", "body": json.dumps(dict(body))}]})
    pytest.fail("never ran to its end")


class Overtaken:
    """A store whose next transaction finds that something else came first."""

    def __init__(self, items: Any, first: Callable[[], object]) -> None:
        self._items, self._first = items, [first]

    def transact(self, actions: Any) -> None:
        while self._first:
            self._first.pop()()
        self._items.transact(actions)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._items, name)


# --- what goes along ----------------------------------------------------------------------------------------------------


def test_nothing_remains(desk: Desk) -> None:
    neighbour = new_pod(desk)
    fill(desk, neighbour, 2)
    before, counted, of_lists = rows(desk), organization(desk), counts(desk)
    pod_id = new_pod(desk, client_id="c-1")
    fill(desk, pod_id, 110)
    delete(desk, pod_id)

    work_off(desk)

    assert rows(desk) == before
    assert (organization(desk), counts(desk)) == (counted, of_lists)


def test_the_pod_is_gone_before_it_is_purged(desk: Desk) -> None:
    pod_id = new_pod(desk)
    fill(desk, pod_id, 1)
    delete(desk, pod_id)

    additions: list[Callable[..., object]] = [new_inbox, new_key, new_webhook, new_polling_webhook, new_entry]

    for add in additions:
        with pytest.raises(NotFound):
            add(desk, pod_id)
    for again in (delete, lambda *_: get_pod(caller(desk), pod_id, items=desk.items)):
        with pytest.raises(NotFound):
            again(desk, pod_id)


def test_all_keys_of_the_pod_are_revoked_at_once(desk: Desk) -> None:
    pod_id = new_pod(desk)
    for _ in range(60):
        new_key(desk, pod_id)
    delete(desk, pod_id)

    left = {row for row in rows(desk) if row[1].startswith("KEY#") or row[2].startswith("AK#")}

    assert len(left) == 2  # the organization's own


def test_a_webhook_of_the_organization_that_listens_to_the_pod_stays(desk: Desk) -> None:
    pod_id = new_pod(desk)
    new_webhook(desk, None, pod_ids=[pod_id])
    before = {row for row in rows(desk) if row[2].startswith("WH#")}
    delete(desk, pod_id)

    work_off(desk)

    assert {row for row in rows(desk) if row[2].startswith("WH#")} == before


def test_the_client_id_is_free_at_once(desk: Desk) -> None:
    pod_id = new_pod(desk, client_id="c-1")
    delete(desk, pod_id)

    again = new_pod(desk, client_id="c-1")
    work_off(desk)

    assert again != pod_id
    assert new_pod(desk, client_id="c-1") == again


def test_a_pod_is_deleted_while_its_last_inbox_is_being_emptied(desk: Desk) -> None:
    before = rows(desk)
    pod_id = new_pod(desk)
    inbox_id = new_inbox(desk, pod_id)
    listed(desk, "receive", "block", "example.com", inbox_id=inbox_id)
    delete_inbox(caller(desk), inbox_id, items=desk.items, queues=desk.runtime.queues)
    delete(desk, pod_id)

    work_off(desk)

    assert rows(desk) - before == {("core", keys.address(inbox_id).pk, "-")}


# --- what forbids it ----------------------------------------------------------------------------------------------------


def test_a_pod_with_inboxes_stays(desk: Desk) -> None:
    pod_id = new_pod(desk)
    inbox_id = new_inbox(desk, pod_id)

    with pytest.raises(CannotDelete):
        delete(desk, pod_id)
    delete_inbox(caller(desk), inbox_id, items=desk.items, queues=desk.runtime.queues)

    delete(desk, pod_id)


def test_a_pod_with_domains_stays(desk: Desk) -> None:
    pod_id = new_pod(desk)
    desk.items.update(keys.pod(desk.o, pod_id), (Add("domain_count", 1),))

    with pytest.raises(CannotDelete):
        delete(desk, pod_id)
    desk.items.update(keys.pod(desk.o, pod_id), (Set("domain_count", 0),))

    delete(desk, pod_id)


def test_the_default_pod_stays(desk: Desk) -> None:
    with pytest.raises(CannotDelete):
        delete(desk, organization(desk)["default_pod_id"])


def test_a_refused_deletion_changes_nothing_and_asks_for_nothing(desk: Desk) -> None:
    pod_id = new_pod(desk, client_id="c-1")
    new_inbox(desk, pod_id)
    before, row = rows(desk), desk.items.get(keys.pod(desk.o, pod_id))

    with pytest.raises(CannotDelete):
        delete(desk, pod_id)

    assert (rows(desk), desk.items.get(keys.pod(desk.o, pod_id))) == (before, row)
    assert desk.runtime.queues.messages == []  # type: ignore[attr-defined]


# --- races --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("add", [new_inbox, new_key, new_webhook, new_polling_webhook, new_entry])
def test_what_is_added_to_a_pod_just_deleted_is_refused_and_leaves_nothing(desk: Desk, add: Callable[..., object]) -> None:
    new_entry(desk, new_pod(desk))  # the organization has counts of lists
    before = rows(desk)
    pod_id = new_pod(desk)

    with pytest.raises(NotFound):
        add(desk, pod_id, Overtaken(desk.items, lambda: delete(desk, pod_id)))
    work_off(desk)

    assert rows(desk) == before


def test_an_inbox_that_came_first_keeps_the_pod(desk: Desk) -> None:
    pod_id = new_pod(desk)
    items = Overtaken(desk.items, lambda: new_inbox(desk, pod_id))

    with pytest.raises(CannotDelete):
        delete_pod(caller(desk), pod_id, items=items, queues=desk.runtime.queues)
    work_off(desk)

    assert get_pod(caller(desk), pod_id, items=desk.items)["inbox_count"] == 1


def test_two_deletions_are_one(desk: Desk) -> None:
    pod_id = new_pod(desk)

    with pytest.raises(NotFound):
        delete_pod(caller(desk), pod_id, items=Overtaken(desk.items, lambda: delete(desk, pod_id)), queues=desk.runtime.queues)


def test_an_entry_deleted_beside_the_purge_is_counted_once(desk: Desk) -> None:
    new_entry(desk, new_pod(desk))
    before = counts(desk)
    pod_id = new_pod(desk)
    new_entry(desk, pod_id)
    name = ListName("send", "allow")

    def delete_and_purge() -> None:
        delete(desk, pod_id)
        work_off(desk)

    gone = Overtaken(desk.items, delete_and_purge)

    with pytest.raises(NotFound):
        delete_list_entry(caller(desk), Route(pod_id), name, "example.com", items=gone)

    assert counts(desk) == before
    assert desk.items.get(keys.list_counts(desk.o, pod_id=pod_id)) is None


def test_inboxes_made_while_the_pod_is_deleted_are_in_a_pod(stack: Mailbox) -> None:
    """Over HTTP, many at once: whoever came first, no inbox is left without its pod."""
    http = stack.http
    for _ in range(3):
        pod_id = http.post("/pods").json()["pod_id"]
        with ThreadPoolExecutor(4) as pool:
            creations = [pool.submit(http.post, f"/pods/{pod_id}/inboxes") for _ in range(3)]
            deletion = pool.submit(http.delete, f"/pods/{pod_id}").result()
            made = [each.result() for each in creations]
        assert {each.status_code for each in made} <= {200, 404}
        inboxes = [each.json()["inbox_id"] for each in made if each.status_code == 200]
        if deletion.status_code == 204:
            assert inboxes == []
        else:
            assert deletion.json()["code"] == "cannot_delete"
            assert http.get(f"/pods/{pod_id}").json()["inbox_ids"]


# --- whatever dies on the way -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before_or_after", [-1, 1])
def test_a_process_killed_anywhere_leaves_nothing(before_or_after: int) -> None:
    """Each port call of deletion and purge is a place to die; queued messages are delivered again, as a queue does."""
    for kill_at in range(1, 200):
        with Desk() as desk:
            new_entry(desk, new_pod(desk))
            new_webhook(desk, None)
            untouched, counted, of_lists = rows(desk), organization(desk), counts(desk)
            pod_id = new_pod(desk, client_id="c-1")
            fill(desk, pod_id, 2)
            died = _delete_and_purge(desk, pod_id, Executioner(kill_at * before_or_after))
            work_off(desk)  # what was queued before the end
            row = desk.items.get(keys.pod(desk.o, pod_id))
            if row is not None and "state" not in row:
                delete(desk, pod_id)  # the deletion had not begun; the caller would repeat it
            work_off(desk)

            assert rows(desk) == untouched
            assert (organization(desk), counts(desk)) == (counted, of_lists)
        if not died:
            return
    pytest.fail("never ran to its end")


def _delete_and_purge(desk: Desk, pod_id: str, executioner: Executioner) -> bool:
    """Whether it was killed."""
    watched = replace(desk.runtime, items=executioner.watch(desk.items), queues=executioner.watch(desk.runtime.queues))
    try:
        delete_pod(caller(desk), pod_id, items=watched.items, queues=watched.queues)
        purge_pod(desk.o, pod_id, items=watched.items)
    except Killed:
        return True
    return False


def test_the_purge_goes_on_in_small_steps(desk: Desk) -> None:
    new_entry(desk, new_pod(desk))
    before = rows(desk)
    pod_id = new_pod(desk)
    fill(desk, pod_id, 95)
    delete(desk, pod_id)

    turns = 1
    while purge_pod(desk.o, pod_id, items=desk.items, steps=1) is not None:
        turns += 1

    assert turns > 4
    assert rows(desk) == before


def test_a_purge_of_a_pod_that_lives_or_is_gone_does_nothing(desk: Desk) -> None:
    pod_id = new_pod(desk)
    fill(desk, pod_id, 1)
    before = rows(desk)

    for each in (pod_id, str(uuid.uuid4())):
        desk.runtime.queues.send("purge", purge_request(desk.o, each))
    work_off(desk)

    assert rows(desk) == before


# --- over HTTP ----------------------------------------------------------------------------------------------------------


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_deletion_over_http(stack: Mailbox) -> None:
    http, client_id = stack.http, uuid.uuid4().hex
    pod_id = http.post("/pods", {"client_id": client_id}).json()["pod_id"]
    base = f"/pods/{pod_id}"
    narrow = using_pod_key(stack, pod_id)
    webhook = http.post(f"{base}/webhooks", {"url": URL}).json()["webhook_id"]
    token = http.post(f"{base}/webhooks/polling", POLLED).json()["token"]
    http.post(f"{base}/lists/send/allow", {"entry": "example.com"})

    assert http.delete(f"/pods/{client_id}").status_code == 204

    assert code(narrow.get("/auth/me")) == (401, "unknown_api_key")
    assert {code(http.get(f"/pods/{name}{room}")) for name in (pod_id, client_id) for room in ("", "/inboxes", "/webhooks")} == {
        (404, "not_found")
    }
    assert pod_id not in [each["pod_id"] for each in http.get("/pods", params={"limit": 100}).json()["pods"]]
    assert code(http.delete(base)) == (404, "not_found")
    assert http.post("/pods", {"client_id": client_id}).json()["pod_id"] != pod_id
    eventually(lambda: http.get(f"/webhooks/{webhook}").status_code == 404)
    eventually(lambda: polled(stack, token).status_code == 401)


def polled(stack: Mailbox, token: str) -> httpx.Response:
    return stack.strict(token).get("/webhooks/polling/p/events")


def test_what_forbids_a_deletion_is_told(stack: Mailbox) -> None:
    http = stack.http
    default = http.get("/pods", params={"ascending": "true"}).json()["pods"][0]["pod_id"]
    pod_id = http.post("/pods").json()["pod_id"]
    inbox = http.post(f"/pods/{pod_id}/inboxes").json()["inbox_id"]

    refused = [http.delete(f"/pods/{each}") for each in (default, pod_id)]

    assert [code(answer) for answer in refused] == [(403, "cannot_delete")] * 2
    assert refused[1].json()["fix"] == "Delete its inboxes first."
    assert http.delete(f"/pods/{pod_id}/inboxes/{inbox}").status_code == 204
    assert http.delete(f"/pods/{pod_id}").status_code == 204


def test_another_organization_cannot_delete_the_pod(stack: Mailbox) -> None:
    pod = stack.http.post("/pods", {"client_id": uuid.uuid4().hex}).json()
    stranger: Strict = other_organization(stack)

    refused = [stranger.delete(f"/pods/{pod[name]}") for name in ("pod_id", "client_id")]

    assert [code(answer) for answer in refused] == [(404, "not_found")] * 2
    assert stack.http.get(f"/pods/{pod['pod_id']}").json() == pod
