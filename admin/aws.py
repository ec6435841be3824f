"""What a stack consists of, and clients for it: credentials from wherever the AWS command line has them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from admin.site import SiteError
from mailroom.aws.retries import CLIENT_CONFIG

Client = Callable[[str], Any]
"""Service -> botocore client."""

ANSWERS = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 4})


class Deployed(NamedTuple):
    name: str
    status: str
    resources: Mapping[str, str]
    """Logical id -> physical id."""
    settings: Mapping[str, str]
    """As the functions' environment has them: parameter MailroomDomain is MAILROOM_DOMAIN."""
    parameters: Mapping[str, str]

    def physical(self, logical_id: str) -> str:
        """Raises SiteError."""
        try:
            return self.resources[logical_id]
        except KeyError:
            raise SiteError(f"The stack {self.name} has no {logical_id}: is it Mailroom's?") from None


def clients(region: str | None, endpoint_url: str | None) -> Client:
    session = botocore.session.Session()

    @cache
    def client(service: str) -> Any:
        # The item store repeats by itself: of a write it must know whether an earlier attempt may have been applied.
        config = CLIENT_CONFIG if service == "dynamodb" else ANSWERS
        return session.create_client(service, region_name=region, endpoint_url=endpoint_url, config=config)

    return client


def describe(name: str, client: Client) -> Deployed:
    """Raises SiteError."""
    try:
        cloudformation = client("cloudformation")
        (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
        # Not describe_stack_resources, which stops silently after a hundred; a stack has several hundred.
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
        found = [each for page in pages for each in page["StackResourceSummaries"]]
    except (ClientError, BotoCoreError, ResponseParserError, ValueError) as error:
        # The last two: something else answers at an --endpoint-url, or it is no address.
        raise SiteError(f"The stack {name} cannot be read: {error}") from error
    parameters = {each["ParameterKey"]: each.get("ParameterValue", "") for each in stack.get("Parameters", ())}
    return Deployed(
        name,
        stack["StackStatus"],
        {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found if "PhysicalResourceId" in each},
        {_setting(key): value for key, value in parameters.items() if key.startswith("Mailroom")},
        parameters,
    )


def _setting(parameter: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", parameter).upper()
