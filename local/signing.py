"""What a custom domain's mail gets on its way out: a signature with the domain's key, and a return path at `mail.{domain}`.

Once, when the mail is accepted, so that every attempt to deliver it carries the same bytes.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from local import canonical
from local.addresses import bounce_address, signing_domain
from mailroom.domains.claims import claim_keys, domain_of
from mailroom.ports import MailerRefused

if TYPE_CHECKING:
    from local.identities import LocalIdentities, SigningKey
    from mailroom.ports import OutgoingMail
    from mailroom.store.port import ItemStore

# RFC 6376, 5.4.1.
SIGNED = frozenset(
    b"from sender reply-to subject date message-id to cc mime-version content-type content-transfer-encoding "
    b"in-reply-to references list-id list-unsubscribe list-unsubscribe-post list-help list-post".split()
)
FROZEN = (b"from", b"to", b"cc", b"subject", b"date", b"message-id", b"reply-to")
"""Signed once more than they are there, so that none can be added to the mail (RFC 6376, 8.15)."""

_RELAXED = (b"relaxed", b"relaxed")

_log = logging.getLogger(__name__)


class Departure(NamedTuple):
    raw: bytes
    bounces_to: str
    """The envelope sender."""


class Signer:
    def __init__(self, *, items: ItemStore, identities: LocalIdentities, domain: str) -> None:
        """`domain` is the default one, whose mail leaves as it is."""
        self._items = items
        self._identities = identities
        self._domain = domain

    def prepare(self, mail: OutgoingMail, raw: bytes) -> Departure:
        """`raw` with its Message-ID. Raises MailerRefused where it cannot be signed."""
        o, inbox = mail.organization_id, mail.return_path
        wanted = claim_keys(domain_of(inbox), default_domain=self._domain)
        registered = signing_domain(o, inbox, self._items.batch_get(wanted), domain=self._domain) if wanted else None
        if registered is None:
            return Departure(raw, inbox)
        key = self._identities.key(registered, o)
        if key is None:
            _log.warning("no signing key of a domain that sends")
            return Departure(raw, bounce_address(inbox, registered))
        return Departure(signed(raw, key), bounce_address(inbox, registered))


def signed(raw: bytes, key: SigningKey) -> bytes:
    """The mail with a DKIM-Signature in front. Raises MailerRefused."""
    # Loaded by those who have custom domains.
    import dkim  # type: ignore[import-untyped]

    head, body = canonical.split(raw)
    try:
        signer = dkim.DKIM(head)
        signer.body = canonical.prepared(body, relaxed=True)
        present = [name.lower() for name, _ in signer.headers if name.lower() in SIGNED]
        field: bytes = signer.sign(
            key.selector.encode(), key.domain.encode(), key.private_key, canonicalize=_RELAXED, include_headers=[*present, *FROZEN]
        )
    except dkim.DKIMException as error:
        _log.exception("a mail cannot be signed")
        raise MailerRefused("The message cannot be signed") from error
    return field + raw
