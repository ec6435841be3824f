"""The shared reply cases.

They come from suites that strip signatures; ours are content and stay. So a case that strips counts as met when the result is the
expectation, or the expectation followed by nothing but a closing block (sign-off, signature, phone line, list footer): a short
rest that begins with one. Line ends, trailing blanks and outer blank lines are not compared.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from mailroom.mail.replies import extract_html, extract_text

CORPUS = Path(__file__).parents[4] / "shared" / "corpus" / "replies.json"
CLOSING = re.compile(
    r"(--|__|—|-\w|sent (from|via)|get outlook|gesendet|envoyé|inviato|enviado|"
    r"(best |kind |warm )?regards|thanks|cheers|cordialement|mit freundlichen)",
    re.IGNORECASE,
)
LONGEST_CLOSING = 12


def cases() -> list[dict[str, Any]]:
    return json.loads(CORPUS.read_text(encoding="utf-8")) if CORPUS.exists() else []


def comparable(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def is_closing(rest: str) -> bool:
    lines = [line for line in rest.splitlines() if line.strip()]
    return not lines or (len(lines) <= LONGEST_CLOSING and CLOSING.match(lines[0].strip()) is not None)


def is_met(case: dict[str, Any]) -> bool:
    extract = extract_html if case["kind"] == "html" else extract_text
    result, expected = comparable(extract(case["body"])), comparable(case["expected"])
    if case["sig"] == "strip" and result.startswith(expected):
        return is_closing(result[len(expected) :])
    return result == expected


@pytest.mark.skipif(not CORPUS.exists(), reason="the shared corpus is not at hand")
@pytest.mark.parametrize("case", cases(), ids=lambda case: str(case["id"]))
def test_a_shared_case_yields_its_new_content(case: dict[str, Any]) -> None:
    assert is_met(case)
