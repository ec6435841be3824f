from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from local import Stack
from local.blob_files import FileBlobs
from local.blobs import LocalBlobs
from local.capture import Capture
from local.delivery import GIVE_UP_MS, Deliverer, Transport
from local.identities import LocalIdentities
from local.links import Links
from local.mailer import LocalMailer, with_message_id
from local.outbox import Mail, Outbox
from local.queues import SqliteQueues
from local.relay import Relay
from local.signing import Signer
from local.store.database import Database
from local.store.sqlite import SqliteItemStore
from local.template import Queue
from mailroom.clock import now_ms
from mailroom.ports import OutgoingMail
from mailroom.store import keys
from mailroom.store.port import StoreBusy
from tests.local.inside import TEMPLATE, add_address, blob, blobs_below
from tests.support.polling import eventually
from tests.support.relay import FakeRelay, running_relay

RAW = b"Subject: Hi\r\nMessage-ID:\r\n <old@example.com>\r\nX: 1\r\n\r\nbody\r\n.dot\r\n\xff\r\n"


def mail(intent: str = "i1", recipients: tuple[str, ...] = ("far@example.com",), raw: bytes = RAW) -> OutgoingMail:
    return OutgoingMail(intent, "ann@mailroom.local", recipients, raw, "o")


@pytest.fixture
def relay_server() -> Iterator[FakeRelay]:
    with running_relay() as server:
        yield server


class World:
    def __init__(self, folder: Path, database: Database, *, relayed: bool) -> None:
        self.now = now_ms()
        links = Links(b"s", base=lambda: "", clock=self.clock)
        self.blobs = LocalBlobs(database, FileBlobs(folder / "blobs", durable=False), links=links)
        self.items = SqliteItemStore(database)
        self.queues = SqliteQueues(database, {name: Queue(name) for name in ("inbound", "notices")}, clock=self.clock)
        self.box = Outbox(database)
        self.capture = Capture(folder / "captured")
        self.handed_over: list[Mail] = []
        self.identities = LocalIdentities(database, mail_host="mailroom.local", spf="mx")
        captures = self.deliverer()
        self.database = database
        self.mailer = LocalMailer(
            database=database,
            box=self.box,
            blobs=self.blobs,
            queues=self.queues,
            items=self.items,
            domain="mailroom.local",
            hand_over=self.handed_over.append if relayed else captures.deliver,
            signer=Signer(items=self.items, identities=self.identities, domain="mailroom.local"),
            mails_feedback=lambda _: False,
            clock=self.clock,
        )
        self.items.put(keys.address("bob@mailroom.local"), {"state": "live"})

    def clock(self) -> int:
        return self.now

    def deliverer(self) -> Deliverer:
        return self._delivering(self.capture)

    def relay(self, port: int, **options: Any) -> Deliverer:
        transport = Relay("127.0.0.1", port, domain="mailroom.local")
        return self._delivering(transport, **options)

    def _delivering(self, transport: Transport, **options: Any) -> Deliverer:
        return Deliverer(
            transport,
            box=self.box,
            blobs=self.blobs,
            queues=self.queues,
            mails_feedback=lambda _: False,
            clock=self.clock,
            **options,
        )

    def states(self, intent: str = "i1") -> dict[str, str]:
        return {each.recipient: each.state for each in self.box.recipients(intent)}


@pytest.fixture
def captured(tmp_path: Path, database: Database) -> World:
    return World(tmp_path, database, relayed=False)


@pytest.fixture
def relayed(tmp_path: Path, database: Database) -> World:
    return World(tmp_path, database, relayed=True)


def test_only_the_message_id_of_a_mail_changes() -> None:
    assert with_message_id(RAW, "<new@x>") == RAW.replace(b"Message-ID:\r\n <old@example.com>\r\n", b"Message-ID: <new@x>\r\n")


@pytest.mark.parametrize("raw", [b"Subject: x\r\n\r\nMessage-ID: <body>\r\n", b"\r\nMessage-ID: <body>\r\n", b""])
def test_a_mail_without_message_id_gets_one_in_front(raw: bytes) -> None:
    assert with_message_id(raw, "<new@x>") == b"Message-ID: <new@x>\r\n" + raw


