"""Real mail through the whole product: in by SMTP, read by API, byte for byte the same."""

from __future__ import annotations

import contextlib
import json
import smtplib
import tarfile
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from mailroom.config import Config
from tests.support.polling import eventually
from tests.support.stacks import Mailbox, SqliteStack

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "mails.tar.xz"
REQUIRED_SHARE = 0.98

pytestmark = pytest.mark.skipif(not CORPUS.exists(), reason="the mail corpus is not at ../shared/corpus")


@dataclass(frozen=True)
class Taken:
    stack: Mailbox
    expected: dict[str, dict[str, str]]
    sent: dict[str, bytes]
    """Name -> the mail as it went over the wire."""
    refused: dict[str, str]
    shown: dict[str, dict[str, Any]]
    """Name -> the message, read by API."""
    web: httpx.Client

    def download(self, link: str) -> bytes:
        return self.web.get(link).content


@pytest.fixture(scope="module")
def taken() -> Iterator[Taken]:
    """Every mail to an inbox of its own, so that equal ids do not meet."""
    with tarfile.open(CORPUS) as archive:
        files = ((member.name.removeprefix("./"), archive.extractfile(member)) for member in archive if member.isfile())
        content = {name: file.read() for name, file in files if file is not None}
    expected = json.loads(content.pop("expected.json"))
    mails = {name: on_the_wire(raw) for name, raw in content.items() if name.endswith(".eml")}
    with SqliteStack(Config(rate_per_second=0)) as running, contextlib.closing(Mailbox(running)) as stack, httpx.Client() as web:
        inboxes = {name: stack.http.post("/inboxes").json()["inbox_id"] for name in mails}
        refused: dict[str, str] = {}
        for name, raw in mails.items():
            try:
                stack.deliver(raw, inboxes[name], sender="")
            except smtplib.SMTPResponseException as error:
                refused[name] = f"{error.smtp_code} {error.smtp_error!r}"
        eventually(lambda: running.queues.size("inbound") == 0)
        assert running.queues.size("inbounddeadletter") == 0
        shown = {name: read(stack, inbox) for name, inbox in inboxes.items() if name not in refused}
        yield Taken(stack, expected, mails, refused, shown, web)


def on_the_wire(raw: bytes) -> bytes:
    """As `smtplib` sends it: lines end in CRLF, the last one too."""
    return raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").rstrip(b"\n").replace(b"\n", b"\r\n") + b"\r\n"


def read(stack: Mailbox, inbox: str) -> dict[str, Any]:
    [listed] = stack.http.get(f"/inboxes/{inbox}/messages").json()["messages"]
    return dict(stack.http.get(at(listed)).json())


def at(message: dict[str, Any]) -> str:
    return f"/inboxes/{message['inbox_id']}/messages/{quote(message['message_id'], safe='')}"


def test_every_mail_is_taken(taken: Taken) -> None:
    assert taken.refused == {}
    assert len(taken.shown) > 200


def test_every_mail_is_kept_byte_for_byte(taken: Taken) -> None:
    for name, message in taken.shown.items():
        link = taken.stack.http.get(at(message) + "/raw").json()["download_url"]
        assert taken.download(link) == taken.sent[name], name


def test_every_attachment_can_be_had_in_its_size(taken: Taken) -> None:
    for message in taken.shown.values():
        for each in message.get("attachments", ()):
            found = taken.stack.http.get(f"{at(message)}/attachments/{each['attachment_id']}").json()
            assert len(taken.download(found["download_url"])) == each["size"]


def test_nearly_all_that_two_parsers_agree_on_is_shown(taken: Taken) -> None:
    failing, checked = [], 0

    for name, fields in taken.expected.items():
        for field, value in fields.items():
            checked += 1
            if normal(field_of(taken.shown[name], field)) != normal(value):
                failing.append((name, field))

    assert checked > 400
    assert len(failing) <= (1 - REQUIRED_SHARE) * checked, failing


def field_of(message: dict[str, Any], field: str) -> str:
    text = str(message.get(field, ""))
    return text.rpartition("<")[2].removesuffix(">") if field == "from" else text


def normal(text: str | None) -> str:
    text = unicodedata.normalize("NFC", text or "").replace("\r\n", "\n").replace("\xa0", " ")
    return "\n".join(line.rstrip() for line in text.split("\n")).strip().lower()
