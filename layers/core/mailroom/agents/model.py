"""The bodies of the agent routes."""

from __future__ import annotations

import re
from typing import NotRequired, TypedDict

from mailroom.http.body import Body, Schema, checked, object_of, string
from mailroom.inboxes.names import username
from mailroom.mail.addresses import check_address

MAX_ORIGIN = 2048
_CODE = re.compile(r"[0-9]{6}")


class SignUp(TypedDict):
    username: str
    """In lower case."""
    human_email: NotRequired[str]
    """Bare, in lower case, its domain in ASCII."""
    source: NotRequired[str]
    referrer: NotRequired[str]


class AttachHuman(TypedDict):
    human_email: str


class VerifyAgent(TypedDict):
    otp_code: str


def _human(value: str) -> str:
    address = check_address(value)
    if value.strip().endswith(">"):
        raise ValueError("Must be an address of the form a@b, without a name")
    return address.key


def _code(value: str) -> str:
    if not _CODE.fullmatch(value):
        raise ValueError("Must be the 6 digits of the code that was mailed")
    return value


def _origin() -> Schema:
    return string(high=MAX_ORIGIN)


SIGN_UP: Body[SignUp] = Body(
    object_of(
        ("username",),
        username=checked(string(), username),
        human_email=checked(string(), _human),
        source=_origin(),
        referrer=_origin(),
    )
)
ATTACH_HUMAN: Body[AttachHuman] = Body(object_of(("human_email",), human_email=checked(string(), _human)))
VERIFY_AGENT: Body[VerifyAgent] = Body(object_of(("otp_code",), otp_code=checked(string(), _code)))
