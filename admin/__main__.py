"""`./mailroom COMMAND`: exit code 0, 1 where it failed (or the doctor found a failure), 2 where the arguments make no sense."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, TextIO

from botocore.exceptions import BotoCoreError, ClientError

from admin import answers
from admin.arguments import parse
from admin.site import Site, SiteError
from mailroom.errors import MailroomError
from mailroom.store.port import StoreError

FAILURES = (MailroomError, SiteError, StoreError, OSError, BotoCoreError, ClientError)


def main(
    arguments: list[str] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    out: TextIO | None = None,
    errors: TextIO | None = None,
) -> int:
    """Exits with code 2 like argparse."""
    env = os.environ if environment is None else environment
    options = parse(sys.argv[1:] if arguments is None else arguments, env)
    try:
        with _site(options, env) as site:
            answer = options.run(site, options)
    except FAILURES as error:
        return _failed(error, options, out or sys.stdout, errors or sys.stderr)
    answers.write(answer, out or sys.stdout, as_json=options.json)
    return int(answer.code)


def _site(options: argparse.Namespace, environment: Mapping[str, str]) -> AbstractContextManager[Site]:
    if options.stack is not None:
        from admin import aws, stack

        return stack.opened(options.stack, aws.clients(options.region, options.endpoint_url))
    from admin import machine

    return machine.opened(options.data, environment)


def _failed(error: Exception, options: argparse.Namespace, out: TextIO, errors: TextIO) -> int:
    said = _described(error)
    if options.json:
        answers.write(answers.Answer({"error": said}), out, as_json=True)
    else:
        text = ". ".join(part.rstrip(".") for part in (said["message"], said.get("fix")) if part)
        print(answers.printable(f"mailroom: {text}."), file=errors)
    return 1


def _described(error: Exception) -> dict[str, Any]:
    if isinstance(error, MailroomError):
        return {"code": error.code, "message": error.message, **({"fix": error.fix} if error.fix else {})}
    return {"code": "unreachable", "message": str(error) or type(error).__name__}


def _say_what_can_be_said(stream: TextIO) -> None:
    """A character that the terminal's encoding lacks must not cost the rest of an answer."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")


if __name__ == "__main__":
    _say_what_can_be_said(sys.stdout)
    _say_what_can_be_said(sys.stderr)
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main())
