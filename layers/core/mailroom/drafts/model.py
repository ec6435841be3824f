"""Bodies of the draft endpoints (spec: drafts.md). `cancel_on` and `force` go beyond the original (docs/drafts.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

from mailroom.drafts.record import CancelOn
from mailroom.errors import FieldError, ValidationError
from mailroom.http.body import Body, Schema, boolean, checked, client_id, instant, list_of, object_of, one_of, string, strings
from mailroom.messages.labels import MAX_PER_MESSAGE, changeable, sendable
from mailroom.messages.requests import AttachmentBody, addresses, attachment, subject_line

MAX_AHEAD_MS = 365 * 24 * 3600 * 1000
RECIPIENTS = ("to", "cc", "bcc")
CLEARABLE = ("reply_to", *RECIPIENTS, "subject", "text", "html", "send_at", "cancel_on")


class DraftFields(TypedDict):
    """What create and update have in common. None, in an update, clears."""

    reply_to: NotRequired[list[str] | None]
    to: NotRequired[list[str] | None]
    cc: NotRequired[list[str] | None]
    bcc: NotRequired[list[str] | None]
    subject: NotRequired[str | None]
    text: NotRequired[str | None]
    html: NotRequired[str | None]
    send_at: NotRequired[int | None]
    """Microseconds."""
    cancel_on: NotRequired[CancelOn | None]
    force: NotRequired[bool]


class CreateDraft(DraftFields):
    labels: NotRequired[list[str]]
    attachments: NotRequired[list[AttachmentBody]]
    in_reply_to: NotRequired[str]
    forward_of: NotRequired[str]
    reply_all: NotRequired[bool]
    client_id: NotRequired[str]


class UpdateDraft(DraftFields):
    add_attachments: NotRequired[list[AttachmentBody]]
    remove_attachments: NotRequired[list[str]]
    add_labels: NotRequired[list[str]]
    remove_labels: NotRequired[list[str]]


class SendDraft(TypedDict):
    add_labels: NotRequired[list[str]]
    remove_labels: NotRequired[list[str]]
    force: NotRequired[bool]


class CreateBody(Body[CreateDraft]):
    """Fields that depend on each other are checked beside the single ones, so that one answer names them all."""

    def check(self, value: Mapping[str, Any]) -> CreateDraft:
        errors: list[FieldError] = []
        body: CreateDraft = {}
        try:
            body = super().check(value)
        except ValidationError as error:
            errors.extend(error.errors)
        errors.extend(_contradictions(body))
        if errors:
            raise ValidationError(errors)
        return body


def _contradictions(body: CreateDraft) -> list[FieldError]:
    errors = []
    if "in_reply_to" in body and "forward_of" in body:
        errors.append(FieldError(("forward_of",), "forward_of cannot be combined with in_reply_to"))
    if body.get("reply_all") and "in_reply_to" not in body:
        errors.append(FieldError(("reply_all",), "reply_all needs in_reply_to"))
    if body.get("reply_all") and any(body.get(name) for name in RECIPIENTS):
        errors.append(FieldError(("reply_all",), "reply_all cannot be combined with to, cc or bcc"))
    if "cancel_on" in body and not body.keys() & {"in_reply_to", "forward_of"}:
        errors.append(FieldError(("cancel_on",), NO_THREAD))
    if len({*body.get("labels", ()), "sent"}) > MAX_PER_MESSAGE:
        errors.append(FieldError(("labels",), f"A message has at most {MAX_PER_MESSAGE} labels"))
    return errors


NO_THREAD = "cancel_on needs a thread: only replies and forwards have one"


def send_time(microseconds: int, now: int) -> int:
    """Milliseconds. Raises ValidationError for a time that has come, or lies too far ahead."""
    send_at = microseconds // 1000
    if send_at <= now:
        raise ValidationError.at("send_at", "send_at must be in the future")
    if send_at > now + MAX_AHEAD_MS:
        raise ValidationError.at("send_at", "send_at must be at most 365 days ahead")
    return send_at


def _fields() -> dict[str, Schema]:
    return {
        "reply_to": addresses(),
        "to": addresses(),
        "cc": addresses(),
        "bcc": addresses(),
        "subject": checked(string(), subject_line),
        "text": string(),
        "html": string(),
        "send_at": instant(),
        "cancel_on": one_of("reply", "any_inbound"),
        "force": boolean(),
    }


def _labels(rule: Any) -> Schema:
    return strings(checked(string(), rule))


def _create_body() -> CreateBody:
    own: dict[str, Any] = {
        "labels": list_of(checked(string(), sendable)),
        "attachments": list_of(attachment()),
        "in_reply_to": string(),
        "forward_of": string(),
        "reply_all": boolean(),
        "client_id": client_id(),
        **_fields(),
    }
    return CreateBody(object_of(**own))


def _update_body() -> Body[UpdateDraft]:
    own: dict[str, Any] = {
        "add_attachments": list_of(attachment()),
        "remove_attachments": list_of(string()),
        "add_labels": _labels(sendable),
        "remove_labels": _labels(changeable),
        **_fields(),
    }
    return Body(object_of(update=True, nulls=CLEARABLE, **own))


CREATE_DRAFT = _create_body()
UPDATE_DRAFT = _update_body()
SEND_DRAFT: Body[SendDraft] = Body(object_of(add_labels=_labels(sendable), remove_labels=_labels(changeable), force=boolean()))
