"""What a command answers: a value for programs, a table and some lines for people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

if TYPE_CHECKING:
    from rich.text import Text

STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red", "suspended": "yellow"}

PIPED_COLUMNS = 160


class Answer(NamedTuple):
    value: Any
    """JSON."""
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    lines: Sequence[str] = ()
    """Below the table, each as it is: what is to be copied must not be cut."""
    code: int = 0


def write(answer: Answer, out: TextIO, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(answer.value), file=out)
        return
    if answer.columns:
        _table(answer, out)
    for line in answer.lines:
        print(printable(line), file=out)


def printable(text: str) -> str:
    """Tenants choose some of what is shown, and terminals obey control characters. A line break is one of them: it would make a row
    that nobody wrote."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def _cell(content: str) -> Text:
    from rich.text import Text

    return Text("\n".join(map(printable, content.split("\n"))), style=STYLES.get(content, ""))


def _table(answer: Answer, out: TextIO) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(answer.columns):
        # The first is what is copied.
        table.add_column(column, overflow="fold", no_wrap=number == 0)
    for row in answer.rows:
        table.add_row(*map(_cell, row))
    Console(file=out, highlight=False, width=None if out.isatty() else PIPED_COLUMNS).print(table)
