"""What becomes of arrived mail: verdicts, recipients, duplicates, content."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from mailroom.config import Config
from mailroom.inbound import composition, worker
from mailroom.inbound.classification import classify, event_type
from mailroom.inbound.notice import Verdicts, read
from mailroom.mail.parsed import ParsedMail
from mailroom.messages.bodies import unpack
from mailroom.messages.record import Bodies
from mailroom.store import keys
from mailroom.store.port import Set
from tests.support.desk import Desk, mail
from tests.support.mails import message_record


@pytest.fixture
def desk() -> Iterator[Desk]:
    with Desk() as desk:
        yield desk


def verdicts(**given: str) -> Verdicts:
    passed = dict.fromkeys(("spam", "virus", "spf", "dkim", "dmarc"), "PASS")
    return Verdicts(**{**passed, "policy": "", **given})


def bodies_of(desk: Desk, inbox: str, message_id: str) -> Bodies:
    row = desk.items.get(keys.body(keys.message(desk.o, inbox, message_id)))
    assert row is not None
    return unpack(bytes(row["data"]))


# --- classification -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "labels"),
    [
        ({}, frozenset()),
        ({"virus": "FAIL"}, None),
        ({"spf": "FAIL"}, None),
        ({"dkim": "FAIL"}, None),
        ({"dmarc": "FAIL", "policy": "reject"}, None),
        ({"dmarc": "FAIL", "policy": "quarantine"}, None),
        ({"dmarc": "FAIL", "policy": "none"}, frozenset()),
        ({"spf": "GRAY"}, frozenset()),
        ({"spf": "GRAY", "dkim": "GRAY"}, frozenset({"unauthenticated"})),
        ({"spf": "PROCESSING_FAILED", "dkim": "GRAY"}, frozenset({"unauthenticated"})),
        ({"spam": "FAIL"}, frozenset({"spam"})),
        ({"spam": "FAIL", "spf": "GRAY", "dkim": "GRAY"}, frozenset({"spam", "unauthenticated"})),
    ],
)
def test_verdicts_decide_what_a_mail_is_labelled(given: dict[str, str], labels: frozenset[str] | None) -> None:
    assert classify(verdicts(**given), drop_unauthentic=True) == labels


@pytest.mark.parametrize("given", [{"spf": "FAIL"}, {"dkim": "FAIL"}, {"dmarc": "FAIL", "policy": "reject"}])
def test_a_deployment_may_keep_forged_mail_labelled(given: dict[str, str]) -> None:
    assert classify(verdicts(**given), drop_unauthentic=False) == {"unauthenticated"}


def test_a_virus_is_always_dropped() -> None:
    assert classify(verdicts(virus="FAIL"), drop_unauthentic=False) is None


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"spam", "blocked", "unauthenticated"}, "message.received.blocked"),
        ({"spam", "unauthenticated"}, "message.received.spam"),
        ({"unauthenticated"}, "message.received.unauthenticated"),
        (set(), "message.received"),
    ],
)
def test_a_mail_has_one_event_of_the_gravest_type(labels: set[str], expected: str) -> None:
    assert event_type(frozenset(labels)) == expected


def test_spam_is_stored_with_its_label_and_event(desk: Desk) -> None:
    inbox = desk.inbox()

    desk.receive(desk.arrive(mail(), inbox, verdicts={"spam": "FAIL"}))

    [message] = desk.messages(inbox)
    assert message["labels"] == ["received", "spam", "unread"]
    assert len(desk.events(inbox, "message.received.spam")) == 1
    assert desk.events(inbox, "message.received") == []


def test_dropped_mail_leaves_nothing(desk: Desk) -> None:
    inbox = desk.inbox()

    failed = desk.receive(desk.arrive(mail(), inbox, verdicts={"spf": "FAIL"}))

    assert failed == []
    assert desk.messages(inbox) == []


def test_forged_mail_is_kept_where_the_deployment_says_so() -> None:
    with Desk(Config(drop_unauthentic=False)) as desk:
        inbox = desk.inbox()

        desk.receive(desk.arrive(mail(), inbox, verdicts={"dmarc": "FAIL", "policy": "REJECT"}))

        assert desk.messages(inbox)[0]["labels"] == ["received", "unauthenticated", "unread"]


# --- recipients ---------------------------------------------------------------------------------------------------------


def test_each_envelope_recipient_gets_a_copy_whatever_the_header_says(desk: Desk) -> None:
    inboxes = [desk.inbox(name) for name in ("one", "two")]

    desk.receive(desk.arrive(mail(to="somebody@else.example"), *inboxes))

    assert [len(desk.messages(inbox)) for inbox in inboxes] == [1, 1]


def test_several_addresses_of_one_inbox_store_one_copy(desk: Desk) -> None:
    inbox = desk.inbox()

    desk.receive(desk.arrive(mail(), inbox, "Agent+news@mailroom.local", "AGENT@MAILROOM.LOCAL", inbox))

    assert len(desk.messages(inbox)) == 1


def test_unknown_recipients_are_dropped_and_the_known_served(desk: Desk) -> None:
    inbox = desk.inbox()

    failed = desk.receive(desk.arrive(mail(), "nobody@mailroom.local", inbox, "garbage"))

    assert failed == []
    assert len(desk.messages(inbox)) == 1


def test_a_paused_inbox_takes_nothing(desk: Desk) -> None:
    inbox = desk.inbox(status="paused")

    failed = desk.receive(desk.arrive(mail(), inbox))

    assert failed == []
    assert desk.messages(inbox) == []
    assert [key for key in desk.blobs.content if not key.startswith("ses/")] == []


# --- duplicates ---------------------------------------------------------------------------------------------------------


def test_a_second_arrival_of_a_mail_is_ignored(desk: Desk) -> None:
    inbox = desk.inbox()

    for _ in range(2):
        desk.receive(desk.arrive(mail(), inbox))

    assert len(desk.messages(inbox)) == 1
    assert len(desk.events(inbox, "message.received")) == 1


def test_another_mail_with_a_known_id_is_kept_under_an_id_of_its_own(desk: Desk) -> None:
    inbox = desk.inbox()
    desk.receive(desk.arrive(mail(text="first\n"), inbox))
    record = desk.arrive(mail(text="second\n"), inbox)

    desk.receive(record)
    desk.receive(record)

    first, second = sorted(desk.messages(inbox), key=lambda message: message["ts"])
    assert first["message_id"] == "<m1@example.com>"
    assert second["message_id"] == f"<{second['uid']}.dup@mailroom.local>"
    assert bodies_of(desk, inbox, second["message_id"])["text"].strip() == "second"


def test_a_stranger_who_claims_to_be_the_inbox_does_not_merge_into_its_sent_mail(desk: Desk) -> None:
    inbox = desk.inbox()
    sent = desk.send(inbox, {"to": "bob@example.com", "subject": "Order", "text": "One"})

    desk.receive(desk.arrive(mail(message_id=sent.body["message_id"], sender=inbox, subject="Order", text="Send gold"), inbox))

    assert sorted(tuple(message["labels"]) for message in desk.messages(inbox)) == [("received", "unread"), ("sent",)]


def test_a_mail_without_an_id_gets_one_that_redelivery_repeats(desk: Desk) -> None:
    inbox = desk.inbox()
    record = desk.arrive(mail(message_id=None), inbox, provider_id="p1")

    for _ in range(2):
        desk.receive(record)

    assert [message["message_id"] for message in desk.messages(inbox)] == ["<p1@mailroom.local>"]


# --- content ------------------------------------------------------------------------------------------------------------


def test_new_content_is_extracted_and_previewed(desk: Desk) -> None:
    inbox = desk.inbox()
    text = "Yes, do that.\n\nOn Mon, 16 Jun 2025 at 10:00, Ann <ann@example.com> wrote:\n> Shall I?\n"

    desk.receive(desk.arrive(mail(text=text), inbox))

    [message] = desk.messages(inbox)
    assert message["preview"] == "Yes, do that."
    assert bodies_of(desk, inbox, "<m1@example.com>")["extracted_text"].strip() == "Yes, do that."


def test_a_failing_extraction_costs_the_extract_not_the_mail(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(text: str) -> str:
        raise RecursionError

    monkeypatch.setattr(composition, "extract_text", broken)
    inbox = desk.inbox()

    failed = desk.receive(desk.arrive(mail(text="hello\n"), inbox))

    assert failed == []
    bodies = bodies_of(desk, inbox, "<m1@example.com>")
    assert bodies["extracted_text"] == bodies["text"]


@pytest.mark.parametrize("raw", [b"", b"\0\0\0", b"Content-Type: multipart/mixed\r\n\r\n--x", b"\xff" * 5000, b": : :\r\n\r\n"])
def test_poison_is_stored_with_its_raw_bytes(desk: Desk, raw: bytes) -> None:
    inbox = desk.inbox()

    failed = desk.receive(desk.arrive(raw, inbox))

    assert failed == []
    [message] = desk.messages(inbox)
    assert desk.blobs.content[keys.blob_raw(desk.o, inbox, message["uid"])] == raw
    assert message["from"]


def test_a_mail_that_could_not_be_read_at_all_is_still_delivered(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "parse", lambda raw: ParsedMail(defects=["header: KeyError"]))
    inbox = desk.inbox()

    failed = desk.receive(desk.arrive(mail(), inbox))

    assert failed == []
    assert desk.messages(inbox)[0]["from"] == "sender@example.com"


def test_a_bug_that_raises_sends_the_record_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(raw: bytes) -> ParsedMail:
        raise ZeroDivisionError

    monkeypatch.setattr(worker, "parse", broken)
    record = desk.arrive(mail(), desk.inbox())

    assert desk.receive(record) == [record["messageId"]]


def test_a_message_with_a_crowd_of_parts_and_names_fits_an_item() -> None:
    record = message_record(
        references=[f"<{'r' * 900}{n}@example.com>" for n in range(100)],
        to=[f"{'n' * 200}{n} <a{n}@example.com>" for n in range(500)],
        attachments=[
            {"attachment_id": "a" * 36, "size": 1, "filename": "f" * 250, "content_id": "c" * 400, "content_type": "image/png"}
            for _ in range(1000)
        ],
    )

    fitted = composition.fitted(record)

    assert len(json.dumps(fitted)) <= composition.MAX_RECORD_BYTES
    assert fitted["attachments"]
    assert fitted["to"]


def test_an_ordinary_message_is_left_as_it_is() -> None:
    record = message_record()

    assert composition.fitted(record) is record


def test_large_bodies_go_to_a_blob(desk: Desk) -> None:
    inbox = desk.inbox()
    text = "".join(f"line {n * 7919 % 1_000_003} of {n * 104_729 % 999_983}\n" for n in range(20_000))

    desk.receive(desk.arrive(mail(text=text), inbox))

    [message] = desk.messages(inbox)
    assert message["body"] == "blob"
    assert "line" in unpack(desk.blobs.content[keys.blob_body(desk.o, inbox, message["uid"])])["text"]


def test_a_thread_with_many_labels_is_indexed_under_all_of_them(desk: Desk) -> None:
    inbox = desk.inbox()
    labels = [f"label-{n}" for n in range(60)]
    sent = desk.send(inbox, {"to": "bob@example.com", "text": "x", "labels": labels})

    desk.receive(desk.arrive(mail(message_id="<m2@example.com>", in_reply_to=sent.body["message_id"]), inbox))

    [thread] = desk.threads(inbox)
    assert thread["total"] == 2
    for label in labels:
        assert any(row["mv"] == thread["ver"] for row in desk.listed(inbox, "T", label))
        assert len(desk.listed(inbox, "M", label)) == 1


# --- the notice ---------------------------------------------------------------------------------------------------------


def test_a_notice_is_read_with_and_without_the_topics_envelope(desk: Desk) -> None:
    body = desk.arrive(mail(), "a@mailroom.local")["body"]

    assert read(body) == read(json.dumps({"Type": "Notification", "Message": body}))


@pytest.mark.parametrize("body", ['{"Message": "Successfully validated SNS topic"}', '{"notificationType": "Bounce"}', "[]"])
def test_what_announces_no_mail_is_acknowledged(desk: Desk, body: str) -> None:
    assert desk.receive({"messageId": "m", "body": body}) == []


def test_mail_to_an_inbox_being_deleted_is_dropped(desk: Desk) -> None:
    inbox = desk.inbox()
    desk.items.update(keys.inbox(desk.o, inbox), [Set("state", "deleting")])

    assert desk.receive(desk.arrive(mail(), inbox)) == []
    assert desk.messages(inbox) == []
