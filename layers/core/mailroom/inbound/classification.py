"""What the provider's verdicts mean for an arrived mail (spec: labels.md, "Inbound classification"; a table of that file)."""

from __future__ import annotations

from mailroom.inbound.notice import Verdicts

_NOTHING_KNOWN = frozenset({"GRAY", "PROCESSING_FAILED", "DISABLED"})

EVENT_BY_PRECEDENCE = ("blocked", "spam", "unauthenticated")


def classify(verdicts: Verdicts, *, drop_unauthentic: bool) -> frozenset[str] | None:
    """The labels that the mail gets besides `received` and `unread`; None where it is dropped."""
    if verdicts.virus == "FAIL":
        return None
    labels = set()
    if _forged(verdicts):
        if drop_unauthentic:
            return None
        labels.add("unauthenticated")
    if verdicts.spf in _NOTHING_KNOWN and verdicts.dkim in _NOTHING_KNOWN:
        labels.add("unauthenticated")
    if verdicts.spam == "FAIL":
        labels.add("spam")
    return frozenset(labels)


def event_type(labels: frozenset[str]) -> str:
    for label in EVENT_BY_PRECEDENCE:
        if label in labels:
            return f"message.received.{label}"
    return "message.received"


def _forged(verdicts: Verdicts) -> bool:
    enforced = verdicts.dmarc == "FAIL" and verdicts.policy != "none"
    return verdicts.spf == "FAIL" or verdicts.dkim == "FAIL" or enforced
