"""The command line."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping
from typing import Any

from admin import commands
from admin.answers import Answer
from admin.site import Site

Command = Callable[[Site, argparse.Namespace], Answer]

DESCRIPTION = "Looks after a Mailroom: one machine's data folder (--data), or a stack in an AWS account (--stack)."

_NO_TEXT = re.compile("[\ud800-\udfff]")
"""Stands for bytes of the command line that are not UTF-8. A folder may be called so, and nothing else."""


def parse(arguments: list[str], environment: Mapping[str, str]) -> argparse.Namespace:
    """Exits with code 2 where they make no sense. `run` of the result is the command."""
    top = parser()
    options = top.parse_args(arguments)
    if options.data is not None and options.stack is not None:
        top.error("--data and --stack name two different things")
    if options.data is None and options.stack is None:
        options.stack = environment.get("MAILROOM_STACK") or None
    if options.data is None:
        options.data = environment.get("MAILROOM_DATA") or "./data"
    if options.stack is None and (options.region or options.endpoint_url):
        top.error("--region and --endpoint-url go with --stack")
    for name, value in vars(options).items():
        if name != "data" and isinstance(value, str) and _NO_TEXT.search(value):
            top.error(f"{name} is not UTF-8")
    return options


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser("mailroom", description=DESCRIPTION)
    _common(top)
    groups = top.add_subparsers(metavar="COMMAND", required=True)
    _organizations(_group(groups, "organizations", "the tenants of this deployment"))
    _keys(_group(groups, "keys", "API keys of an organization"))
    _suppressions(_group(groups, "suppressions", "addresses that the service sends nothing to any more"))
    _dead_letters(_group(groups, "dead-letters", "messages that were given up"))
    _leaf(groups, "doctor", commands.doctor, "check the deployment, say what is wrong and what to do")
    return top


def _common(parser: argparse.ArgumentParser, **absent: Any) -> None:
    """Options may stand before and behind the command; behind it, one that is not there must not undo one before."""
    parser.add_argument("--data", metavar="DIR", help="data folder of one machine (MAILROOM_DATA, or ./data)", **absent)
    parser.add_argument("--stack", metavar="NAME", help="CloudFormation stack (MAILROOM_STACK)", **absent)
    parser.add_argument("--region", help="of the stack; else that of the AWS configuration", **absent)
    parser.add_argument("--endpoint-url", metavar="URL", help="where an emulator answers for all AWS services", **absent)
    parser.add_argument("--json", action="store_true", help="one JSON value on standard output", **absent)


def _group(groups: Any, name: str, text: str) -> Any:
    return groups.add_parser(name, help=text, description=text).add_subparsers(metavar="COMMAND", required=True)


def _leaf(group: Any, name: str, run: Command, text: str) -> argparse.ArgumentParser:
    leaf: argparse.ArgumentParser = group.add_parser(name, help=text, description=text)
    _common(leaf, default=argparse.SUPPRESS)
    leaf.set_defaults(run=run)
    return leaf


def _organizations(group: Any) -> None:
    create = _leaf(group, "create", commands.create_organization, "make one, with its first key")
    create.add_argument("--name", help="for you; no caller sees it")
    _leaf(group, "list", commands.list_organizations, "all of them, oldest first")
    for name, run, text in (
        ("show", commands.show_organization, "one of them"),
        ("suspend", commands.suspend_organization, "take all its credentials out of use; mail is still received"),
        ("resume", commands.resume_organization, "put them back into use"),
    ):
        _leaf(group, name, run, text).add_argument("organization", metavar="ID")


def _keys(group: Any) -> None:
    create = _leaf(group, "create", commands.create_key, "make one; its secret is shown once")
    create.add_argument("organization", metavar="ORG")
    create.add_argument("--name")
    create.add_argument("--expires", metavar="TIME", help="ISO 8601")
    scope = create.add_mutually_exclusive_group()
    scope.add_argument("--pod", metavar="POD_ID", help="bound to a pod")
    scope.add_argument("--inbox", metavar="INBOX_ID", help="bound to an inbox")
    _leaf(group, "list", commands.list_keys, "all keys of an organization").add_argument("organization", metavar="ORG")
    revoke = _leaf(group, "revoke", commands.revoke_key, "end one, at once")
    revoke.add_argument("organization", metavar="ORG")
    revoke.add_argument("key", metavar="KEY_ID")


def _suppressions(group: Any) -> None:
    _leaf(group, "list", commands.list_suppressions, "all of an organization").add_argument("organization", metavar="ORG")
    remove = _leaf(group, "remove", commands.remove_suppression, "let mail go there again")
    remove.add_argument("organization", metavar="ORG")
    remove.add_argument("address", metavar="ADDRESS")


def _dead_letters(group: Any) -> None:
    _leaf(group, "list", commands.list_dead_letters, "queues, and what they gave up")
    redrive = _leaf(group, "redrive", commands.redrive, "put the dead letters of a queue back into it")
    redrive.add_argument("queue", metavar="QUEUE")
