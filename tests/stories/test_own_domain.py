"""A customer brings their domain, as they would: the zone file goes to their name server, the deployment finds it there, mail
leaves signed and verifies against that server, a mail that a stranger forges does not come in, and a record that changes is
noticed."""

from __future__ import annotations

import contextlib
import email
import re
import shutil
import smtplib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dkim
import httpx
import pytest
from agentmail import AgentMail
from agentmail.environment import AgentMailEnvironment
from agentmail.inboxes.types import CreateInboxRequest

from local import Stack
from mailroom.clock import now_ms
from mailroom.config import Config
from mailroom.ports import Resolver
from mailroom.web.resolver import DnsResolver
from tests.support.nameserver import NameServer, name_server
from tests.support.polling import eventually
from tests.support.relay import FakeRelay, running_relay

DOMAIN = "agents.example"
APEX = """\
@ SOA ns1 hostmaster 1 3600 600 604800 300
@ NS ns1
ns1 A 192.0.2.53
"""
"""What every zone has, and no provider's import form asks for."""

STRANGER = """\
From: Ann <ann@{domain}>
To: {inbox}
Subject: It is really me
Message-ID: <forged.{inbox}>

Honestly.
"""


class Watch:
    """Time that a test moves on."""

    def __init__(self) -> None:
        self.ahead_ms = 0

    def __call__(self) -> int:
        return now_ms() + self.ahead_ms


class World:
    def __init__(self, stack: Stack, names: NameServer, relay: FakeRelay, watch: Watch, client: AgentMail) -> None:
        self.stack, self.names, self.relay, self.watch, self.client = stack, names, relay, watch, client

    def becomes(self, status: str) -> Any:
        """Asks for a check, and waits for what comes of it."""
        self.watch.ahead_ms += 6_000
        self.client.domains.verify(DOMAIN)
        return eventually(lambda: (found := self.client.domains.get(DOMAIN)).status == status and found)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    watch = Watch()
    with name_server() as names, running_relay() as relay, httpx.Client(trust_env=False, timeout=60) as http:
        config = Config(domain="mailroom.test", dns=names.address)
        relayed = ("127.0.0.1", relay.port)
        with Stack(config=config, relay=relayed, verdicts="check", clock=watch) as stack:
            environment = AgentMailEnvironment(http=stack.http, websockets=stack.ws)
            yield World(stack, names, relay, watch, AgentMail(api_key=stack.api_key, environment=environment, httpx_client=http))


def zone_of(client: AgentMail) -> str:
    return b"".join(client.domains.get_zone_file(DOMAIN)).decode()


def test_a_domain_of_ones_own(world: World, tmp_path: Path) -> None:
    client = world.client

    made = client.domains.create(domain=DOMAIN, feedback_enabled=True)

    assert (made.status, {record.status for record in made.records}) == ("NOT_STARTED", {"MISSING"})
    zone = zone_of(client)
    accepted_by_bind(zone, tmp_path)

    assert world.becomes("PENDING").reason == "dns_records_missing"
    world.names.serve(zone)
    assert {record.status for record in world.becomes("VERIFIED").records} == {"VALID"}

    inbox = client.inboxes.create(request=CreateInboxRequest(username="support", domain=DOMAIN))
    client.inboxes.messages.send(inbox.inbox_id, to="ann@elsewhere.example", subject="Hello", text="It is us.\n")
    sent = eventually(lambda: world.relay.mails and world.relay.mails[0])
    raw = bytes(sent.original_content)
    resolver = DnsResolver(world.names.address)
    assert dkim.verify(raw, dnsfunc=text_of(resolver))
    assert not dkim.verify(raw.replace(b"It is us", b"It is me"), dnsfunc=text_of(resolver))
    assert signing_domain(raw) == DOMAIN
    assert sent.mail_from == f"support@mail.{DOMAIN}"

    forged = STRANGER.format(domain=DOMAIN, inbox=inbox.inbox_id)
    written(world, f"ann@{DOMAIN}", inbox.inbox_id, forged)
    written(world, "bob@nowhere.example", inbox.inbox_id, forged.replace(DOMAIN, "nowhere.example", 1).replace("forged", "plain"))
    (arrived,) = eventually(
        lambda: client.inboxes.messages.list(inbox.inbox_id, labels=["received"], include_unauthenticated=True).messages
    )
    assert arrived.from_ == "Ann <ann@nowhere.example>"

    world.names.serve(zone.replace(inbound_host(made), "mx.other.example."))
    fallen = world.becomes("INVALID")
    assert fallen.reason == "dns_records_invalid"
    assert {record.name for record in fallen.records if record.status == "INVALID"} == {DOMAIN, f"mail.{DOMAIN}"}
    client.inboxes.messages.send(inbox.inbox_id, to="ann@elsewhere.example", subject="Still", text="We go on sending.\n")

    client.domains.delete(DOMAIN)
    with pytest.raises(Exception, match="domain_not_verified"):
        client.inboxes.messages.send(inbox.inbox_id, to="ann@elsewhere.example", subject="Gone", text="No more.\n")
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        written(world, "bob@nowhere.example", inbox.inbox_id, forged)


def accepted_by_bind(zone: str, folder: Path) -> None:
    """By the program that name servers are run with, where it is installed; dnspython has read the file in any case."""
    if (program := shutil.which("named-checkzone")) is None:
        return
    file = folder / "zone"
    file.write_text(zone.replace("$TTL 300\n", f"$TTL 300\n{APEX}", 1))
    done = subprocess.run([program, DOMAIN, str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def inbound_host(made: Any) -> str:
    (record,) = [each for each in made.records if each.type == "MX" and each.name == DOMAIN]
    return f"{record.value}."


def text_of(resolver: Resolver) -> Any:
    """As dkimpy asks."""

    def text(name: bytes, timeout: int = 5) -> bytes | None:
        found = resolver.look_up(name.decode().rstrip("."), "TXT")
        return found[0].encode() if found else None

    return text


def signing_domain(raw: bytes) -> str:
    signature = str(email.message_from_bytes(raw)["DKIM-Signature"])
    match = re.search(r"\bd=([^;\s]+)", signature)
    assert match is not None
    return match[1]


def written(world: World, sender: str, recipient: str, text: str) -> None:
    with contextlib.closing(smtplib.SMTP(*world.stack.smtp)) as smtp:
        smtp.sendmail(sender, [recipient], text)
