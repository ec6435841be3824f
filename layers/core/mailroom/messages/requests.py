"""Bodies of the four sending routes (spec: messages.md, "Sending")."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any, Literal, NotRequired, TypedDict

from mailroom.errors import FieldError, ValidationError
from mailroom.http.body import Body, Schema, boolean, checked, list_of, map_of, object_of, one_of, string, strings
from mailroom.mail.addresses import check_address
from mailroom.mail.headers import check_headers
from mailroom.messages.labels import MAX_PER_MESSAGE, sendable

MAX_SUBJECT = 998
MAX_FILENAME = 255

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SPACE = re.compile(r"[ \t\r\n]+")
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,64}/[A-Za-z0-9!#$&^_.+-]{1,64}( *;[ -~]{0,400})?")
_CONTENT_ID = re.compile(r"[!-;=?-~]{1,500}")


class AttachmentBody(TypedDict):
    content: NotRequired[bytes]
    url: NotRequired[str]
    filename: NotRequired[str]
    content_type: NotRequired[str]
    content_disposition: NotRequired[Literal["inline", "attachment"]]
    content_id: NotRequired[str]


class MailBody(TypedDict):
    """What the four routes have in common; each route's body has the fields that it declares."""

    to: NotRequired[list[str]]
    cc: NotRequired[list[str]]
    bcc: NotRequired[list[str]]
    reply_to: NotRequired[list[str]]
    subject: NotRequired[str]
    text: NotRequired[str]
    html: NotRequired[str]
    labels: NotRequired[list[str]]
    attachments: NotRequired[list[AttachmentBody]]
    headers: NotRequired[dict[str, str]]
    track_opens: NotRequired[bool]
    reply_all: NotRequired[bool]
    force: NotRequired[bool]
    """Beyond the original: answers automatic mail, too (docs/loops.md)."""


class SendingBody(Body[MailBody]):
    """Fields that depend on each other are checked beside the single ones, so that one answer names them all."""

    def check(self, value: Mapping[str, Any]) -> MailBody:
        errors: list[FieldError] = []
        body: MailBody = {}
        try:
            body = super().check(value)
        except ValidationError as error:
            errors.extend(error.errors)
        headers = value.get("headers")
        if isinstance(headers, dict) and all(isinstance(part, str) for pair in headers.items() for part in pair):
            errors.extend(check_headers(headers))
        errors.extend(_contradictions(body))
        if errors:
            raise ValidationError(errors)
        return body


def _contradictions(body: MailBody) -> list[FieldError]:
    errors = []
    if body.get("reply_all") and any(body.get(name) for name in ("to", "cc", "bcc")):
        errors.append(FieldError(("reply_all",), "reply_all cannot be combined with to, cc or bcc"))
    if len({*body.get("labels", ()), "sent"}) > MAX_PER_MESSAGE:
        errors.append(FieldError(("labels",), f"A message has at most {MAX_PER_MESSAGE} labels"))
    return errors


def _address(value: str) -> str:
    return check_address(value).render()


def subject_line(value: str) -> str:
    """Raises ValueError."""
    if len(value) > MAX_SUBJECT:
        raise ValueError(f"Subject is longer than {MAX_SUBJECT} characters")
    if "\r" in value or "\n" in value:
        raise ValueError("Subject must not contain line breaks")
    return value


def _base64(value: str) -> bytes:
    try:
        return base64.b64decode(_SPACE.sub("", value) if _SPACE.search(value) else value, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("Content is not base64") from None


def _filename(value: str) -> str:
    if len(value) > MAX_FILENAME:
        raise ValueError(f"Filename is longer than {MAX_FILENAME} characters")
    if _CONTROL.search(value):
        raise ValueError("Filename contains control characters")
    return value


def _media_type(value: str) -> str:
    if not _MEDIA_TYPE.fullmatch(value):
        raise ValueError("Not a media type such as image/png")
    return value


def _content_id(value: str) -> str:
    inner = value.removeprefix("<").removesuffix(">")
    if not _CONTENT_ID.fullmatch(inner):
        raise ValueError("Not a content id")
    return inner


def _one_source(value: AttachmentBody) -> AttachmentBody:
    if ("content" in value) == ("url" in value):
        raise ValueError("Give exactly one of content and url")
    return value


def attachment() -> Schema:
    fields = object_of(
        content=checked(string(), _base64),
        url=string(low=1),
        filename=checked(string(), _filename),
        content_type=checked(string(), _media_type),
        content_disposition=one_of("inline", "attachment"),
        content_id=checked(string(), _content_id),
    )
    return checked(fields, _one_source)


def addresses() -> Schema:
    """A list of them, or a single one."""
    return strings(checked(string(), _address))


def _body(**own: Schema) -> SendingBody:
    """The fields of one route on top of those that all have."""
    fields: dict[str, Any] = {
        "reply_to": addresses(),
        "text": string(),
        "html": string(),
        "labels": list_of(checked(string(), sendable)),
        "attachments": list_of(attachment()),
        "headers": map_of(string()),
        "track_opens": boolean(),
        "force": boolean(),
        **own,
    }
    return SendingBody(object_of(**fields))


SEND = _body(to=addresses(), cc=addresses(), bcc=addresses(), subject=checked(string(), subject_line))
FORWARD = SEND
REPLY = _body(to=addresses(), cc=addresses(), bcc=addresses(), reply_all=boolean())
REPLY_ALL = _body()
