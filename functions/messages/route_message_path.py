"""Any method on message ids with raw slashes: the same operations, found by parsing the path."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from mailroom.errors import MailroomError
from mailroom.http.answers import Answer, error_response
from mailroom.messages.paths import operation
from mailroom.runtime import current


def handler(event: Mapping[str, Any], context: Any = None) -> Answer:
    try:
        found = operation(event["httpMethod"], event["path"])
    except MailroomError as error:
        request_id = (event.get("requestContext") or {}).get("requestId") or ""
        return error_response(error, request_id, current().config.docs_url)
    # In a Lambda function this module stands alone beside its siblings, on one machine they are a package.
    module = importlib.import_module(f"{__package__}.{found.name}" if __package__ else found.name)
    answer: Answer = module.handler({**event, "resource": found.resource, "path": found.path, "pathParameters": None}, context)
    return answer
