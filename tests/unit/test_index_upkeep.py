"""The three phases of a label change under every order of steps: crashes, delays, replays (design: data.md, "Label change")."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from local.store.database import MEMORY, Database
from local.store.sqlite import SqliteItemStore
from mailroom.index.follow import writes_of
from mailroom.messages.edits import relabelled
from mailroom.messages.index import message_entries, put_entry, without
from mailroom.messages.labels import ordered
from mailroom.messages.record import MessageRecord
from mailroom.store import keys
from mailroom.store.port import ChangeRecord, Equals, Key, Put, Query, TransactionCancelled, without_key
from tests.support.mails import message_record

ORG = "org-1"
LABELS = ("work", "later", "spam")
INBOX = "agent@mailroom.local"
IDS = ("<1@x.io>", "<2@x.io>")


@dataclass
class Writer:
    """A label change between its phases. It may stop for good after any of them."""

    message_id: str
    label: str
    add: bool
    step: int = 0
    before: MessageRecord | None = None
    after: MessageRecord | None = None


@dataclass
class World:
    items: SqliteItemStore
    now: int = 1000
    undelivered: list[ChangeRecord] = field(default_factory=list)
    delivered: list[ChangeRecord] = field(default_factory=list)

    def read(self, message_id: str) -> MessageRecord | None:
        row = self.items.get(keys.message(ORG, INBOX, message_id))
        return None if row is None else without_key(row)  # type: ignore[arg-type,return-value]

    def advance(self, writer: Writer) -> None:
        self.now += 1
        if writer.step == 0:
            writer.before = self.read(writer.message_id)
            assert writer.before is not None
            labels = set(writer.before["labels"])
            labels = labels | {writer.label} if writer.add else labels - {writer.label}
            writer.after = relabelled(writer.before, ordered(labels), self.now).after
        elif writer.step == 1 and writer.before and writer.after:
            fresh = without(message_entries(ORG, writer.after), message_entries(ORG, writer.before))
            self.items.write([put_entry(entry, writer.after["ver"], self.now) for entry in fresh])
        elif writer.step == 2 and writer.before and writer.after:
            self.commit(writer.before, writer.after)
        writer.step += 1

    def commit(self, before: MessageRecord, after: MessageRecord) -> None:
        key = keys.message(ORG, INBOX, after["message_id"])
        try:
            self.items.transact([Put(key, without_key(after), Equals("ver", before["ver"]))])
        except TransactionCancelled:
            return
        self.undelivered.append(ChangeRecord(str(self.now), "core", key, dict(before), dict(after)))

    def deliver(self, change: ChangeRecord) -> None:
        self.items.write([write for write in writes_of(change, shards=1) if write.key.table == "idx"])
        self.delivered.append(change)

    def index(self) -> set[Key]:
        partitions = [keys.index_partition(ORG, INBOX, "M", label) for label in (keys.ALL, *LABELS, "received")]
        partitions.append(keys.index_partition(ORG, INBOX, "C", "thread-1"))
        rows = [row for partition in partitions for row in self.items.query(Query("idx", partition, 100))]
        return {Key("idx", row["pk"], row["sk"]) for row in rows}

    def truth(self) -> set[Key]:
        return {entry.key for each in IDS if (record := self.read(each)) for entry in message_entries(ORG, record)}


def created(items: SqliteItemStore) -> World:
    world = World(items)
    for number, message_id in enumerate(IDS):
        record = message_record(message_id, labels=("received",), ts=5000 + number, ver=100)
        items.write([put_entry(entry, record["ver"], 1) for entry in message_entries(ORG, record)])
        items.put(keys.message(ORG, INBOX, message_id), dict(record))
    return world


def play(world: World, writers: list[Writer], choose: random.Random) -> None:
    """Any order of the writers' steps, of deliveries (in order for each item) and of repeated ones. Some writers stop for good, and
    a writer that starts later reads later."""
    waiting = list(writers)
    active: list[Writer] = []
    while waiting or active or world.undelivered:
        move = choose.choice(("start", "step", "step", "step", "deliver", "replay", "crash"))
        if move == "start" and waiting:
            active.append(waiting.pop(0))
        elif move == "step" and active:
            writer = choose.choice(active)
            world.advance(writer)
            if writer.step == 3:
                active.remove(writer)
        elif move == "crash" and active and choose.random() < 0.2:
            active.remove(choose.choice(active))
        elif move == "deliver" and world.undelivered:
            heads = {change.key: change for change in reversed(world.undelivered)}
            change = choose.choice(sorted(heads.values(), key=lambda head: head.key.sk))
            world.undelivered.remove(change)
            world.deliver(change)
        elif move == "replay" and world.delivered:
            world.deliver(choose.choice(world.delivered))


WRITERS = st.lists(
    st.builds(Writer, message_id=st.sampled_from(IDS), label=st.sampled_from(LABELS), add=st.booleans()), min_size=1, max_size=7
)


@given(WRITERS, st.integers(0, 2**32))
@settings(max_examples=120, deadline=None)
def test_no_entry_is_ever_missing_whatever_the_order(writers: list[Writer], seed: int) -> None:
    database = Database(MEMORY)
    try:
        world = created(SqliteItemStore(database))

        play(world, [Writer(each.message_id, each.label, each.add) for each in writers], random.Random(seed))

        assert world.truth() <= world.index()
    finally:
        database.close()


def test_at_rest_without_crashes_the_index_is_the_truth() -> None:
    database = Database(MEMORY)
    world = created(SqliteItemStore(database))

    for label in LABELS:
        for add in (True, False, True):
            writer = Writer(IDS[0], label, add)
            for _ in range(3):
                world.advance(writer)
    for change in [*world.undelivered, *world.undelivered]:
        world.deliver(change)

    assert world.index() == world.truth()
    database.close()


def test_a_replayed_removal_does_not_take_away_what_was_added_again() -> None:
    database = Database(MEMORY)
    world = created(SqliteItemStore(database))
    for add in (True, False, True):
        writer = Writer(IDS[0], "work", add)
        for _ in range(3):
            world.advance(writer)

    removal = world.undelivered[1]
    world.deliver(removal)
    world.deliver(removal)

    assert world.truth() <= world.index()
    database.close()
