"""400 mails of 12 KB by 16 SMTP connections: from the first byte sent to the last mail readable by API."""

from __future__ import annotations

import smtplib
import time
from concurrent.futures import ThreadPoolExecutor
from email import message_from_bytes

from benchmarks.mails import mail
from benchmarks.report import Row
from benchmarks.servers import Server, mailroom, messages_path

MAILS, CONNECTIONS = 400, 16


def readable(server: Server, inbox_id: str) -> list[str]:
    subjects: list[str] = []
    token = ""
    while True:
        page = server.call("GET", f"{messages_path(inbox_id)}?limit=500{token}")
        subjects += [message["subject"] for message in page["messages"]]
        if "next_page_token" not in page:
            return subjects
        token = f"&page_token={page['next_page_token']}"


def pause(found: int, elapsed: float) -> float:
    """Seconds until most of the rest should be there: asking for the whole list costs the server as much as several mails."""
    return min(max(0.02, 0.7 * elapsed * (MAILS - found) / max(found, 1)), 0.5)


def bare_parse(mails: list[bytes]) -> float:
    """Seconds that the standard library takes to read them, and to do nothing else."""
    started = time.perf_counter()
    for raw in mails:
        message_from_bytes(raw)
    return time.perf_counter() - started


def run() -> list[Row]:
    with mailroom() as server:
        inbox_id = server.inbox("arrivals")
        mails = [mail(inbox_id, number) for number in range(MAILS)]
        parse = bare_parse(mails)

        def send(share: int) -> None:
            with smtplib.SMTP(*server.smtp) as smtp:
                for raw in mails[share::CONNECTIONS]:
                    smtp.sendmail("sender@example.com", [inbox_id], raw)

        started = time.perf_counter()
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            list(pool.map(send, range(CONNECTIONS)))
        accepted = time.perf_counter() - started
        deadline = started + 120
        while len(found := readable(server, inbox_id)) < MAILS and time.perf_counter() < deadline:
            time.sleep(pause(len(found), time.perf_counter() - started))
        took = time.perf_counter() - started
    return [
        Row("a bare email.message_from_bytes of the same mails", MAILS / parse, "mails/s"),
        Row("accepted by SMTP", MAILS / accepted, "mails/s"),
        Row("readable by API", MAILS / took, "mails/s", bar=100, better="higher"),
        Row("lost", MAILS - len(set(found)), "mails", bar=0),
        Row("twice", len(found) - len(set(found)), "mails", bar=0),
    ]
