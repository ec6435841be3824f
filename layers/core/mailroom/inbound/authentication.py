"""Whether a mail's From is its author's: what an allow list asks before it lets the mail in (docs/lists.md, "Forged senders").

The provider's SPF and DKIM verdicts say that somebody is authentic, not that it is the one whom From names. Where the domain has a
DMARC policy, its verdict says that too; else the domains are compared here.
"""

from __future__ import annotations

from mailroom.inbound.notice import Arrival
from mailroom.mail.alignment import aligned
from mailroom.mail.parsed import ParsedMail


def authenticated(arrival: Arrival, mail: ParsedMail) -> bool:
    verdicts = arrival.verdicts
    if len(mail.authors) != 1 or verdicts.dmarc == "FAIL" or "PASS" not in (verdicts.spf, verdicts.dkim):
        return False
    if verdicts.dmarc == "PASS":
        return True
    author = _domain(mail.authors[0])
    if verdicts.spf == "PASS" and aligned(author, _domain(arrival.sender)):
        return True
    # The verdict does not say which of the signatures passed.
    return verdicts.dkim == "PASS" and bool(mail.signers) and all(aligned(author, signer) for signer in mail.signers)


def _domain(address: str) -> str:
    return address.strip().strip("<>").rpartition("@")[2]
