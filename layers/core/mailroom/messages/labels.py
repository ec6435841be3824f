"""Labels: their form, their kinds and what a client may do with them (spec: labels.md)."""

from __future__ import annotations

from collections.abc import Iterable

from mailroom.callers import RESTRICTED_LABELS, Caller
from mailroom.errors import FieldError, MissingPermission, ValidationError

SYSTEM = frozenset(
    {
        "received",
        "sent",
        "delivered",
        "bounced",
        "complained",
        "delayed",
        "rejected",
        "opened",
        "scheduled",
        "agent-armor-held",
    }
)
RESTRICTED = frozenset(RESTRICTED_LABELS)

MAX_LENGTH = 256
MAX_PER_MESSAGE = 100


def ordered(labels: Iterable[str]) -> list[str]:
    """Without duplicates, system labels first, each kind sorted."""
    return sorted(set(labels), key=lambda label: (label not in SYSTEM, label))


def normalize(label: str) -> str:
    """Trimmed and in lower case. Raises ValueError with a message for the caller."""
    form = label.strip().lower()
    if not form:
        raise ValueError("Label is empty")
    if len(form) > MAX_LENGTH:
        raise ValueError(f"Label is longer than {MAX_LENGTH} characters")
    if not form.isprintable():
        raise ValueError("Label contains characters that cannot be printed")
    return form


def visibility(labels: Iterable[str]) -> int:
    """The class under which an item is indexed: 1 when default lists leave it out."""
    return int(not RESTRICTED.isdisjoint(labels))


def changeable(label: str) -> str:
    """The normal form of a label that a client may add or remove. Raises ValueError for a system label."""
    form = normalize(label)
    if form in SYSTEM:
        raise ValueError(f"{form} is a system label; only the service sets it")
    return form


def sendable(label: str) -> str:
    """The normal form of a label that a new message may be given. Raises ValueError for system and restricted ones."""
    form = changeable(label)
    if form in RESTRICTED:
        raise ValueError(f"{form} cannot be set on a new message")
    return form


def require_change(add: Iterable[str], remove: Iterable[str], caller: Caller) -> None:
    """Raises ValidationError where nothing is asked for, MissingPermission for a restricted label the key may not read."""
    wanted = {*add, *remove}
    if not wanted:
        raise ValidationError(
            FieldError((name,), "Name at least one label to add or remove") for name in ("add_labels", "remove_labels")
        )
    for label in sorted(wanted & caller.unreadable_labels()):
        raise MissingPermission.of(f"label_{label}_read")


def changed(labels: Iterable[str], *, add: Iterable[str], remove: Iterable[str]) -> list[str]:
    """The labels afterwards; removal wins. Raises ValidationError where additions exceed the limit of a message."""
    before = set(labels)
    after = (before | set(add)) - set(remove)
    if len(after) > MAX_PER_MESSAGE and after - before:
        raise ValidationError.at("add_labels", f"A message has at most {MAX_PER_MESSAGE} labels")
    return ordered(after)
