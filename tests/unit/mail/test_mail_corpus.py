"""Real mail: what two independent parsers agree on holds here too."""

from __future__ import annotations

import json
import tarfile
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from mailroom.mail.parse import parse
from mailroom.mail.parsed import ParsedMail

CORPUS = Path(__file__).parents[4] / "shared" / "corpus" / "mails.tar.xz"
REQUIRED_SHARE = 0.98

pytestmark = pytest.mark.skipif(not CORPUS.exists(), reason="the mail corpus is not at ../shared/corpus")


@pytest.fixture(scope="module")
def corpus() -> dict[str, bytes]:
    with tarfile.open(CORPUS) as archive:
        files = ((member.name.removeprefix("./"), archive.extractfile(member)) for member in archive if member.isfile())
        return {name: file.read() for name, file in files if file is not None}


@pytest.fixture(scope="module")
def expected(corpus: dict[str, bytes]) -> dict[str, dict[str, str]]:
    loaded: dict[str, dict[str, str]] = json.loads(corpus["expected.json"])
    return loaded


def test_nearly_all_that_two_parsers_agree_on_holds(corpus: dict[str, bytes], expected: dict[str, dict[str, str]]) -> None:
    checked, failing = 0, []

    for name, fields in expected.items():
        mail = parse(corpus[name])
        for field, value in fields.items():
            checked += 1
            if _normal(_field(mail, field)) != _normal(value):
                failing.append((name, field))

    assert checked > 400
    assert len(failing) <= (1 - REQUIRED_SHARE) * checked, failing


def test_no_real_mail_meets_a_bug(corpus: dict[str, bytes]) -> None:
    stages = ("header:", "addresses:", "fields:", "structure:", "content:", "identity:")

    defects = {name: parse(raw).defects for name, raw in corpus.items()}

    assert [item for item in defects.items() if any(defect.startswith(stages) for defect in item[1])] == []


def test_identity_survives_transport(corpus: dict[str, bytes]) -> None:
    broken = []

    for name, raw in corpus.items():
        if (
            name.endswith(".eml")
            and not raw.startswith((b"From ", b">From ", b"\n", b"\r"))
            and b"\r" not in raw.replace(b"\r\n", b"")
        ):
            carried = b"Received: from a by b; Mon, 3 Mar 2025 10:00:00 +0000\r\n" + raw.replace(b"\r\n", b"\n").replace(
                b"\n", b"\r\n"
            )
            if parse(carried).identity != parse(raw).identity:
                broken.append(name)

    # Binary content without a transfer encoding does not survive a change of line ends.
    assert len(broken) <= 3, broken


def _field(mail: ParsedMail, field: str) -> Any:
    return (mail.from_address or mail.from_) if field == "from" else getattr(mail, field)


def _normal(text: str | None) -> str:
    text = unicodedata.normalize("NFC", text or "").replace("\r\n", "\n").replace("\xa0", " ")
    return "\n".join(line.rstrip() for line in text.split("\n")).strip().lower()
