"""From SMTP's 250 to the POST at a webhook, one mail after another."""

from __future__ import annotations

import json
import smtplib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from benchmarks.mails import mail
from benchmarks.report import Row, percentile
from benchmarks.servers import mailroom

MAILS, WARM_UP = 100, 10
PATIENCE_S = 30


def run() -> list[Row]:
    arrived: dict[str, float] = {}
    heard = threading.Condition()

    class Target(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with heard:
                arrived.setdefault(event["message"]["subject"], time.perf_counter())
                heard.notify_all()
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    target = ThreadingHTTPServer(("127.0.0.1", 0), Target)
    threading.Thread(target=target.serve_forever, daemon=True).start()
    waits: list[float] = []
    try:
        with mailroom(MAILROOM_WEBHOOK_ALLOW_PRIVATE="1") as server, smtplib.SMTP(*server.smtp) as smtp:
            inbox_id = server.inbox("hooks")
            url = f"http://127.0.0.1:{target.server_port}/"
            server.call("POST", "/webhooks", {"url": url, "event_types": ["message.received"]})
            for number in range(WARM_UP + MAILS):
                smtp.sendmail("sender@example.com", [inbox_id], mail(inbox_id, number, size=2048))
                accepted = time.perf_counter()
                subject = f"Report {number}"
                with heard:
                    assert heard.wait_for(lambda: subject in arrived, PATIENCE_S), "a webhook was not called"  # noqa: B023
                if number >= WARM_UP:
                    waits.append(max(arrived[subject] - accepted, 0))
    finally:
        target.shutdown()
        target.server_close()
    return [
        Row("SMTP 250 to webhook POST, p50", percentile(waits, 0.5) * 1000, "ms", bar=30),
        Row("the same, p99", percentile(waits, 0.99) * 1000, "ms"),
    ]
