"""From SMTP's 250 to the frame at 200 subscribers; one event to 1,000 sockets; 2,000 sockets that do nothing."""

from __future__ import annotations

import asyncio
import re
import smtplib
import time

import uvloop

from benchmarks.listeners import listening
from benchmarks.mails import mail
from benchmarks.report import Row, percentile
from benchmarks.servers import Server, mailroom

SUBSCRIBERS, MAILS, PER_SECOND = 200, 200, 20
FAN_OUT, IDLE = 1000, 2000
WARM_UP = 10
PATIENCE_S = 60

_SUBJECT = re.compile(rb'"subject":"Report (\d+)"')


def run() -> list[Row]:
    with mailroom() as server:
        rows = uvloop.run(_frames(server))
    with mailroom() as server:
        rows.append(uvloop.run(_fan_out(server)))
    with mailroom() as server:
        rows.append(uvloop.run(_idle(server)))
    return rows


class _Ear:
    """Which mails were heard of, when, by all sockets together."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, float]] = []

    def __call__(self, payload: bytes, now: float) -> None:
        if (found := _SUBJECT.search(payload)) is not None:
            self.heard.append((int(found[1]), now))

    async def wait(self, frames: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while len(self.heard) < frames:
                await asyncio.sleep(0.05)


async def _frames(server: Server) -> list[Row]:
    inbox_id, ear = server.inbox("streams"), _Ear()
    async with listening(server, SUBSCRIBERS, ear):
        accepted = await asyncio.to_thread(_send, server, inbox_id)
        await ear.wait(SUBSCRIBERS * (WARM_UP + MAILS))
    # A frame may be there before the client has read its 250.
    waits = [max(at - accepted[number], 0) for number, at in ear.heard if number >= WARM_UP]
    return [
        Row(f"SMTP 250 to frame, {SUBSCRIBERS} subscribers, {PER_SECOND} mails/s, p50", percentile(waits, 0.5) * 1000, "ms", 20),
        Row("the same, p99", percentile(waits, 0.99) * 1000, "ms", bar=100),
    ]


def _send(server: Server, inbox_id: str) -> list[float]:
    """When each mail was accepted."""
    accepted = []
    with smtplib.SMTP(*server.smtp) as smtp:
        for number in range(WARM_UP + MAILS):
            started = time.perf_counter()
            smtp.sendmail("sender@example.com", [inbox_id], mail(inbox_id, number, size=2048))
            accepted.append(time.perf_counter())
            time.sleep(max(started + 1 / PER_SECOND - time.perf_counter(), 0))
    return accepted


async def _fan_out(server: Server) -> Row:
    """From the first of the frames to the last of them."""
    inbox_id, ear = server.inbox("crowd"), _Ear()
    async with listening(server, FAN_OUT, ear):
        with smtplib.SMTP(*server.smtp) as smtp:
            await asyncio.to_thread(smtp.sendmail, "sender@example.com", [inbox_id], mail(inbox_id, 0, size=2048))
        await ear.wait(FAN_OUT)
    arrivals = [at for _, at in ear.heard]
    return Row(f"one event to {FAN_OUT} sockets, first to last", max(arrivals) - min(arrivals), "s", bar=1)


async def _idle(server: Server) -> Row:
    async with listening(server, IDLE, _Ear()):
        await asyncio.sleep(1)
        return Row(f"memory with {IDLE} idle sockets", server.rss_mb(), "MB", bar=300)
