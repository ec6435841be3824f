"""The new content of a received mail, without the history it quotes (spec: messages.md, extracted_text / extracted_html)."""

from __future__ import annotations

from typing import Final

from mailroom.mail.replies_lines import QUOTED, UNQUOTED, Line, find_cut

LONGEST_TEXT: Final = 2_000_000
"""Characters. A longer text comes back unchanged, and so does one of more than `MOST_LINES` lines."""
MOST_LINES: Final = 50_000


def extract_text(text: str) -> str:
    """The text up to where quoted or forwarded history begins.

    The same object when nothing is cut: no history, answers interleaved with quotes or below them, nothing but history, or more
    than the limits allow. Signatures are content and stay, unless they follow the history. Never raises; linear time.
    """
    if len(text) > LONGEST_TEXT or text.count("\n") > MOST_LINES:
        return text
    raw = text.splitlines(keepends=True)
    cut = find_cut(_lines(raw))
    return text if cut is None else "".join(raw[:cut]).rstrip()


def extract_html(html: str) -> str:
    """The HTML without quoted or forwarded history, by the same rules as `extract_text`; markup decides where it is telling.

    The same object when nothing is cut or the markup is beyond what is taken apart (`replies_html`). Otherwise a document stays a
    document and a fragment a fragment. Never raises.
    """
    from mailroom.mail.replies_html import extract  # lxml costs tens of milliseconds to import; text alone does not need it

    return extract(html)


def _lines(raw: list[str]) -> list[Line]:
    lines: list[Line] = []
    open_address = False
    for item in raw:
        text = item.strip()
        quoted = text[:1] == ">" and not text.startswith(">From ") and not (open_address and text[-1] == ":" and len(text) < 60)
        lines.append(Line(item.rstrip(), QUOTED if quoted else UNQUOTED))
        # "<ann@example.com" at the end of a line: the ">" that opens the next one closes the address
        open_address = not quoted and "<" in text and text.rfind("<") > text.rfind(">") and "@" in text[text.rfind("<") :]
    return lines
