"""What travels over a socket, apart from events: a client's `subscribe`, and the answers to it (spec: websockets.md, "Frames")."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypedDict

from mailroom.errors import MailroomError, ValidationError
from mailroom.events import types
from mailroom.events.channels import MAX_CHANNELS
from mailroom.http.body import Body, decode, integer, list_of, object_of, one_of, string

LISTS = ("event_types", "inbox_ids", "pod_ids")
_MAX_POSITION = 2**53 - 1


class Subscribe(TypedDict, total=False):
    type: str
    event_types: list[str]
    inbox_ids: list[str]
    pod_ids: list[str]
    after: int
    """Position in the organization's log behind which to start; absent: now."""


SUBSCRIBE: Body[Subscribe] = Body(
    object_of(
        ("type",),
        type=one_of("subscribe"),
        event_types=list_of(one_of(*types.ALL, *types.LATER), high=100),
        inbox_ids=list_of(string()),
        pod_ids=list_of(string()),
        after=integer(0, _MAX_POSITION),
    )
)


def read_subscribe(text: str) -> Subscribe:
    """Raises ValidationError."""
    wanted = SUBSCRIBE.check(decode(text))
    if len(wanted.get("inbox_ids", ())) + len(wanted.get("pod_ids", ())) > MAX_CHANNELS:
        field = "inbox_ids" if wanted.get("inbox_ids") else "pod_ids"
        raise ValidationError.at(field, f"At most {MAX_CHANNELS} pods and inboxes")
    return wanted


def subscribed_text(accepted: Mapping[str, Any], *, position: int | None = None) -> str:
    """The echo of a filter: lists that were absent stay absent. `position` only for who asked to start behind one."""
    frame: dict[str, Any] = {"type": "subscribed", **{name: accepted[name] for name in LISTS if name in accepted}}
    if position is not None:
        frame["position"] = position
    return _dumped(frame)


def error_text(error: MailroomError) -> str:
    frame = {"type": "error", "name": error.name, "message": error.message, "code": error.code}
    return _dumped(frame if error.fix is None else {**frame, "fix": error.fix})


def _dumped(frame: Mapping[str, Any]) -> str:
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"))
