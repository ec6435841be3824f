"""The command line: which side is meant, and what makes no sense."""

from __future__ import annotations

import pytest

from admin.arguments import parse
from tests.support.admin import mailroom


def sides(*arguments: str, **environment: str) -> tuple[str | None, str | None]:
    options = parse([*arguments], environment)
    return options.stack, None if options.stack else options.data


@pytest.mark.parametrize(
    ("arguments", "environment", "expected"),
    [
        ([], {}, (None, "./data")),
        ([], {"MAILROOM_DATA": "/srv"}, (None, "/srv")),
        ([], {"MAILROOM_STACK": "mail"}, ("mail", None)),
        (["--data", "here"], {"MAILROOM_STACK": "mail"}, (None, "here")),
        (["--stack", "other"], {"MAILROOM_STACK": "mail", "MAILROOM_DATA": "/srv"}, ("other", None)),
    ],
)
def test_what_is_said_counts_before_the_environment(
    arguments: list[str], environment: dict[str, str], expected: tuple[str | None, str | None]
) -> None:
    assert sides(*arguments, "doctor", **environment) == expected
    assert sides("doctor", *arguments, **environment) == expected


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["organizations"],
        ["organizations", "show"],
        ["organizations", "destroy", "x"],
        ["keys", "create", "x", "--pod", "p", "--inbox", "i"],
        ["--data", "a", "doctor", "--stack", "b"],
        ["doctor", "--region", "eu-west-1"],
        ["organizations", "suspend", "\udcff"],
        ["organizations", "create", "--name", "\udcff"],
    ],
)
def test_what_makes_no_sense_ends_with_two(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        mailroom(*arguments)

    assert ended.value.code == 2


def test_json_may_be_asked_for_before_and_behind_the_command() -> None:
    before, behind = (parse(arguments, {}) for arguments in (["--json", "doctor"], ["doctor", "--json"]))

    assert before.json is behind.json is True
    assert parse(["doctor"], {}).json is False
