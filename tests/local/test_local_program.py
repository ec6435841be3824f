"""The stack's life: starts, stops, restarts, and what is left of it after a kill."""

from __future__ import annotations

import functools
import json
import os
import signal
import smtplib
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from local import Stack
from local.folder import DataError
from local.servers import PortError
from mailroom.store import keys
from tests.local.inside import TEMPLATE, add_address, blob, blobs_below
from tests.support.polling import eventually
from tests.support.program import ROOT, Program

PROGRAM = (
    "import sys; from pathlib import Path; import local.stack, local.__main__ as program;"
    f"program.Stack.template_path = Path({str(TEMPLATE)!r}); sys.exit(program.main(sys.argv[1:]))"
)


small = functools.partial(Program, command=("-c", PROGRAM))
"""`python -m local` over the small template."""


@pytest.fixture
def programs() -> Iterator[list[Program]]:
    started: list[Program] = []
    yield started
    for program in started:
        program.kill()


def test_a_second_start_continues_with_the_same_data(tmp_path: Path) -> None:
    with Stack(tmp_path, template=TEMPLATE) as first:
        add_address(first, "ann@mailroom.local")
        key = first.api_key
        link = first.blobs.url("k", filename=None, content_type=None, inline=False, seconds=60)
        first.blobs.put("k", b"kept")

    with Stack(tmp_path, template=TEMPLATE) as second:
        assert second.api_key == key
        assert second.items.get(keys.address("ann@mailroom.local")) is not None
        assert httpx.get(second.http + link[link.index("/blobs/") :]).content == b"kept"


def test_secrets_are_only_for_the_owner(tmp_path: Path) -> None:
    with Stack(tmp_path, template=TEMPLATE):
        modes = {name: (tmp_path / name).stat().st_mode & 0o777 for name in ("api_key", "link_secret")}

    assert modes == {"api_key": 0o600, "link_secret": 0o600}


def test_the_given_key_is_used_and_not_written_down(tmp_path: Path) -> None:
    with Stack(tmp_path, template=TEMPLATE, api_key="am_" + "k" * 48) as stack:
        assert stack.api_key == "am_" + "k" * 48

    assert not (tmp_path / "api_key").exists()


def test_a_data_folder_has_one_stack_at_a_time(tmp_path: Path) -> None:
    with Stack(tmp_path, template=TEMPLATE), pytest.raises(DataError, match="another running process"):
        Stack(tmp_path, template=TEMPLATE).start()

    with Stack(tmp_path, template=TEMPLATE):
        pass


