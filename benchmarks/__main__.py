"""Runs the sections named on the command line, or all of them. Exits with 1 where a bar is missed."""

from __future__ import annotations

import sys
from collections.abc import Callable

from benchmarks import arrivals, cold, hooks, lists, memory, requests, streams, trips
from benchmarks.report import Row, show

SECTIONS: dict[str, tuple[str, Callable[[], list[Row]]]] = {
    "requests": ("Warm GET of one message over HTTP", requests.run),
    "arrivals": ("400 mails of 12 KB by 16 SMTP connections", arrivals.run),
    "streams": ("Events to sockets", streams.run),
    "hooks": ("Events to webhooks", hooks.run),
    "lists": ("A page of 20", lists.run),
    "trips": ("Store trips and units per operation", trips.run),
    "memory": ("Resident memory", memory.run),
    "cold": ("Cold import, as a multiple of boto3 and one client", cold.run),
}


def main(names: list[str]) -> int:
    met = [show(title, run()) for name, (title, run) in SECTIONS.items() if not names or name in names]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
