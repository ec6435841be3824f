"""Which operation a path below `/messages/` means when the message id contains raw slashes (spec: messages.md, "Path parsing")."""

from __future__ import annotations

import re
from typing import NamedTuple

from mailroom.errors import MethodNotAllowed, NotFound
from mailroom.http.paths import raw_tail

_BASE = "/inboxes/{inbox_id}/messages"
_MESSAGE = _BASE + "/{message_id}"
_ATTACHMENT = re.compile(r"(?s)(?P<id>.+)/attachments/(?P<attachment>[^/]+)")
_ACTION = re.compile(r"(?s)(?P<id>.+)/(?P<action>raw|reply|reply-all|forward|agent-armor/feedback|agent-armor/release)")

_OPERATIONS: dict[str, dict[str, str]] = {
    "": {"GET": "get_message", "PATCH": "update_message", "DELETE": "delete_message"},
    "attachments": {"GET": "get_message_attachment"},
    "raw": {"GET": "get_raw_message"},
    "reply": {"POST": "reply_to_message"},
    "reply-all": {"POST": "reply_all_to_message"},
    "forward": {"POST": "forward_message"},
}


class Operation(NamedTuple):
    name: str
    """Of the function."""
    resource: str
    path: str
    """With the id's slashes encoded: one segment, still to be decoded once."""


def operation(method: str, path: str) -> Operation:
    """`path` is undecoded. Raises NotFound for a shape that no operation has, MethodNotAllowed for another method."""
    tail = raw_tail(_BASE + "/{proxy+}", path)
    head = path.removesuffix(tail).rstrip("/")
    if match := _ATTACHMENT.fullmatch(tail):
        return _operation(
            method, "attachments", head, match["id"], "/attachments/{attachment_id}", f"/attachments/{match['attachment']}"
        )
    if match := _ACTION.fullmatch(tail):
        return _operation(method, match["action"], head, match["id"], f"/{match['action']}", f"/{match['action']}")
    return _operation(method, "", head, tail, "", "")


def _operation(method: str, shape: str, head: str, message_id: str, resource: str, rest: str) -> Operation:
    names = _OPERATIONS.get(shape)
    if names is None:
        raise NotFound
    if method not in names:
        raise MethodNotAllowed
    return Operation(names[method], _MESSAGE + resource, f"{head}/{message_id.replace('/', '%2F')}{rest}")
