"""One draft and its files, at each scope (spec: drafts.md, "Endpoints")."""

from __future__ import annotations

import base64
import uuid
from typing import Any

import httpx
import pytest

from mailroom.ids import uuid7
from tests.support.drafts import at, changed, made, refusal, sent, shown, taken
from tests.support.identity import new_pod, other_organization, using_key, using_pod_key, without_request_id
from tests.support.stacks import Mailbox

FILE = b"%PDF \x00\xff"
ATTACHMENT = {"content": base64.b64encode(FILE).decode(), "filename": "plän.pdf"}


def scopes(stack: Mailbox, inbox: str) -> list[str]:
    pod_id = stack.http.get(f"/inboxes/{inbox}").json()["pod_id"]
    return ["/drafts", f"/pods/{pod_id}/drafts", at(inbox)]


def test_each_scope_shows_the_same_draft(stack: Mailbox, inbox: str) -> None:
    draft = made(stack, inbox, to="b@example.com", text="x", html="<p>x", client_id=uuid.uuid4().hex)

    assert [taken(stack.http.get(f"{base}/{draft['draft_id']}")) for base in scopes(stack, inbox)] == [draft] * 3


def test_each_scope_leads_to_the_bytes_of_a_file(stack: Mailbox, inbox: str) -> None:
    draft = made(stack, inbox, attachments=[ATTACHMENT])
    [file] = draft["attachments"]

    for base in scopes(stack, inbox):
        answer = taken(stack.http.get(f"{base}/{draft['draft_id']}/attachments/{file['attachment_id']}"))
        download = httpx.get(answer["download_url"], trust_env=False)

        assert {name: answer[name] for name in file} == file
        assert (download.content, download.headers["content-type"]) == (FILE, "application/pdf")


@pytest.mark.parametrize(("version", "status"), [("0.1.18", 302), ("0.0.51", 302), ("0.2.0", 200), ("2.0.18", 200)])
def test_old_clients_are_sent_to_the_bytes(stack: Mailbox, inbox: str, version: str, status: int) -> None:
    draft = made(stack, inbox, attachments=[ATTACHMENT])
    headers = {"X-Fern-Language": "Python", "X-Fern-SDK-Version": version}

    for base in scopes(stack, inbox):
        path = f"{base}/{draft['draft_id']}/attachments/{draft['attachments'][0]['attachment_id']}"
        answer = stack.http.get(path, headers=headers)

        assert answer.status_code == status
        if status == 302:
            assert httpx.get(answer.headers["location"], trust_env=False).content == FILE


@pytest.mark.parametrize("size", [0, 1, 30_000, 300_000])
def test_text_of_any_size_comes_back_as_it_was(stack: Mailbox, inbox: str, size: int) -> None:
    noise = base64.b64encode(uuid.uuid4().bytes * 4).decode()
    text = "".join(f"{number:x}{uuid.uuid4().hex}" for number in range(size // 32 + 1))[:size]

    draft = made(stack, inbox, text=text, html=f"<p>{noise}{text}", to="b@example.com")

    assert (draft["text"], draft["html"]) == (text, f"<p>{noise}{text}")
    assert shown(stack, inbox, draft) == draft
    assert changed(stack, inbox, draft, subject="new")["text"] == text
    assert changed(stack, inbox, draft, html=None)["text"] == text
    assert sent(stack, inbox, draft)["text"] == text


def test_a_preview_is_the_beginning_of_the_text(stack: Mailbox, inbox: str) -> None:
    draft = made(stack, inbox, text="a \n b " * 200)

    assert draft["preview"] == " ".join(["a b"] * 200)[:200].strip()
    assert changed(stack, inbox, draft, text="short")["preview"] == "short"
    assert "preview" not in changed(stack, inbox, draft, text=None, html="<p>x")


def test_what_is_not_there_is_not_found(stack: Mailbox, inbox: str) -> None:
    draft = made(stack, inbox, attachments=[ATTACHMENT])
    file, other = draft["attachments"][0]["attachment_id"], made(stack, inbox)["draft_id"]

    for base in scopes(stack, inbox):
        for tail in ("unknown", uuid7(0), f"{draft['draft_id']}/attachments/unknown", f"{other}/attachments/{file}"):
            assert refusal(stack.http.get(f"{base}/{tail}")) == (404, "not_found")


def test_a_draft_is_only_in_its_own_inbox_and_pod(stack: Mailbox, inbox: str) -> None:
    draft = made(stack, inbox, attachments=[ATTACHMENT], client_id=uuid.uuid4().hex)
    second, other = new_pod(stack), str(stack.http.post("/inboxes").json()["inbox_id"])
    tail = f"/attachments/{draft['attachments'][0]['attachment_id']}"

    for http, base in (
        (stack.http, at(other)),
        (stack.http, f"/pods/{second}/drafts"),
        (using_key(stack, inbox_id=other), "/drafts"),
        (using_pod_key(stack, second), "/drafts"),
    ):
        for named in (draft["draft_id"], draft["client_id"]):
            assert refusal(http.get(f"{base}/{named}")) == (404, "not_found")
            assert refusal(http.get(f"{base}/{named}{tail}")) == (404, "not_found")


def test_narrow_keys_read_what_they_reach(stack: Mailbox, inbox: str) -> None:
    draft = made(stack, inbox, text="x")
    pod_id = stack.http.get(f"/inboxes/{inbox}").json()["pod_id"]

    for http in (using_key(stack, inbox_id=inbox), using_pod_key(stack, pod_id)):
        assert taken(http.get(f"/drafts/{draft['draft_id']}")) == draft
        assert taken(http.get(at(inbox, draft))) == draft


@pytest.mark.parametrize("tail", ["", "/attachments/{file}"])
@pytest.mark.parametrize("base", ["/drafts", "/inboxes/{inbox}/drafts"])
def test_a_foreign_draft_answers_like_none(stack: Mailbox, inbox: str, base: str, tail: str) -> None:
    draft = made(stack, inbox, attachments=[ATTACHMENT], client_id=uuid.uuid4().hex)
    other = other_organization(stack)
    ids: dict[str, Any] = {"inbox": inbox, "file": draft["attachments"][0]["attachment_id"]}
    unknown = {"inbox": "nobody@mailroom.local", "file": uuid7(0)}

    missing = without_request_id(other.get(f"{base}/{uuid7(0)}{tail}".format(**unknown)))

    assert missing[0] == 404
    for named in (draft["draft_id"], draft["client_id"]):
        assert without_request_id(other.get(f"{base}/{named}{tail}".format(**ids))) == missing