def test_without_a_relay_mail_is_kept_for_reading(captured: World) -> None:
    message_id = captured.mailer.send(mail())

    (kept,) = captured.capture.mails()
    assert kept.recipients == ("far@example.com",)
    assert kept.return_path == "ann@mailroom.local"
    assert kept.raw == with_message_id(RAW, message_id)
    assert captured.states() == {"far@example.com": "delivered"}


def test_a_mail_captured_but_not_recorded_before_a_crash_is_captured_once(captured: World) -> None:
    captured.mailer.send(mail())
    captured.database.write(lambda connection: connection.execute("UPDATE outbox_recipient SET state = 'accepted'"))
    (kept,) = captured.capture.mails()
    captured.blobs.put(captured.box.due(captured.now)[0].blob, kept.raw)  # type: ignore[index]

    assert captured.deliverer().deliver_due()
    assert captured.capture.mails() == [kept]
    assert captured.states() == {"far@example.com": "delivered"}


def test_a_capture_that_fails_is_made_up_for(captured: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    put = captured.blobs.put
    with monkeypatch.context() as broken:
        broken.setattr(captured.blobs, "put", lambda *a, **k: (put(*a, **k), broken.setattr("os.fsync", full)))
        captured.mailer.send(mail())
    before = captured.states()
    captured.now += 60_000
    captured.deliverer().deliver_due()

    assert before == {"far@example.com": "deferred"}
    assert len(captured.capture.mails()) == 1


def test_the_same_intent_again_sends_nothing_more(captured: World) -> None:
    first = captured.mailer.send(mail())
    again = captured.mailer.send(mail(raw=b"Subject: other\r\n\r\n"))

    assert again == first == captured.mailer.accepted("i1")
    assert captured.mailer.accepted("i2") is None
    assert len(captured.capture.mails()) == 1


def test_one_intent_in_many_threads_is_one_mail(captured: World) -> None:
    gate = threading.Barrier(8)

    def send(_: int) -> str:
        gate.wait()
        return captured.mailer.send(mail(recipients=("far@example.com", "bob@mailroom.local")))

    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(send, range(8)))

    assert len(ids) == 1
    assert len(captured.capture.mails()) == 1
    assert captured.queues.size("inbound") == 1


def test_an_inbox_of_this_deployment_gets_the_mail_like_any_other(relayed: World) -> None:
    message_id = relayed.mailer.send(mail(recipients=("Bob+x@mailroom.local", "nobody@mailroom.local")))

    (message,) = relayed.queues.receive("inbound", 10)
    notice = json.loads(json.loads(message.body)["Message"])
    assert notice["receipt"]["recipients"] == ["Bob+x@mailroom.local"]
    assert notice["mail"]["source"] == "ann@mailroom.local"
    assert relayed.blobs.get(notice["receipt"]["action"]["objectKey"]) == with_message_id(RAW, message_id)
    assert relayed.states() == {"Bob+x@mailroom.local": "delivered", "nobody@mailroom.local": "bounced"}
    assert relayed.handed_over == []


def test_a_mail_that_cannot_be_stored_is_not_accepted(captured: World) -> None:
    captured.database.close()

    with pytest.raises(StoreBusy):
        captured.mailer.send(mail())


def test_the_relay_gets_the_bytes_as_they_are(relayed: World, relay_server: FakeRelay) -> None:
    message_id = relayed.mailer.send(mail(recipients=("far@example.com", "too@example.com")))

    assert [accepted.message_id for accepted in relayed.handed_over] == [message_id]
    assert relayed.relay(relay_server.port).deliver_due()

    (taken,) = relay_server.mails
    assert taken.original_content == with_message_id(RAW, message_id)
    assert taken.mail_from == "ann@mailroom.local"
    assert taken.rcpt_tos == ["far@example.com", "too@example.com"]
    assert set(relayed.states().values()) == {"delivered"}
    assert not relayed.relay(relay_server.port).deliver_due()


