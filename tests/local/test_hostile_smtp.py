"""Mails written to be slow or ambiguous to receive: whatever the cuts and line ends, the same bytes, in few steps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.smtp import Server
from local.smtp_data import CHUNK, read_stuffed, undotted

MB = 1024 * 1024


def read(wire: bytes, cuts: list[int], limit: int = MB) -> tuple[bytes | None, bytes]:
    """The mail, and what the next command is read from."""

    async def run() -> tuple[bytes | None, bytes]:
        reader = asyncio.StreamReader()

        async def feed() -> None:
            start = 0
            for cut in [*sorted(cuts), len(wire)]:
                reader.feed_data(wire[start:cut])
                start = max(start, cut)
                await asyncio.sleep(0)
            reader.feed_eof()

        feeding = asyncio.create_task(feed())
        stuffed = await read_stuffed(reader, limit=limit, alive=lambda: None)
        await feeding
        return None if stuffed is None else undotted(stuffed), await reader.read()

    return asyncio.run(run())


def sent(mail: bytes) -> bytes:
    """As a correct client puts it on the wire, end mark included (RFC 5321, 4.5.2)."""
    lines = mail.split(b"\r\n")
    whole = b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines)
    return whole + (b".\r\n" if not whole or whole.endswith(b"\r\n") else b"\r\n.\r\n")


MAILS = st.lists(st.sampled_from([b"\r\n", b"\r", b".", b"x", b"\x00", b".\r\n", b"\r\n."]), max_size=30).map(b"".join)


@settings(max_examples=200, deadline=None)
@given(MAILS, st.lists(st.integers(0, 60), max_size=5), st.sampled_from([b"", b"NOOP\r\n", b".\r\n", b"\r\n.\r\n"]))
def test_a_mail_arrives_as_it_was_whatever_the_cuts(mail: bytes, cuts: list[int], following: bytes) -> None:
    wire = sent(mail)

    received, rest = read(wire + following, [min(cut, len(wire + following)) for cut in cuts])

    assert received == (mail if not mail or mail.endswith(b"\r\n") else mail + b"\r\n")
    assert rest == following


def test_dots_doubled_behind_a_bare_line_feed_go_in_pairs() -> None:
    assert read(b"a\n..b\n.c\n...d\r\n.\r\n", [])[0] == b"a\n.b\n.c\n..d\r\n"


@pytest.mark.parametrize("cuts", [[], [3], [5, 100_000]])
def test_a_mail_over_the_limit_is_thrown_away_up_to_its_end(cuts: list[int]) -> None:
    received, rest = read(b"x" * 200_000 + b"\r\n.\r\nNOOP\r\n", cuts, limit=100_000)

    assert (received, rest) == (None, b"NOOP\r\n")


def test_a_client_that_goes_away_leaves_no_mail() -> None:
    with pytest.raises(asyncio.IncompleteReadError):
        read(b"unfinished\r\n.", [])


@pytest.mark.parametrize("line", [b"x.\r\n", b"\r\n", b"..\r\n", b"\n.x", b"."])
def test_the_number_of_steps_depends_on_the_size_alone(line: bytes) -> None:
    wire, steps = line * (MB // len(line)) + b"\r\n.\r\n", 0

    def step() -> None:
        nonlocal steps
        steps += 1

    async def run() -> None:
        reader = asyncio.StreamReader()
        reader.feed_data(wire)
        await read_stuffed(reader, limit=2 * MB, alive=step)

    asyncio.run(run())

    assert steps <= MB // CHUNK + 1


PATHS = st.builds(
    "<{}@{}>{}".format, st.text("aB9.-_+'!#=é ", max_size=5), st.text("aB9.-_", max_size=5), st.text(" aS1=-(\t", max_size=4)
)


@settings(max_examples=1000, deadline=None)
@given(st.one_of(PATHS, st.text('aB9.@<> =-(\\",:[]é', max_size=12)))
def test_a_plain_path_is_read_as_the_full_parser_reads_it(argument: str) -> None:
    connection = object.__new__(Server)
    connection.local_part_limit = 0

    assert outcome(connection._getaddr, argument) == outcome(super(Server, connection)._getaddr, argument)


def outcome(read: Callable[[str], object], argument: str) -> object:
    try:
        return read(argument)
    except Exception as error:  # noqa: BLE001 - the parser fails on some input, and both must alike
        return type(error)
