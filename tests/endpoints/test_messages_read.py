"""Messages: lists, single ones, batches, attachments and raw mail as callers see them (spec: messages.md)."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from agentmail.core.api_error import ApiError

from functions.messages import get_message, list_messages
from mailroom.messages.record import MessageRecord
from tests.support.identity import organization_id, other_organization, trips, using_key, without_request_id
from tests.support.polling import eventually
from tests.support.seed import seed
from tests.support.stacks import Mailbox

Put = Callable[..., MessageRecord]

FILE = "0197a000-0000-7000-8000-000000000001"


@pytest.fixture
def put(stack: Mailbox, inbox: str) -> Put:
    o = organization_id(stack.http)
    return lambda **fields: seed(stack.runtime, o, fields.pop("inbox_id", inbox), **fields)


def at(inbox: str, message_id: str, rest: str = "") -> str:
    return f"/inboxes/{inbox}/messages/{quote(message_id, safe='')}{rest}"


def listed(stack: Mailbox, inbox: str, **params: Any) -> list[str]:
    encoded = {name: json.dumps(value) if isinstance(value, list | bool) else value for name, value in params.items()}
    answer = stack.http.get(f"/inboxes/{inbox}/messages", params=encoded)
    assert answer.status_code == 200, answer.text
    return [message["message_id"] for message in answer.json()["messages"]]


# --- get ----------------------------------------------------------------------------------------------------------------


def test_a_message_shows_all_that_is_known_of_it(stack: Mailbox, inbox: str, put: Put) -> None:
    bodies: Any = {"text": "hi\n> old", "html": "<p>hi", "extracted_text": "hi", "extracted_html": "<p>hi", "headers": {"X-A": "b"}}
    given = {"cc": ["c@x.io"], "bcc": ["b@x.io"], "reply_to": ["r@x.io"], "subject": "Hallo", "preview": "hi"}
    record = put(bodies=bodies, in_reply_to="<0@x.io>", references=["<0@x.io>"], files={FILE: b"x"}, **given)

    shown = stack.http.get(at(inbox, record["message_id"])).json()

    assert {name: shown[name] for name in (*bodies, *given)} == {**bodies, **given}
    assert shown["references"] == ["<0@x.io>"]
    assert shown["attachments"] == [{"attachment_id": FILE, "size": 1, "inline": False}]
    assert shown["labels"] == ["received", "unread"]


def test_the_sdk_reads_what_was_stored(stack: Mailbox, inbox: str, put: Put) -> None:
    record = put(bodies={"text": "x" * 300_000 + uuid.uuid4().hex}, subject="big")

    message = stack.client.inboxes.messages.get(inbox, record["message_id"])

    assert message.subject == "big"
    assert len(message.text or "") > 300_000


def test_large_bodies_that_do_not_compress_are_read_from_blobs(stack: Mailbox, inbox: str, put: Put) -> None:
    text = "".join(uuid.uuid4().hex for _ in range(4000))

    record = put(bodies={"text": text})

    assert record["body"] == "blob"
    assert stack.http.get(at(inbox, record["message_id"])).json()["text"] == text


def test_an_id_is_accepted_without_angle_brackets(stack: Mailbox, inbox: str, put: Put) -> None:
    record = put()

    assert stack.http.get(at(inbox, record["message_id"].strip("<>"))).json()["message_id"] == record["message_id"]


@pytest.mark.parametrize("message_id", ["<a/b/c@x.io>", "<a+b=c@x.io>", "<raw/raw@x.io>", "<p%20q@x.io>"])
def test_both_sdk_styles_of_path_reach_an_id(stack: Mailbox, inbox: str, put: Put, message_id: str) -> None:
    message_id = message_id.replace("@", f".{uuid.uuid4().hex}@")
    put(message_id=message_id, files={FILE: b"1"}, subject="odd")

    encoded = stack.http.get(at(inbox, message_id)).json()
    raw_slashes = at(inbox, message_id).replace("%2F", "/")
    plain = stack.http.get(raw_slashes).json()

    assert encoded == plain
    assert stack.http.get(raw_slashes + "/raw").json()["message_id"] == message_id
    assert stack.http.get(raw_slashes + f"/attachments/{FILE}").json()["size"] == 1
    assert stack.http.patch(raw_slashes, {"add_labels": "seen"}).json()["labels"][-1] == "unread"
    assert stack.http.delete(raw_slashes).status_code == 204


def test_a_slashed_path_with_a_method_that_fits_nothing_is_405(stack: Mailbox, inbox: str) -> None:
    answer = stack.http.request("PUT", f"/inboxes/{inbox}/messages/a/b@x.io")

    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


def test_missing_foreign_and_hidden_messages_are_told_alike(stack: Mailbox, inbox: str, put: Put) -> None:
    seen, hidden = put(), put(labels=("received", "trash"))
    restricted = using_key(stack, {"message_read": True})

    answers = [
        restricted.get(at(inbox, "<nobody@x.io>")),
        restricted.get(at(inbox, hidden["message_id"])),
        other_organization(stack).get(at(inbox, seen["message_id"])),
        restricted.get(at("nobody@mailroom.local", seen["message_id"])),
    ]

    assert {without_request_id(answer)[:2] for answer in answers} == {(404, answers[0].content)}


def test_a_key_without_permission_learns_nothing(stack: Mailbox, inbox: str) -> None:
    answer = using_key(stack, {"inbox_read": True}).get(at(inbox, "<nobody@x.io>"))

    assert answer.json()["code"] == "missing_permission"


def test_reading_a_message_is_one_trip_and_a_page_two(stack: Mailbox, inbox: str, put: Put) -> None:
    record = put(bodies={"text": "hi"})
    for _ in range(4):
        put()
    single = "/inboxes/{inbox_id}/messages/{message_id}"

    assert trips(stack, get_message, single, inbox_id=inbox, message_id=quote(record["message_id"], safe="")) == 1
    assert trips(stack, list_messages, "/inboxes/{inbox_id}/messages", inbox_id=inbox) == 2


# --- list ---------------------------------------------------------------------------------------------------------------


def test_lists_are_newest_first_and_page_without_gaps(stack: Mailbox, inbox: str, put: Put) -> None:
    ids = [put(ts=1000 + number // 3)["message_id"] for number in range(9)]
    found: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = stack.http.get(f"/inboxes/{inbox}/messages", params={"limit": 2, **token}).json()
        assert page["limit"] == 2
        assert page["count"] == len(page["messages"])
        found += [message["message_id"] for message in page["messages"]]
        if "next_page_token" not in page:
            break
        token = {"page_token": page["next_page_token"]}

    assert found == listed(stack, inbox, limit=100)
    assert found == listed(stack, inbox, ascending=True)[::-1]
    assert sorted(found) == sorted(ids)


def test_a_full_last_page_has_no_token(stack: Mailbox, inbox: str, put: Put) -> None:
    put()
    put()

    assert "next_page_token" not in stack.http.get(f"/inboxes/{inbox}/messages", params={"limit": 2}).json()


def test_the_sdk_filters_by_labels(stack: Mailbox, inbox: str, put: Put) -> None:
    both, one = put(labels=("received", "urgent", "billing")), put(labels=("received", "urgent"))

    messages = stack.client.inboxes.messages
    found = messages.list(inbox, labels=["Urgent", "billing"]).messages

    assert [message.message_id for message in found] == [both["message_id"]]
    assert {each.message_id for each in messages.list(inbox, labels=["urgent"]).messages} == {one["message_id"], both["message_id"]}
    assert messages.list(inbox, labels=["urgent", "nothing"]).messages == []


def test_bounds_are_exclusive_to_the_microsecond(stack: Mailbox, inbox: str, put: Put) -> None:
    base = 1_750_000_000_000
    early, middle, late = (put(ts=base + number)["message_id"] for number in range(3))

    assert listed(stack, inbox, after="2025-06-15T15:06:40.000Z") == [late, middle]
    assert listed(stack, inbox, before="2025-06-15T15:06:40.002Z") == [middle, early]
    assert listed(stack, inbox, before="2025-06-15T15:06:40.001500Z", after="2025-06-15T15:06:40.000500Z") == [middle]
    assert listed(stack, inbox, before="2025-06-15T17:06:40.001+02:00") == [early]
    assert listed(stack, inbox, before="2025-06-15T15:06:40Z", after="2025-06-16T00:00:00Z") == []


def test_substring_filters_must_all_match_whatever_the_case(stack: Mailbox, inbox: str, put: Put) -> None:
    ann = put(subject="Invoice 7 overdue", cc=["Zoe <zoe@c.io>"], **{"from": "Ann <ann@example.com>"})["message_id"]
    put(subject="Invoice 8", **{"from": "Bob <bob@example.com>"})

    assert listed(stack, inbox, subject=["INVOICE", "overdue"]) == [ann]
    assert listed(stack, inbox, **{"from": ["ANN@"]}) == [ann]
    assert listed(stack, inbox, to=["zoe", "mailroom"]) == [ann]
    assert len(listed(stack, inbox, subject=["invoice"])) == 2


@pytest.mark.parametrize("label", ["spam", "blocked", "unauthenticated", "trash"])
def test_restricted_labels_are_listed_only_on_request(stack: Mailbox, inbox: str, put: Put, label: str) -> None:
    clean, hidden = put()["message_id"], put(labels=("received", label))["message_id"]

    assert listed(stack, inbox) == [clean]
    assert listed(stack, inbox, labels=[label]) == []
    assert listed(stack, inbox, **{f"include_{label}": True}) == [hidden, clean]
    assert listed(stack, inbox, labels=[label], **{f"include_{label}": True}) == [hidden]


def test_two_restricted_labels_need_both_flags_and_both_permissions(stack: Mailbox, inbox: str, put: Put) -> None:
    both = put(labels=("received", "spam", "trash"))["message_id"]
    flags = {"include_spam": "true", "include_trash": "true"}
    half = using_key(stack, {"message_read": True, "label_spam_read": True})

    assert listed(stack, inbox, include_spam=True) == []
    assert listed(stack, inbox, include_spam=True, include_trash=True) == [both]
    assert half.get(f"/inboxes/{inbox}/messages", params=flags).json()["messages"] == []


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "501"}, "limit"),
        ({"limit": "101", "subject": '["a"]'}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"before": "yesterday"}, "before"),
        ({"include_spam": "1"}, "include_spam"),
        ({"labels": "[1]"}, "labels"),
        ({"labels": '["a\\nb"]'}, "labels"),
        ({"page_token": "nonsense"}, "page_token"),
    ],
)
def test_a_malformed_query_names_its_parameter(stack: Mailbox, inbox: str, params: dict[str, str], path: str) -> None:
    answer = stack.http.get(f"/inboxes/{inbox}/messages", params=params)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["path"] == [path]


def test_unfiltered_pages_may_hold_five_hundred(stack: Mailbox, inbox: str) -> None:
    assert stack.http.get(f"/inboxes/{inbox}/messages", params={"limit": 500}).json()["limit"] == 500
    assert stack.http.get(f"/inboxes/{inbox}/messages").json()["limit"] == 50


def test_a_token_serves_only_the_list_it_came_from(stack: Mailbox, inbox: str, put: Put, new_inbox: Callable[[], str]) -> None:
    for _ in range(3):
        put()
    token = stack.http.get(f"/inboxes/{inbox}/messages", params={"limit": 1}).json()["next_page_token"]
    forged = token[:-2] + ("AA" if token[-2:] != "AA" else "BB")

    for path, params in (
        (f"/inboxes/{new_inbox()}/messages", {"page_token": token}),
        (f"/inboxes/{inbox}/messages", {"page_token": token, "ascending": "true"}),
        (f"/inboxes/{inbox}/messages", {"page_token": token, "labels": '["x"]'}),
        (f"/inboxes/{inbox}/threads", {"page_token": token}),
        (f"/inboxes/{inbox}/messages", {"page_token": forged}),
    ):
        assert stack.http.get(path, params=params).status_code == 400


# --- batch get ----------------------------------------------------------------------------------------------------------


def test_a_batch_keeps_the_order_and_leaves_out_bodies_and_strangers(stack: Mailbox, inbox: str, put: Put) -> None:
    one, two, hidden = put(bodies={"text": "t"}), put(reply_to=["r@x.io"]), put(labels=("received", "spam"))
    ids = [two["message_id"], "<nobody@x.io>", one["message_id"].strip("<>"), hidden["message_id"]]

    answer = using_key(stack, {"message_read": True}).post(f"/inboxes/{inbox}/messages/batch-get", {"message_ids": ids}).json()

    assert (answer["limit"], answer["count"]) == (4, 2)
    assert [message["message_id"] for message in answer["messages"]] == [two["message_id"], one["message_id"]]
    assert not {"text", "html", "extracted_text", "extracted_html"} & answer["messages"][1].keys()


def test_the_sdk_gets_batches(stack: Mailbox, inbox: str, put: Put) -> None:
    ids = [put()["message_id"] for _ in range(3)]

    answer = stack.client.inboxes.messages.batch_get(inbox, message_ids=ids)

    assert [message.message_id for message in answer.messages] == ids


@pytest.mark.parametrize("ids", [[], ["<a@x>", "a@x"], [f"<{n}@x>" for n in range(501)], None, "<a@x>", [1]])
def test_a_batch_has_one_to_five_hundred_distinct_ids(stack: Mailbox, inbox: str, ids: Any) -> None:
    answer = stack.http.post(f"/inboxes/{inbox}/messages/batch-get", {"message_ids": ids})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["path"][0] == "message_ids"


# --- attachments and raw ------------------------------------------------------------------------------------------------


def test_an_attachment_is_downloaded_without_credentials(stack: Mailbox, inbox: str, put: Put) -> None:
    file = {"attachment_id": FILE, "size": 3, "filename": "a.png", "content_type": "image/png", "content_disposition": "inline"}
    record = put(files={FILE: b"png"}, attachments=[{**file, "content_id": "logo"}])

    shown = stack.http.get(at(inbox, record["message_id"], f"/attachments/{FILE}")).json()

    assert {**file, "content_id": "logo", "inline": True}.items() <= shown.items()
    assert shown["expires_at"] > stack.http.get(at(inbox, record["message_id"])).json()["created_at"]
    if "amazonaws" not in shown["download_url"]:
        download = httpx.get(shown["download_url"], headers={"Authorization": "Bearer x"}, trust_env=False)
        assert (download.content, download.headers["content-type"]) == (b"png", "image/png")


def test_an_unknown_attachment_is_not_found(stack: Mailbox, inbox: str, put: Put) -> None:
    with pytest.raises(ApiError) as raised:
        stack.client.inboxes.messages.get_attachment(inbox, put()["message_id"], "nope")

    assert raised.value.status_code == 404


def test_raw_mail_has_an_address_too(stack: Mailbox, inbox: str, put: Put) -> None:
    record = put()

    shown = stack.http.get(at(inbox, record["message_id"], "/raw")).json()

    assert (shown["message_id"], shown["size"]) == (record["message_id"], record["size"])


@pytest.mark.parametrize(
    ("version", "attachment", "raw"),
    [
        ("Python 0.0.51", 302, 302),
        ("Python 0.0.284", 200, 302),
        ("Python 0.1.18", 302, 302),
        ("Python 0.2.0", 200, 302),
        ("Python 0.4.1", 200, 200),
        ("Python 2.0.18", 200, 200),
        ("JavaScript 0.1.19", 302, 302),
        ("JavaScript 0.4.3", 200, 302),
        ("JavaScript 0.4.6", 200, 200),
        ("JavaScript none", 200, 200),
    ],
)
def test_old_clients_are_sent_to_the_bytes(stack: Mailbox, inbox: str, put: Put, version: str, attachment: int, raw: int) -> None:
    record = put(files={FILE: b"x"})
    headers = dict(zip(("X-Fern-Language", "X-Fern-SDK-Version"), version.split(), strict=True))
    on_thread = f"/inboxes/{inbox}/threads/{record['thread_id']}/attachments/{FILE}"

    assert stack.http.get(at(inbox, record["message_id"], f"/attachments/{FILE}"), headers=headers).status_code == attachment
    assert stack.http.get(on_thread, headers=headers).status_code == attachment
    assert stack.http.get(at(inbox, record["message_id"], "/raw"), headers=headers).status_code == raw


# --- delete -------------------------------------------------------------------------------------------------------------


def test_a_deleted_message_is_gone_with_its_thread_and_files(stack: Mailbox, inbox: str, put: Put) -> None:
    record = put(files={FILE: b"x"}, bodies={"text": "t"})

    assert stack.http.delete(at(inbox, record["message_id"])).status_code == 204

    assert stack.http.delete(at(inbox, record["message_id"])).status_code == 404
    assert stack.http.get(f"/inboxes/{inbox}/threads/{record['thread_id']}").status_code == 404
    assert stack.http.get(f"/threads/{record['thread_id']}").status_code == 404
    assert listed(stack, inbox) == []


def test_deleting_a_message_recomputes_its_thread(stack: Mailbox, inbox: str, put: Put) -> None:
    first = put(subject="one", thread_id=str(uuid.uuid4()), ts=1000, labels=("received", "a"))
    second = put(subject="two", thread_id=first["thread_id"], ts=2000, labels=("received", "b"), preview="p2")

    stack.http.delete(at(inbox, second["message_id"]))

    thread = stack.http.get(f"/inboxes/{inbox}/threads/{first['thread_id']}").json()
    assert (thread["message_count"], thread["labels"], thread["last_message_id"]) == (1, ["received", "a"], first["message_id"])
    assert "preview" not in thread
    stamp = [each["timestamp"] for each in stack.http.get(f"/inboxes/{inbox}/threads").json()["threads"]]
    assert stamp == ["1970-01-01T00:00:01.000Z"]


def test_blobs_of_a_deleted_message_go_by_the_change_feed(stack: Mailbox, inbox: str, put: Put) -> None:
    from mailroom.ports import BlobMissing
    from mailroom.store import keys

    record = put(files={FILE: b"x"})
    key = keys.blob_attachment(organization_id(stack.http), inbox, record["uid"], FILE)
    stack.http.delete(at(inbox, record["message_id"]))

    def gone() -> bool:
        try:
            stack.runtime.blobs.get(key)
        except BlobMissing:
            return True
        return False

    eventually(gone)
