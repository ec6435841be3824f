"""Sending domains of one machine: an own DKIM key for each (RSA, 2048 bit), kept with the data."""

from __future__ import annotations

import base64
import secrets
import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from local.store.database import reading
from mailroom.ports import Identity, IdentityState

if TYPE_CHECKING:
    from local.store.database import Database

KEY_BITS = 2048

_TABLE = """
    CREATE TABLE IF NOT EXISTS dkim_key (
        domain TEXT NOT NULL,
        organization_id TEXT NOT NULL,
        selector TEXT NOT NULL,
        private_key BLOB NOT NULL,
        PRIMARY KEY (domain, organization_id)
    )"""


class SigningKey(NamedTuple):
    domain: str
    organization_id: str
    selector: str
    private_key: bytes
    """PEM."""


class LocalIdentities:
    """Implements `ports.Identities`. Nobody has to confirm anything: what DNS says is what counts."""

    def __init__(self, database: Database, *, mail_host: str, spf: str) -> None:
        """`mail_host` is the name under which the SMTP port is reached; `spf` names whoever sends the mail on."""
        self._database = database
        self._mail_host = mail_host
        self._spf = spf
        self.make_key: Callable[[], bytes] = new_key
        """A tenth of a second each: tests have one made, and use it again."""
        database.write(lambda connection: connection.execute(_TABLE))

    def register(self, domain: str, organization_id: str, *, feedback: bool, proven: bool = False) -> Identity:
        # A key is its organization's alone: a former owner's may be published, and known, and of two who register the name at once
        # the one that comes too late must not take the other's away.
        key = self.key(domain, organization_id) or self._first_key(domain, organization_id)
        return Identity(
            dkim=(("TXT", f"{key.selector}._domainkey.{domain}", f"v=DKIM1; k=rsa; p={_public(key.private_key)}"),),
            return_path_host=self._mail_host,
            spf=self._spf,
            inbound_host=self._mail_host,
        )

    def _first_key(self, domain: str, organization_id: str) -> SigningKey:
        """The one that is there by then: another call may have made it, and its records shown."""
        made = SigningKey(domain, organization_id, f"mr{secrets.token_hex(4)}", self.make_key())
        self._database.write(lambda connection: _keep(connection, made))
        return self.key(domain, organization_id) or made

    def state(self, domain: str) -> IdentityState | None:
        with reading(self._database) as connection:
            known = connection.execute("SELECT 1 FROM dkim_key WHERE domain = ?", (domain,)).fetchone()
        return None if known is None else IdentityState("success", "success", sends=True)

    def set_feedback(self, domain: str, enabled: bool) -> None:
        """The mailer reads it from the domain's claim."""

    def remove(self, domain: str, organization_id: str) -> None:
        statement = "DELETE FROM dkim_key WHERE domain = ? AND organization_id = ?"
        self._database.write(lambda connection: connection.execute(statement, (domain, organization_id)))

    def key(self, domain: str, organization_id: str) -> SigningKey | None:
        statement = "SELECT * FROM dkim_key WHERE domain = ? AND organization_id = ?"
        with reading(self._database) as connection:
            row = connection.execute(statement, (domain, organization_id)).fetchone()
        return None if row is None else SigningKey(*row)


def _keep(connection: sqlite3.Connection, key: SigningKey) -> None:
    connection.execute("INSERT OR IGNORE INTO dkim_key VALUES (?, ?, ?, ?)", key)


def new_key() -> bytes:
    # Loaded by the few who register a domain.
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def _public(private_key: bytes) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    # Whether the numbers are those of a key takes long to find out, and this one was made here.
    public = load_pem_private_key(private_key, password=None, unsafe_skip_rsa_key_validation=True).public_key()
    return base64.b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
