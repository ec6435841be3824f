"""The item store as the domain sees it: small typed values in, plain items out.

Semantics are DynamoDB's (the reference), on one machine SQLite's: reads of a table are strongly consistent, reads of an index
may lag; a failed condition hands back the item that stood in the way; a transaction is all or nothing over at most 100 items.
Values are str, int, bool, bytes, list and dict (of the same); no floats, no None, no empty key strings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

Table = Literal["core", "idx", "ev", "eph"]
Index = Literal["by_pod", "by_org"]
Item = dict[str, Any]
"""Attributes of one row. Stored items carry `pk` and `sk` themselves; `ttl` is in whole seconds since the epoch."""

MAX_TRANSACTION = 100
MAX_ITEM_BYTES = 400 * 1024


class Key(NamedTuple):
    table: Table
    pk: str
    sk: str

    @classmethod
    def of(cls, table: Table, row: Mapping[str, Any]) -> Key:
        """Where a row that was read stands."""
        return cls(table, row["pk"], row["sk"])


def without_key(row: Mapping[str, object]) -> Item:
    """What was stored: a row that was read says where it stands, too."""
    return {name: value for name, value in row.items() if name not in ("pk", "sk")}


# Named tuples where dataclasses would do: making twenty frozen dataclasses costs 10 ms of every cold start. Absent and Present are
# none, because an empty tuple is false.


# --- conditions on the one item an action names -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Absent:
    """The item does not exist."""


@dataclass(frozen=True, slots=True)
class Present:
    """The item exists."""


class Lacks(NamedTuple):
    """The item has no such attribute (or does not exist)."""

    attribute: str


class Equals(NamedTuple):
    """False where the attribute is missing."""

    attribute: str
    value: str | int | bool


class AtMost(NamedTuple):
    """False where the attribute is missing."""

    attribute: str
    value: int


class AtLeast(NamedTuple):
    """False where the attribute is missing."""

    attribute: str
    value: int


class AllOf(NamedTuple):
    conditions: tuple[Condition, ...]


class AnyOf(NamedTuple):
    conditions: tuple[Condition, ...]


Condition = Absent | Present | Lacks | Equals | AtMost | AtLeast | AllOf | AnyOf


def all_of(*conditions: Condition) -> AllOf:
    return AllOf(conditions)


def any_of(*conditions: Condition) -> AnyOf:
    return AnyOf(conditions)


# --- changes of attributes ----------------------------------------------------------------------------------------------


class Set(NamedTuple):
    attribute: str
    value: Any


class Add(NamedTuple):
    """Adds to a number; a missing attribute counts as 0."""

    attribute: str
    amount: int


class Remove(NamedTuple):
    attribute: str


Change = Set | Add | Remove


# --- writes -------------------------------------------------------------------------------------------------------------


class Put(NamedTuple):
    """Writes the whole item; the adapter adds `pk` and `sk`."""

    key: Key
    item: Item
    condition: Condition | None = None


class Update(NamedTuple):
    """Creates the item where it is missing, unless the condition says otherwise."""

    key: Key
    changes: tuple[Change, ...]
    condition: Condition | None = None


class Delete(NamedTuple):
    """Deleting what is not there succeeds."""

    key: Key
    condition: Condition | None = None


class Check(NamedTuple):
    """Only in a transaction: the condition must hold, nothing changes."""

    key: Key
    condition: Condition


Action = Put | Update | Delete | Check


# --- reads --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Query:
    """Items of one partition with `low <= sk <= high`, in order of (sk, pk), at most `limit` of them.

    With an index, `pk` is compared with the attribute of the index's name and only keys come back (`pk`, `sk` and that attribute).
    `start` is the key of the last item already seen: reading goes on behind it.
    """

    table: Table
    pk: str
    limit: int
    low: str | None = None
    high: str | None = None
    descending: bool = False
    index: Index | None = None
    start: tuple[str, str] | None = None
    """(pk, sk) of the item to start behind."""


class Reads(NamedTuple):
    """Independent reads that cost one sequential trip together."""

    keys: tuple[Key, ...] = ()
    queries: tuple[Query, ...] = ()


@dataclass(slots=True)
class Fetched:
    items: dict[Key, Item] = field(default_factory=dict)
    """Only the keys that exist."""
    pages: dict[Query, list[Item]] = field(default_factory=dict)


# --- failures -----------------------------------------------------------------------------------------------------------


class StoreError(Exception):
    """Anything the store could not do."""


class ConditionFailed(StoreError):
    """`item` is what stood there (None where nothing did)."""

    def __init__(self, item: Item | None) -> None:
        self.item = item
        super().__init__("condition failed")


class TransactionCancelled(StoreError):
    """`failures` maps the position of each action whose condition failed to the item that stood there."""

    def __init__(self, failures: Mapping[int, Item | None]) -> None:
        self.failures = dict(failures)
        super().__init__(f"conditions failed at {sorted(self.failures)}")


class StoreBusy(StoreError):
    """Throttled, in conflict or unreachable also after bounded retries. Nothing was written, unless the answer itself was lost:
    whoever repeats a write must guard it by its condition."""


class ItemTooLarge(StoreError):
    """Over 400 KB. Nothing was written."""


class ItemStore(Protocol):
    """Every method is one sequential trip on the meter (`store.meter`), whatever the number of items up to the batch size."""

    def get(self, key: Key) -> Item | None: ...

    def batch_get(self, keys: Sequence[Key]) -> dict[Key, Item]:
        """Any number of keys, in any tables; only those that exist come back."""
        ...

    def query(self, query: Query) -> list[Item]: ...

    def fetch(self, reads: Reads) -> Fetched:
        """All reads at once: one trip."""
        ...

    def put(self, key: Key, item: Item, condition: Condition | None = None) -> None:
        """Raises ConditionFailed."""
        ...

    def update(self, key: Key, changes: Sequence[Change], condition: Condition | None = None) -> Item:
        """The item afterwards. Raises ConditionFailed."""
        ...

    def delete(self, key: Key, condition: Condition | None = None) -> Item | None:
        """The item as it was. Raises ConditionFailed."""
        ...

    def write(self, actions: Sequence[Put | Update | Delete]) -> list[bool]:
        """Many single writes, each on its own, in any order; False where a condition failed. Not atomic, safe to repeat."""
        ...

    def transact(self, actions: Sequence[Action]) -> None:
        """All or nothing; at most 100 distinct items. Raises TransactionCancelled."""
        ...


class ChangeRecord(NamedTuple):
    """One change of a row of `core` (old and new image) or `ev` (new image), in order per item, at least once."""

    sequence: str
    table: Table
    key: Key
    old: Item | None
    new: Item | None


class ChangeFeed(Protocol):
    """What the stream workers are fed from: DynamoDB Streams, or the embedded store's change log."""

    def read(self, position: str | None, limit: int) -> tuple[list[ChangeRecord], str | None]:
        """Changes behind a position (None: the oldest kept), and the position behind the last of them."""
        ...
