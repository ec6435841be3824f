"""The tables of a stack: there, backed up, and with what the product needs of them."""

from __future__ import annotations

from typing import Any

from admin.doctor.findings import Finding, fail, ok, warn
from mailroom.store.port import Table
from mailroom.store.schema import TABLES

DEPLOY = "Deploy the template again; it says what the table must have."


def table(name: Table, physical: str, dynamodb: Any) -> Finding:
    schema = TABLES[name]
    found = dynamodb.describe_table(TableName=physical)["Table"]
    if found["TableStatus"] != "ACTIVE":
        return fail(f"{physical} is {found['TableStatus']}.", "Wait until it is ACTIVE; if it stays so, look at it in the console.")
    stream = found.get("StreamSpecification", {}).get("StreamViewType")
    if schema.stream is not None and stream != schema.stream:
        return fail(f"The change stream of {physical} is {stream or 'off'}, not {schema.stream}: nothing follows a change.", DEPLOY)
    if schema.backup and not _restorable(physical, dynamodb):
        return warn(f"{physical} has no point-in-time recovery.", DEPLOY)
    if schema.ttl and not _expires(physical, dynamodb):
        return warn(f"Rows of {physical} do not expire.", DEPLOY)
    return ok(f"{physical} is active{' and backed up' if schema.backup else ''}.")


def _restorable(physical: str, dynamodb: Any) -> bool:
    found = dynamodb.describe_continuous_backups(TableName=physical)["ContinuousBackupsDescription"]
    return bool(found.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus") == "ENABLED")


def _expires(physical: str, dynamodb: Any) -> bool:
    found = dynamodb.describe_time_to_live(TableName=physical)["TimeToLiveDescription"]
    return found.get("TimeToLiveStatus") in ("ENABLED", "ENABLING")
