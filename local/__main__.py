"""`python -m local` runs everything on one machine; `python -m local redrive QUEUE` puts dead letters back (design: running.md)."""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from local import template as templates
from local.folder import DataError, DataFolder
from local.logs import configure
from local.queues import SqliteQueues
from local.servers import PortError
from local.settings import Settings, SettingsError, from_environment
from local.stack import DATABASE, Stack
from local.store.database import Database
from local.template import TemplateError
from mailroom.store.port import StoreBusy

THREAD_TURN_S = 0.0005
"""How long one thread may compute while others wait: with the interpreter's 5 ms a frame waits longer for its turn than all its
work takes."""

USAGE = "usage: python -m local [redrive QUEUE]"


def main(arguments: Sequence[str]) -> int:
    try:
        settings = from_environment(os.environ)
        configure(settings.log)
        match arguments:
            case []:
                return _run(settings)
            case ["redrive", queue]:
                return _redrive(settings, queue)
            case _:
                print(USAGE, file=sys.stderr)
                return 2
    except (SettingsError, DataError, PortError, TemplateError, StoreBusy) as error:
        print(f"mailroom: {error}", file=sys.stderr)
        return 1


def _run(settings: Settings) -> int:
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    with Stack.of(settings) as stack:
        stack.preload()
        _spare_what_stays()
        sys.setswitchinterval(THREAD_TURN_S)
        _announce(stack)
        stopping.wait()
    return 0


def _spare_what_stays() -> None:
    """What is loaded by now lives as long as the process: no collection of garbage walks it again. Nor need the few thousand
    objects of one mail be walked while it is in work."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 4, 4)


def _redrive(settings: Settings, queue: str) -> int:
    template = templates.load(Stack.template_path)
    folder = DataFolder(Path(settings.data))
    try:
        database = Database(folder.path / DATABASE)
        count = SqliteQueues(database, template.queues).redrive(queue)
        database.close()
    except KeyError:
        print(f"mailroom: the template has no queue {queue} with dead letters", file=sys.stderr)
        return 1
    finally:
        folder.close()
    print(f"{count} messages put back into {queue}")
    return 0


def _announce(stack: Stack) -> None:
    print(f"Base URL    {stack.http}")
    print(f"Socket URL  {stack.ws}")
    print(f"SMTP        {stack.smtp_address}")
    print(f"API key     {stack.api_key}")
    print(f"Try         curl -H 'Authorization: Bearer {stack.api_key}' {stack.http}/v0/inboxes")
    ready = {"ready": True, "http": stack.http, "ws": stack.ws, "smtp": stack.smtp_address, "api_key": stack.api_key}
    print(json.dumps(ready), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
