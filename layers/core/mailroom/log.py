"""Structured logs. One line per request; never a secret, an address, a subject or a body (design: architecture.md, 10)."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
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
    if _read_by_cloudwatch():
        units = {"duration_ms": "Milliseconds", "trips": "Count", "errors": "Count"}
        fields |= {"errors": int(status >= 500), "_aws": _metrics(units, ["route"])}
    logger.info("request", **fields)


def count(metric: str, **dimensions: str) -> None:
    """One occurrence of something. Each value of a dimension is a metric of its own: a word out of a few, never a name or an
    address."""
    fields: dict[str, Any] = {metric: 1, **dimensions}
    if _read_by_cloudwatch():
        fields["_aws"] = _metrics({metric: "Count"}, list(dimensions))
    logger.info(metric, **fields)


def _read_by_cloudwatch() -> bool:
    return "AWS_LAMBDA_FUNCTION_NAME" in os.environ


def _metrics(units: Mapping[str, str], dimensions: Sequence[str]) -> dict[str, Any]:
    """What makes a line metrics too, by name and unit."""
    definitions = [{"Name": name, "Unit": unit} for name, unit in units.items()]
    return {
        "Timestamp": int(time.time() * 1000),
        "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": [list(dimensions)], "Metrics": definitions}],
    }
