"""Mails to measure with."""

from __future__ import annotations

import random
from email.message import EmailMessage

_WORDS = "the mail an agent reads every morning holds numbers names and a question that wants an answer today".split()


def mail(recipient: str, number: int, size: int = 12 * 1024, *, attachment: bytes = b"") -> bytes:
    """About `size` bytes of text and HTML with a quoted original."""
    dice = random.Random(number)
    lines: list[str] = []
    while sum(map(len, lines)) < size * 0.42:
        lines.append(" ".join(dice.choices(_WORDS, k=11)) + ".")
    message = EmailMessage()
    message["From"] = f"Sender {number} <sender{number}@example.com>"
    message["To"] = recipient
    message["Subject"] = f"Report {number}"
    message["Message-ID"] = f"<{number}.{dice.getrandbits(64):x}@example.com>"
    message["Date"] = "Mon, 02 Nov 2026 10:00:00 +0000"
    text = "\n".join(
        [*lines[: len(lines) // 2], "", "On Sun, 1 Nov 2026, Agent wrote:", *("> " + line for line in lines[len(lines) // 2 :])]
    )
    message.set_content(text)
    message.add_alternative("<html><body><p>" + "</p><p>".join(lines) + "</p></body></html>", subtype="html")
    if attachment:
        message.add_attachment(attachment, maintype="application", subtype="octet-stream", filename="data.bin")
    return message.as_bytes().replace(b"\n", b"\r\n")
