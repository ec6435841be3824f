"""What a client sends: `subscribe` and nothing else. Everything is answered from here, so that the gateway has nothing to say."""

from __future__ import annotations

from mailroom import log
from mailroom.errors import MailroomError, ValidationError
from mailroom.keys.standing import ENDED
from mailroom.ports import SocketBusy, SocketGone
from mailroom.runtime import Runtime
from mailroom.sockets.frames import error_text, read_subscribe
from mailroom.sockets.record import ConnectionRecord, forget, load
from mailroom.sockets.subscribe import subscribe
from mailroom.store import keys
from mailroom.store.port import Add, ConditionFailed, Present

MAX_ERRORS = 10


def receive(connection_id: str, text: str | None, runtime: Runtime) -> None:
    """`text` is None for a binary frame. Never raises: what goes wrong here ends the connection with 1011."""
    try:
        record = load(connection_id, items=runtime.items)
        if record is None:
            runtime.sockets.close(connection_id, 1011, "Connect again")
            return
        _answer(record, text, runtime)
    except Exception:  # noqa: BLE001 - raising would make the gateway send an error of its own, which clients take for `subscribed`
        log.logger.exception("frame failed")
        runtime.sockets.close(connection_id, 1011, "Internal error")


def _answer(record: ConnectionRecord, text: str | None, runtime: Runtime) -> None:
    try:
        if text is None:
            raise ValidationError.at((), "Frames must be text")
        subscribe(record, read_subscribe(text), runtime)
    except ENDED:
        _end(record, 1008, "The credential is no longer valid", runtime)
    except SocketGone:
        forget(record, items=runtime.items)
    except MailroomError as error:
        _refuse(record, error, runtime)


def _refuse(record: ConnectionRecord, error: MailroomError, runtime: Runtime) -> None:
    try:
        runtime.sockets.post(record["connection_id"], error_text(error))
        key = keys.connection(record["connection_id"])
        errors = runtime.items.update(key, (Add("errors", 1),), Present())["errors"]
    except SocketBusy:
        _end(record, 1011, "Frames are not read", runtime)
    except (SocketGone, ConditionFailed):
        forget(record, items=runtime.items)
    else:
        if errors >= MAX_ERRORS:
            _end(record, 1008, "Too many errors", runtime)


def _end(record: ConnectionRecord, code: int, reason: str, runtime: Runtime) -> None:
    runtime.sockets.close(record["connection_id"], code, reason)
    current = load(record["connection_id"], items=runtime.items)
    forget(current or record, items=runtime.items)