def test_a_stack_that_cannot_start_leaves_nothing_behind(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        threads = threading.active_count()
        with pytest.raises(PortError, match="MAILROOM_SMTP_PORT"):
            Stack(tmp_path, template=TEMPLATE, smtp_port=taken.getsockname()[1]).start()

    assert threading.active_count() == threads
    with Stack(tmp_path, template=TEMPLATE):
        pass


def test_stopping_ends_every_thread_and_removes_throw_away_data() -> None:
    threads = threading.active_count()
    with Stack(template=TEMPLATE) as stack:
        folder = stack.folder.path
        httpx.get(stack.http + "/v0/things")
        socket.create_connection(stack.smtp).close()
    stack.stop()

    eventually(lambda: threading.active_count() <= threads)
    assert not folder.exists()


def test_open_connections_do_not_hold_up_the_stop() -> None:
    with Stack(template=TEMPLATE) as stack:
        host, port = stack.http.removeprefix("http://").split(":")
        half = socket.create_connection((host, int(port)))
        half.sendall(b"GET /v0/things HTT")
        session = socket.create_connection(stack.smtp)
        session.recv(100)

    assert session.recv(1000) == b""
    assert half.recv(100) == b""
    half.close()
    session.close()


def test_an_address_row_reaches_the_stream_worker(stack: Stack) -> None:
    add_address(stack, "streamed@mailroom.local")

    record = json.loads(eventually(lambda: blob(stack, "changes/ADDR#streamed@mailroom.local")) or b"")
    assert record["eventName"] == "INSERT"


def test_the_program_says_where_it_is_and_stops_cleanly(tmp_path: Path, programs: list[Program]) -> None:
    programs.append(small(MAILROOM_DATA=str(tmp_path)))
    ready = programs[0].ready()

    assert ready["ready"] is True
    assert httpx.get(ready["http"] + "/v0/things").status_code == 200
    assert ready["ws"] == ready["http"].replace("http", "ws")
    host, port = ready["smtp"].split(":")
    smtplib.SMTP(host, int(port)).quit()
    assert ready["api_key"].startswith("am_")
    assert programs[0].end(signal.SIGTERM) == (0, "")


@pytest.mark.parametrize(
    "environment",
    [
        {"MAILROOM_PORT": "nonsense"},
        {"MAILROOM_VERDICTS": "maybe"},
        {"MAILROOM_DATA": "/proc/mailroom"},
        {"MAILROOM_DATA": "/dev/null/x"},
        {"MAILROOM_HOST": "203.0.113.1"},
        {"MAILROOM_HOST": "no such host"},
    ],
)
def test_what_prevents_a_start_is_one_clear_line(tmp_path: Path, environment: dict[str, str], programs: list[Program]) -> None:
    programs.append(small(**({"MAILROOM_DATA": str(tmp_path)} | environment)))

    code, errors = programs[0].wait()

    assert code == 1
    assert errors.startswith("mailroom: ")
    assert len(errors.splitlines()) == 1


def test_a_port_in_use_is_one_clear_line(tmp_path: Path, programs: list[Program]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        programs.append(small(MAILROOM_DATA=str(tmp_path), MAILROOM_PORT=str(taken.getsockname()[1])))
        code, errors = programs[0].wait()

    assert code == 1
    assert "MAILROOM_PORT" in errors
    assert len(errors.splitlines()) == 1


def test_a_second_program_on_the_same_data_is_refused_and_the_first_lives_on(tmp_path: Path, programs: list[Program]) -> None:
    programs.append(small(MAILROOM_DATA=str(tmp_path)))
    ready = programs[0].ready()
    programs.append(small(MAILROOM_DATA=str(tmp_path)))

    code, errors = programs[1].wait()

    assert code == 1
    assert "another running process" in errors
    assert httpx.get(ready["http"] + "/v0/things").status_code == 200


def test_redrive_is_a_command(tmp_path: Path, programs: list[Program]) -> None:
    with Stack(tmp_path, template=TEMPLATE) as stack:
        stack.queues.send("inbound", {"Message": "not json"})
        eventually(lambda: stack.queues.size("inbounddeadletter") == 1)

    programs.append(small("redrive", "inbound", MAILROOM_DATA=str(tmp_path)))
    assert programs[0].wait() == (0, "")
    programs.append(small("redrive", "nothing", MAILROOM_DATA=str(tmp_path)))
    assert programs[1].wait()[0] == 1


def test_every_mail_answered_with_250_survives_a_kill(tmp_path: Path, programs: list[Program]) -> None:
    with Stack(tmp_path, template=TEMPLATE) as stack:
        add_address(stack, "ann@mailroom.local")
    programs.append(small(MAILROOM_DATA=str(tmp_path)))
    host, port = programs[0].ready()["smtp"].split(":")
    accepted: list[bytes] = []

    def send(worker: int) -> None:
        try:
            with smtplib.SMTP(host, int(port)) as smtp:
                for number in range(1000):
                    raw = b"Subject: %d-%d\r\n\r\nx\r\n" % (worker, number)
                    smtp.sendmail("s@example.com", ["ann@mailroom.local"], raw)
                    accepted.append(raw)
        except (OSError, smtplib.SMTPException):
            return

    senders = [threading.Thread(target=send, args=[worker]) for worker in range(8)]
    for sender in senders:
        sender.start()
    eventually(lambda: len(accepted) >= 100)
    programs[0].end(signal.SIGKILL)
    for sender in senders:
        sender.join()

    with Stack(tmp_path, template=TEMPLATE) as stack:
        eventually(lambda: stack.queues.size("inbound") == 0)
        notices = [json.loads(notice) for notice in blobs_below(stack, "notices")]
        kept = {stack.blobs.get(notice["receipt"]["action"]["objectKey"]) for notice in notices}
    assert set(accepted) <= kept


def test_nothing_of_aws_is_loaded_on_one_machine() -> None:
    check = "import sys, local, local.__main__; sys.exit(any(name.startswith('boto') for name in sys.modules))"
    path = {"PYTHONPATH": f"{ROOT / 'layers' / 'core'}:{ROOT}"}

    assert subprocess.run([sys.executable, "-c", check], env=os.environ | path, check=False).returncode == 0
