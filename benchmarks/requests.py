"""Warm GET of one message over HTTP, beside an empty Starlette endpoint."""

from __future__ import annotations

import smtplib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

from benchmarks.mails import mail
from benchmarks.report import Row, percentile
from benchmarks.servers import Server, bare, mailroom, messages_path

WARM, COUNTED, CLIENTS, PER_CLIENT = 200, 1500, 16, 250


def timed(call: Callable[[], object], count: int) -> list[float]:
    took = []
    for _ in range(count):
        started = time.perf_counter()
        call()
        took.append(time.perf_counter() - started)
    return took


def first_message(server: Server, inbox_id: str) -> str:
    with smtplib.SMTP(*server.smtp) as smtp:
        smtp.sendmail("sender@example.com", [inbox_id], mail(inbox_id, 1))
    while not (found := server.call("GET", messages_path(inbox_id))["messages"]):
        time.sleep(0.01)
    return f"{messages_path(inbox_id)}/{quote(found[0]['message_id'], safe='')}"


def run() -> list[Row]:
    with mailroom() as server, bare() as baseline:
        path = first_message(server, server.inbox("reader"))

        def empty() -> None:
            baseline.request("GET", "/")
            baseline.getresponse().read()

        link = server.connect()

        def get() -> None:
            server.call("GET", path, connection=link)

        timed(empty, WARM), timed(get, WARM)
        rounds = [(percentile(timed(get, COUNTED // 5), 0.5), percentile(timed(empty, COUNTED // 5), 0.5)) for _ in range(5)]
        ours, theirs = sorted(rounds, key=lambda pair: pair[0] / pair[1])[2]
        rate = concurrent_rate(server, path)
        told = refusals(server)
    return [
        Row("empty endpoint, p50", theirs * 1000, "ms"),
        Row("GET message, p50", ours * 1000, "ms"),
        Row("GET message / empty endpoint", ours / theirs, "x", bar=8),
        Row("wrong key / unknown key, p50", told, "x", bar=1.2),
        Row(f"GET message, {CLIENTS} clients", rate, "req/s", bar=400, better="higher"),
    ]


def refusals(server: Server) -> float:
    """How much longer it takes to refuse a key that is nearly right than one that looks like none."""
    link = server.connect()

    def refused(key: str) -> Callable[[], object]:
        def ask() -> None:
            link.request("GET", "/v0/auth/me", headers={"Authorization": f"Bearer {key}"})
            link.getresponse().read()

        return ask

    wrong, unknown = refused(server.api_key[:-1] + "!"), refused("am_" + "0" * (len(server.api_key) - 3))
    timed(wrong, WARM), timed(unknown, WARM)
    rounds = [percentile(timed(wrong, COUNTED // 5), 0.5) / percentile(timed(unknown, COUNTED // 5), 0.5) for _ in range(5)]
    return sorted(rounds)[2]


def concurrent_rate(server: Server, path: str) -> float:
    def client(_: int) -> None:
        link = server.connect()
        for _ in range(PER_CLIENT):
            server.call("GET", path, connection=link)

    started = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(client, range(CLIENTS)))
    return CLIENTS * PER_CLIENT / (time.perf_counter() - started)