def test_a_refused_recipient_bounces_and_a_deferred_one_is_tried_alone(relayed: World, relay_server: FakeRelay) -> None:
    relay_server.rcpt = {"bad@example.com": "550 5.1.1 No such user", "busy@example.com": "450 4.2.0 Greylisted"}
    relayed.mailer.send(mail(recipients=("ok@example.com", "bad@example.com", "busy@example.com")))
    relay = relayed.relay(relay_server.port, waits_s=(60,))
    relay.deliver_due()
    first = relayed.states()
    relay_server.rcpt = {}
    early = relay.deliver_due()
    relayed.now += 60_000
    relay.deliver_due()

    assert first == {"ok@example.com": "delivered", "bad@example.com": "bounced", "busy@example.com": "deferred"}
    assert not early
    assert relayed.states()["busy@example.com"] == "delivered"
    assert [taken.rcpt_tos for taken in relay_server.mails] == [["ok@example.com"], ["busy@example.com"]]
    assert relayed.box.recipients("i1")[0].reply == "550 5.1.1 No such user"


@pytest.mark.parametrize(("answer", "state"), [("451 4.3.0 Later", "deferred"), ("554 5.6.0 Not this", "bounced")])
def test_the_answer_to_the_data_holds_for_all(relayed: World, relay_server: FakeRelay, answer: str, state: str) -> None:
    relay_server.data = [answer]
    relayed.mailer.send(mail(recipients=("a@example.com", "b@example.com")))

    relayed.relay(relay_server.port).deliver_due()

    assert set(relayed.states().values()) == {state}


@pytest.mark.parametrize("rcpt", ["421 4.7.0 Go away", "450 4.2.0 Later"])
def test_a_session_that_ends_early_marks_nobody_as_delivered(relayed: World, relay_server: FakeRelay, rcpt: str) -> None:
    relay_server.rcpt = {"a@example.com": rcpt, "b@example.com": rcpt}
    relayed.mailer.send(mail(recipients=("a@example.com", "b@example.com")))

    relayed.relay(relay_server.port).deliver_due()

    assert set(relayed.states().values()) == {"deferred"}


def test_without_an_answer_it_is_tried_for_days_and_then_given_up(relayed: World) -> None:
    relayed.mailer.send(mail())
    relay = relayed.relay(1, waits_s=(1,))
    relay.deliver_due()
    before = relayed.states()
    relayed.now += GIVE_UP_MS + 1
    relay.deliver_due()

    assert before == {"far@example.com": "deferred"}
    assert relayed.states() == {"far@example.com": "bounced"}


@pytest.mark.parametrize("recipient", ["a@example.com>\r\nRCPT TO:<evil@example.com", "ü@example.com"])
def test_an_address_that_cannot_be_said_bounces(relayed: World, relay_server: FakeRelay, recipient: str) -> None:
    relayed.mailer.send(mail(recipients=(recipient,)))

    relayed.relay(relay_server.port).deliver_due()

    assert set(relayed.states().values()) == {"bounced"}
    assert relay_server.mails == []


def test_a_stack_delivers_to_its_relay_and_continues_after_a_restart(tmp_path: Path, relay_server: FakeRelay) -> None:
    with Stack(tmp_path, template=TEMPLATE, relay=("127.0.0.1", 1)) as stack:
        stack.runtime.mailer.send(mail())
        eventually(lambda: stack.outbox.recipients("i1")[0].state == "deferred")

    with Stack(tmp_path, template=TEMPLATE, relay=("127.0.0.1", relay_server.port)) as stack:
        eventually(lambda: relay_server.mails)
        eventually(lambda: stack.outbox.recipients("i1")[0].state == "delivered")


def test_an_outbox_from_before_return_paths_goes_on(database: Database) -> None:
    Outbox(database)
    database.write(lambda connection: connection.execute("ALTER TABLE outbox_mail DROP COLUMN bounces_to"))
    database.write(
        lambda connection: connection.execute("INSERT INTO outbox_mail VALUES ('i', '<i@x>', 'o', 'ann@x', 'outbox/i', 1)")
    )

    box = Outbox(database)

    assert box.find("i") == Mail("i", "<i@x>", "o", "ann@x", "outbox/i", 1)
    assert Mail("i", "<i@x>", "o", "ann@x", "outbox/i", 1).envelope_sender == "ann@x"


def test_mail_between_two_inboxes_of_a_stack_arrives(stack: Stack) -> None:
    add_address(stack, "bob@mailroom.local")
    seen: Callable[[], int] = lambda: len(blobs_below(stack, "notices"))  # noqa: E731
    before = seen()

    stack.runtime.mailer.send(mail("between", ("bob@mailroom.local",)))

    eventually(lambda: seen() > before)
    assert blob(stack, "outbox/x") is None
