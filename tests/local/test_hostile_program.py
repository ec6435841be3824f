"""The running program under pressure: too many requests, one key at once, a full disk, and what its log says about all of it."""

from __future__ import annotations

import signal
import smtplib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.blob_files import FileBlobs
from mailroom.config import Config
from mailroom.organizations.service import create_organization
from tests.support.polling import eventually
from tests.support.program import Program
from tests.support.stacks import SqliteStack

UNBOUNDED_PAGES = 1_073_741_823


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[SqliteStack]:
    with SqliteStack(Config(rate_per_second=0), data=tmp_path) as running:
        yield running


def client(stack: SqliteStack, api_key: str | None = None) -> httpx.Client:
    headers = {"Authorization": f"Bearer {api_key or stack.api_key}"}
    return httpx.Client(base_url=stack.http + "/v0", headers=headers, timeout=60, trust_env=False)


def mail(subject: str, body: str) -> bytes:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = subject, "hidden-sender@example.com", "hidden-name@example.com"
    message.set_content(body)
    return message.as_bytes().replace(b"\n", b"\r\n")


def subjects(http: httpx.Client, inbox: str) -> list[str]:
    return [message["subject"] for message in http.get(f"/inboxes/{inbox}/messages").json()["messages"]]


def test_a_burst_is_limited_for_the_organization_that_makes_it_alone() -> None:
    with SqliteStack(clock=lambda: 1_700_000_000_000) as stack, client(stack) as http:
        other = create_organization(items=stack.runtime.items, clock=stack.runtime.clock)["api_key"]

        answers = [http.get("/auth/me") for _ in range(300)]

        assert [answer.status_code for answer in answers] == [200] * 200 + [429] * 100
        assert answers[-1].headers["retry-after"] == "1"
        assert answers[-1].json()["code"] == "rate_limit_exceeded"
        with client(stack, other) as theirs:
            assert theirs.get("/auth/me").status_code == 200


def test_one_key_used_twenty_times_at_once_sends_one_mail(stack: SqliteStack) -> None:
    with client(stack) as http:
        inbox = http.post("/inboxes").json()["inbox_id"]

        def send(_: int) -> httpx.Response:
            return http.post(f"/inboxes/{inbox}/messages/send", json={"to": "q@example.com"}, headers={"Idempotency-Key": "one"})

        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(send, range(20)))

    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len({answer.json()["message_id"] for answer in answers if answer.status_code == 200}) == 1
    assert len(stack.sent()) == 1


def set_pages(stack: SqliteStack, pages: int) -> None:
    stack.database.write(lambda connection: connection.execute(f"PRAGMA max_page_count={pages}").fetchone())


def files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def test_a_full_database_is_503_and_451_and_afterwards_all_works(stack: SqliteStack) -> None:
    with client(stack) as http:
        inbox = http.post("/inboxes").json()["inbox_id"]
        set_pages(stack, 1)

        while http.post("/inboxes", json={"metadata": {"k": "v" * 200}}).status_code == 200:
            pass
        refused = http.post(f"/inboxes/{inbox}/messages/send", json={"to": "q@example.com", "text": "s" * 20_000})
        with pytest.raises(smtplib.SMTPDataError) as full:
            stack.deliver(mail("refused", "y" * 30_000), [inbox])
        read = http.get(f"/inboxes/{inbox}/messages")
        set_pages(stack, UNBOUNDED_PAGES)
        stack.deliver(mail("accepted", "y" * 30_000), [inbox])

        assert (refused.status_code, refused.json()["code"]) == (503, "service_unavailable")
        assert refused.headers["retry-after"] == "1"
        assert full.value.smtp_code == 451
        assert read.json()["messages"] == []
        assert eventually(lambda: subjects(http, inbox)) == ["accepted"]
        assert stack.sent() == []


def test_a_full_disk_leaves_nothing_half_stored_and_the_key_free(
    stack: SqliteStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body: dict[str, Any] = {"to": "q@example.com", "attachments": [{"content": "YWFh" * 50_000}, {"content": "YWFi" * 50_000}]}
    put, written = FileBlobs.put, 0

    def full(self: FileBlobs, key: str, data: bytes) -> None:
        nonlocal written
        written += 1
        if written > 1:
            raise OSError(28, "No space left on device")
        put(self, key, data)

    with client(stack) as http:
        inbox = http.post("/inboxes").json()["inbox_id"]
        path, headers = f"/inboxes/{inbox}/messages/send", {"Idempotency-Key": "again"}
        before = files(tmp_path / "blobs")
        with monkeypatch.context() as broken:
            broken.setattr(FileBlobs, "put", full)
            refused = http.post(path, json=body, headers=headers)
        left = files(tmp_path / "blobs") - before

        assert refused.status_code == 503
        assert left == set()
        assert http.post(path, json=body, headers=headers).status_code == 200
        assert len(stack.sent()) == 1


def provoke(ready: dict[str, Any]) -> None:
    """Mail in, mail out, and errors of many kinds, with `hidden` in everything that a log must not show."""
    headers = {"Authorization": f"Bearer {ready['api_key']}"}
    with httpx.Client(base_url=ready["http"] + "/v0", headers=headers, timeout=60, trust_env=False) as http:
        inbox = http.post("/inboxes", json={"username": "hidden-box", "display_name": "hidden-display"}).json()["inbox_id"]
        with smtplib.SMTP("127.0.0.1", int(str(ready["smtp"]).rpartition(":")[2])) as smtp:
            smtp.sendmail("hidden@example.com", [inbox], mail("hidden-subject", "hidden-body"))
            with pytest.raises(smtplib.SMTPRecipientsRefused):
                smtp.sendmail("hidden@example.com", ["hidden-nobody@mailroom.local"], mail("hidden", "hidden"))
        eventually(lambda: subjects(http, inbox))
        for path, body in (
            (f"/inboxes/{inbox}/messages/send", {"to": "hidden-to@example.com", "subject": "hidden", "text": "hidden"}),
            (f"/inboxes/{inbox}/messages/send", {"to": inbox, "attachments": [{"url": "http://127.0.0.1:1/hidden"}]}),
            (f"/inboxes/{inbox}/messages/send", {"to": "hidden to", "headers": {"hidden": "hidden\n"}}),
            (f"/inboxes/{inbox}/messages/hidden/reply", {"text": "hidden"}),
            ("/api-keys", {"name": "hidden"}),
        ):
            http.post(path, json=body)
        http.get("/inboxes/hidden@example.com?page_token=hidden", headers={"Authorization": "Bearer am_hidden"})


def test_the_log_names_no_secret_no_address_and_no_content(tmp_path: Path) -> None:
    program = Program(MAILROOM_DATA=str(tmp_path))
    try:
        ready = program.ready()
        provoke(ready)
        log = program.end(signal.SIGINT)[1]
    finally:
        program.kill()

    assert log.count('"request"') > 5
    assert "hidden" not in log
    assert ready["api_key"] not in log
