"""One machine: room on the disk, who may read the data, and whether the ports answer."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import smtplib
import socket
from pathlib import Path

from admin.doctor.findings import Finding, fail, ok, warn
from local.servers import reached

LITTLE_BYTES = 2 * 1024**3
NONE_BYTES = 200 * 1024**2
OPEN_TO_OTHERS = 0o077
WAIT_S = 3.0

START = "Start it with `make run`; if it is running, give this command the same MAILROOM_ settings."


def disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    text = f"{free / 1024**3:.1f} GB are free for {folder}."
    advice = "Make room: without it mail is put off (451) and requests answer 503."
    if free < NONE_BYTES:
        return fail(text, advice)
    return warn(text, advice) if free < LITTLE_BYTES else ok(text)


def permissions(folder: Path) -> Finding:
    locked = [path.name for path in (folder, *sorted(folder.iterdir())) if not os.access(path, os.R_OK | os.W_OK)]
    if locked:
        return fail(f"Not to be read and written here: {', '.join(locked)}.", f"Run as the owner, or chown -R what is in {folder}.")
    if folder.stat().st_mode & OPEN_TO_OTHERS:
        return warn(f"Other users of this machine can look into {folder}, which holds mail.", f"chmod 700 {folder}")
    return ok(f"{folder} is its owner's alone.")


def api_port(host: str, port: int) -> Finding:
    where = f"{host}:{port}"
    try:
        connection = http.client.HTTPConnection(reached(host), port, timeout=WAIT_S)
        try:
            connection.request("GET", "/v0/auth/me")
            code = _code(connection.getresponse().read(4096))
        finally:
            connection.close()
    except (OSError, http.client.HTTPException) as error:
        return fail(f"The API does not answer at {where} ({error}).", START)
    if code != "missing_authorization":
        return fail(f"What answers at {where} is not this API.", "Find out who has the port, or choose another by MAILROOM_PORT.")
    return ok(f"The API answers at {where}.")


def smtp_port(host: str, port: int) -> Finding:
    where = f"{host}:{port}"
    try:
        with smtplib.SMTP(reached(host), port, timeout=WAIT_S) as smtp:
            smtp.noop()
    except (OSError, smtplib.SMTPException) as error:
        return fail(f"Mail in does not answer at {where} ({error}).", START)
    return ok(f"Mail is taken at {where}.")


def relay(address: tuple[str, int] | None) -> Finding:
    if address is None:
        return warn("There is no relay: outgoing mail is kept, not sent.", "Set MAILROOM_SMTP_RELAY to host:port to send it.")
    where = f"{address[0]}:{address[1]}"
    try:
        with socket.create_connection(address, timeout=WAIT_S):
            return ok(f"The relay {where} takes connections.")
    except OSError as error:
        return fail(f"The relay {where} cannot be reached ({error}): mail waits.", "Correct MAILROOM_SMTP_RELAY, or the relay.")


def _code(body: bytes) -> object:
    try:
        answer = json.loads(body)
    except ValueError:
        return None
    return answer.get("code") if isinstance(answer, dict) else None
