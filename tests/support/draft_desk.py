"""A desk that works on drafts: its timers, its queue, its change feed, and what may be left in the store."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast
from urllib.parse import quote

from local.filters import passes
from local.store.database import reading
from local.store.sqlite import SqliteItemStore
from mailroom.aws.stream_records import stream_event
from mailroom.clock import to_wire
from mailroom.config import Config
from mailroom.drafts import writing
from mailroom.drafts.record import DraftRecord
from mailroom.drafts.timers import QUEUE, name_of
from mailroom.messages.index import draft_entries
from mailroom.store import keys
from mailroom.store.port import Item, ItemStore, Key, Set
from tests.support.crashes import Executioner, Killed
from tests.support.desk import SECRET, Answer, Desk, mail
from tests.support.fakes import QueueList, TimerList
from tests.support.feed import WORKERS

T = TypeVar("T")

MINUTE = 60_000
HOUR = 60 * MINUTE
FOLLOW = "functions.index.follow_changes"
DRAFTS = "/inboxes/{inbox_id}/drafts"
DRAFT = DRAFTS + "/{draft_id}"
LETTER = {"to": ["bob@example.com"], "subject": "Order", "text": "One, please"}
FILE = {"content": "aGk=", "filename": "a.txt"}
MAKES_A_MAIL = {**LETTER, "attachments": [FILE]}


class DraftDesk(Desk):
    """`with DraftDesk() as desk:`. Its timers fire when a test calls `fire`."""

    def __init__(self, items: ItemStore | None = None, *, config: Config | None = None) -> None:
        super().__init__(config, items=items)
        assert isinstance(self.runtime.timers, TimerList)
        assert isinstance(self.runtime.queues, QueueList)
        self.timers, self.queues = self.runtime.timers, self.runtime.queues
        self.made: list[str] = []
        """Ids of all drafts there ever were."""
        self._position: str | None = None

    def __enter__(self) -> DraftDesk:
        return self

    def warmed_up(self) -> str:
        """An inbox; all runs make the same calls from here on: the key's organization is known and its use is noted."""
        inbox = self.inbox()
        self.send(inbox, {})
        self.note_key_use()
        return inbox

    # --- the API ------------------------------------------------------------------------------------------------------

    def ask(self, function: str, resource: str, body: Any = None, *, key: str | None = None, **path: str) -> Answer:
        target = resource
        for name, value in path.items():
            target = target.replace("{" + name + "}", quote(value, safe=""))
        event = {
            "httpMethod": "POST",
            "resource": resource,
            "path": target,
            "headers": {"Authorization": f"Bearer {SECRET}"} | ({"Idempotency-Key": key} if key else {}),
            "body": json.dumps(body) if body is not None else None,
        }
        return Answer(self.work(f"drafts.{function}", event))

    def create(self, inbox: str, **body: Any) -> Answer:
        answer = self.ask("create_draft", DRAFTS, body, inbox_id=inbox)
        self.made += [answer.body["draft_id"]] if answer.status == 200 else []
        return answer

    def draft(self, inbox: str, **body: Any) -> str:
        """The id of a new draft; `due_in` milliseconds instead of a `send_at`."""
        if (due_in := body.pop("due_in", None)) is not None:
            body["send_at"] = self.at(due_in)
        answer = self.create(inbox, **{**MAKES_A_MAIL, **body})
        assert answer.status == 200, answer.body
        return str(answer.body["draft_id"])

    def change(self, inbox: str, draft_id: str, **body: Any) -> Answer:
        return self.ask("update_draft", DRAFT, body, inbox_id=inbox, draft_id=draft_id)

    def throw_away(self, inbox: str, draft_id: str) -> Answer:
        return self.ask("delete_draft", DRAFT, inbox_id=inbox, draft_id=draft_id)

    def post(self, inbox: str, draft_id: str, body: Any = None, *, key: str | None = None) -> Answer:
        return self.ask("send_draft", DRAFT + "/send", body or {}, key=key, inbox_id=inbox, draft_id=draft_id)

    def shown(self, inbox: str, draft_id: str) -> dict[str, Any]:
        answer = self.ask("get_draft", DRAFT, inbox_id=inbox, draft_id=draft_id)
        assert answer.status == 200, answer.body
        return answer.body

    def at(self, ms: int) -> str:
        """So long from now, as the wire has it."""
        return to_wire(self.clock() + ms)

    # --- time ---------------------------------------------------------------------------------------------------------

    def fired(self, *, early_ms: int = 0) -> list[dict[str, Any]]:
        """Records of the timers that are due (or so much later), and of what waits in the queue."""
        due = self.timers.fire(self.clock(), early_ms=early_ms) + self.queues.messages
        self.queues.messages, self.queues.delays = [], []
        return [record(body) for queue, body in due if queue == QUEUE]

    def fire(self, records: Sequence[Mapping[str, Any]] | None = None, *, early_ms: int = 0) -> list[str]:
        """Hands what is due (or `records`) to the worker; the ids of what must come again."""
        batch = self.fired(early_ms=early_ms) if records is None else records
        answer = self.work("drafts.send_due_draft", {"Records": batch})
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def wait(self, ms: int) -> list[str]:
        self.clock.advance(ms)
        return self.fire()

    def repair(self) -> None:
        self.work("messages.repair_sends", {})

    def sweep(self) -> int:
        return int(self.work("drafts.sweep_drafts", {})["fired"])

    def settle(self) -> None:
        """An hour in which everything runs that runs by itself."""
        for _ in range(60):
            self.clock.advance(MINUTE)
            self.repair()
            assert self.fire() == []
        self.sweep()
        assert self.fire() == []
        self.follow()

    def follow(self) -> None:
        """The change feed, to its end."""
        worker = WORKERS[FOLLOW]
        assert isinstance(self.items, SqliteItemStore)
        while True:
            records, self._position = self.items.feed.read(self._position, 1000)
            if not records:
                return
            mine = [each for each in records if each.table == worker.table and passes(each, worker.filters)]
            if mine:
                assert self.work("index.follow_changes", stream_event(mine)) == {"batchItemFailures": []}

    def dying(self, executioner: Executioner, act: Callable[[], T]) -> T | None:
        """What `act` answers, or None where it was killed at a call of a port."""
        alive = self.runtime
        ports = ("items", "blobs", "mailer", "timers", "queues")
        self.runtime = dataclasses.replace(alive, **{name: executioner.watch(getattr(alive, name)) for name in ports})
        try:
            return act()
        except Killed:
            return None
        finally:
            self.runtime = alive

    def pause(self, inbox: str, status: str = "paused") -> None:
        self.items.update(keys.inbox(self.o, inbox), [Set("status", status)])

    # --- what is stored -----------------------------------------------------------------------------------------------

    def row(self, inbox: str, draft_id: str) -> DraftRecord:
        found = self.items.get(keys.draft(self.o, inbox, draft_id))
        assert found is not None
        return cast(DraftRecord, found)

    def drafts(self, inbox: str) -> list[DraftRecord]:
        return [cast(DraftRecord, row) for row in self.rows(inbox, "D#") if not row["sk"].endswith("#B")]

    def parent(self, inbox: str, message_id: str = "<m1@example.com>", **fields: str) -> str:
        """The id of a mail that has arrived."""
        assert self.receive(self.arrive(mail(message_id=message_id, to=inbox, **fields), inbox)) == []
        return message_id

    def keys_of(self, table: str) -> set[Key]:
        with reading(self.database) as connection:
            return {Key(table, *row) for row in connection.execute(f"SELECT pk, sk FROM {table}")}  # type: ignore[arg-type]


