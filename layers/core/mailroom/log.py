"""Structured logs. One line per request; never a secret, an address, a subject or a body (design: architecture.md, 10)."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from aws_lambda_powertools.logging import Logger

NAMESPACE = "Mailroom"

logger = Logger(
    service="mailroom",
    level=os.environ.get("MAILROOM_LOG", "info").upper(),
    stream=sys.stdout if "AWS_LAMBDA_FUNCTION_NAME" in os.environ else sys.stderr,
    location=None,
)


def request(
    route: str, status: int, started: float, *, request_id: str, organization_id: str | None, trips: int, code: str | None
) -> None:
    """One line per request, which CloudWatch also reads as metrics (embedded metric format)."""
    milliseconds = round((time.perf_counter() - started) * 1000, 2)
    fields: dict[str, Any] = {
        "request_id": request_id,
        "route": route,
        "status": status,
        "duration_ms": milliseconds,
        "trips": trips,
        "organization_id": organization_id,
    }
    if code:
        fields["code"] = code
    if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        fields |= _metrics(status)
    logger.info("request", **fields)


def count(metric: str, *, reason: str) -> None:
    """One more of something that operators watch, as a line that CloudWatch also reads as a metric. Reasons are few."""
    fields: dict[str, Any] = {metric: 1, "reason": reason}
    if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        fields |= _embedded(["reason"], [{"Name": metric, "Unit": "Count"}])
    logger.info(metric, **fields)


def _metrics(status: int) -> dict[str, Any]:
    definitions = [
        {"Name": "duration_ms", "Unit": "Milliseconds"},
        {"Name": "trips", "Unit": "Count"},
        {"Name": "errors", "Unit": "Count"},
    ]
    return {"errors": int(status >= 500), **_embedded(["route"], definitions)}


def _embedded(dimensions: list[str], definitions: list[dict[str, str]]) -> dict[str, Any]:
    directive = {"Namespace": NAMESPACE, "Dimensions": [dimensions], "Metrics": definitions}
    return {"_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}}
