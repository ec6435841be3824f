"""Subjects and references of answers (spec: messages.md, "Reply" and "Forward")."""

from __future__ import annotations

from collections.abc import Sequence

from mailroom.mail.msgids import kept_references


def reply_subject(parent: str | None) -> str:
    """`Re: ` before the parent's, unless it begins with `re:` in any case."""
    return _prefixed("Re:", parent, ("re:",))


def forward_subject(parent: str | None) -> str:
    return _prefixed("Fwd:", parent, ("fwd:", "fw:"))


def reply_references(parent_references: Sequence[str], parent_id: str) -> list[str]:
    """The parent's and its id, oldest first; the first and the last 50 are kept."""
    return kept_references([*(item for item in parent_references if item != parent_id), parent_id])


def _prefixed(prefix: str, parent: str | None, present: tuple[str, ...]) -> str:
    subject = (parent or "").strip()
    if subject.lower().startswith(present):
        return subject
    return f"{prefix} {subject}".rstrip()