def record(body: Mapping[str, Any]) -> dict[str, Any]:
    return {"messageId": body["draft_id"], "body": json.dumps(body), "attributes": {"ApproximateReceiveCount": "1"}}


def assert_one_mail(desk: DraftDesk, inbox: str, answer: Answer | None = None, *, died: bool = False) -> Item:
    """Exactly one mail has left, one message and one event tell of it, and the draft is gone without a trace."""
    assert len(desk.mailer.sent) == 1
    [message] = [each for each in desk.messages(inbox) if "sent" in each["labels"]]
    assert len(desk.events(inbox, "message.sent")) == 1
    assert desk.open_intents() == []
    assert desk.drafts(inbox) == []
    assert keys.blob_raw(desk.o, inbox, message["uid"]) in desk.blobs.content
    if answer is not None:
        assert (answer.status, answer.body) == (200, {name: message[name] for name in ("message_id", "thread_id")})
    assert_tidy(desk, inbox, died=died)
    return message


def assert_tidy(desk: DraftDesk, inbox: str, *, died: bool = False) -> None:
    """What the store holds for drafts, once the feed has run, is what the drafts need, row by row. `died`: somebody did before what
    he began was written, so that a timer may fire for nothing, and blobs be left of what never was."""
    desk.follow()
    drafts = desk.drafts(inbox)
    rows, index = _rows(desk, inbox, drafts), _index(desk, drafts)
    assert {key for key in desk.keys_of("core") if _is_of_drafts(key, desk.o)} == rows
    assert {key for key in desk.keys_of("idx") if "#D#" in key.pk or key.pk.startswith("DRAFTS#DUE#")} == index
    timers = {(QUEUE, name_of(each), each["due"]) for each in drafts if each.get("send_status") == "scheduled"}
    assert timers <= desk.timers.waiting.keys()
    assert died or timers == desk.timers.waiting.keys()
    present = {each["draft_id"] for each in drafts}
    assert [key for key in desk.blobs.content for gone in {*desk.made} - present if f"/{gone}/" in key] == []
    owners = present | {each["uid"] for each in desk.messages(inbox)}
    orphans = [key for key in desk.blobs.content if key.startswith("org/") and key.split("/")[3] not in owners]
    assert died or orphans == []


def _rows(desk: DraftDesk, inbox: str, drafts: Sequence[DraftRecord]) -> set[Key]:
    found = {keys.draft(desk.o, inbox, each["draft_id"]) for each in drafts}
    found |= {keys.body(keys.draft(desk.o, inbox, each["draft_id"])) for each in drafts if each["body"] == "item"}
    found |= {keys.draft_pointer(desk.o, each["draft_id"]) for each in drafts}
    return found | {keys.client_id(desk.o, "draft", each["client_id"]) for each in drafts if "client_id" in each}


def _index(desk: DraftDesk, drafts: Sequence[DraftRecord]) -> set[Key]:
    found = {entry.key for each in drafts for entry in draft_entries(desk.o, each, desk.runtime.config.index_shards)}
    return found | {entry for each in drafts if (entry := writing.due_entry(each)) is not None}


def _is_of_drafts(key: Key, o: str) -> bool:
    return key.sk.startswith(("D#", "CID#draft#")) or key.pk.startswith(f"{o}#DR#")
