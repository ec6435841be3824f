"""Parsing never raises, and what it yields can be stored, whatever the bytes."""

from __future__ import annotations

import dataclasses
import json
import tarfile
from functools import cache
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailroom.mail.parse import parse
from mailroom.mail.parsed import ParsedMail

CORPUS = Path(__file__).parents[4] / "shared" / "corpus" / "mails.tar.xz"
BUGS = ("header:", "addresses:", "fields:", "structure:", "content:", "identity:")
FALLBACK = (
    b"From: A <a@b>\r\nSubject: =?utf-8?q?x?=\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n"
    b"--b\r\nContent-Type: image/png; name*0*=utf-8''a;\r\nContent-Transfer-Encoding: base64\r\n\r\ncG5n\r\n--b--\r\n"
)
PIECES = [
    *(
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b"=?",
        b"?=",
        b"=?utf-8?b?",
        b"=?utf-7?q?+2AA-?=",
        b"<",
        b">",
        b"(",
        b'"',
        b"@",
        b",",
        b";",
        b":",
    ),
    *(b"--b", b"--b--", b"\r\n\r\n", b"From: ", b"To: ", b"Subject: ", b"Message-ID: ", b"References: ", b"Content-ID: <"),
    *(
        b"Content-Type: multipart/mixed; boundary=b\r\n",
        b"Content-Type: message/rfc822\r\n",
        b"Content-Type: text/html; charset=utf-16",
    ),
    *(
        b"Content-Transfer-Encoding: base64\r\n",
        b"Content-Disposition: attachment; filename*0*=",
        b"utf-8''%ff",
        b"\xff\xfe",
        b"\xed\xa0\x80",
    ),
]


@cache
def real_mails() -> list[bytes]:
    if not CORPUS.exists():
        return [FALLBACK]
    with tarfile.open(CORPUS) as archive:
        files = [archive.extractfile(member) for member in archive if member.name.endswith(".eml") and member.size < 20_000]
        return [file.read() for file in files if file is not None]


def is_storable(mail: ParsedMail) -> bool:
    without_data = dataclasses.replace(mail, attachments=[dataclasses.replace(item, data=b"") for item in mail.attachments])
    text = json.dumps(dataclasses.asdict(without_data), ensure_ascii=False, default=bytes.decode)
    text.encode("utf-8")
    return "\\u0000" not in text


def holds(raw: bytes) -> None:
    mail = parse(raw)

    assert is_storable(mail)
    assert [defect for defect in mail.defects if defect.startswith(BUGS)] == []


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=2_000))
def test_any_bytes_are_read(raw: bytes) -> None:
    holds(raw)


@settings(max_examples=500, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=20)), max_size=40))
def test_any_heap_of_mail_fragments_is_read(pieces: list[bytes]) -> None:
    holds(b"".join(pieces))


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_damaged_mail_is_read(data: st.DataObject) -> None:
    raw = data.draw(st.deferred(lambda: st.sampled_from(real_mails())))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(raw)))
        cut = data.draw(st.integers(0, 60))
        raw = raw[:at] + data.draw(st.one_of(st.sampled_from(PIECES), st.binary(max_size=8))) + raw[at + cut :]

    holds(raw)
