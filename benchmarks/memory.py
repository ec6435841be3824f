"""Resident memory of `make run`: idle, and while a mail of 30 MB is received and read."""

from __future__ import annotations

import smtplib
import time
from urllib.parse import quote

from benchmarks.mails import mail
from benchmarks.report import Row
from benchmarks.servers import mailroom, messages_path

ATTACHMENT = 22 * 1024 * 1024


def run() -> list[Row]:
    with mailroom() as server:
        inbox_id = server.inbox("memory")
        idle = server.rss_mb()
        raw = mail(inbox_id, 1, attachment=bytes(range(256)) * (ATTACHMENT // 256))
        with smtplib.SMTP(*server.smtp, timeout=120) as smtp:
            smtp.sendmail("sender@example.com", [inbox_id], raw)
        while not (found := server.call("GET", messages_path(inbox_id))["messages"]):
            time.sleep(0.05)
        server.call("GET", f"{messages_path(inbox_id)}/{quote(found[0]['message_id'], safe='')}")
        peak = server.rss_mb(peak=True)
    return [
        Row("idle", idle, "MB", bar=150),
        Row("size of the mail", len(raw) / 1024 / 1024, "MB"),
        Row("peak above idle, received and read", peak - idle, "MB", bar=300),
    ]
