"""Handlers of tests/local/template.yaml: as small as can be, and visible from outside through the runtime they are given."""

from __future__ import annotations

import base64
import json
from typing import Any

from mailroom.runtime import current


def echo(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": json.dumps(event)}


def crash(event: dict[str, Any], context: Any) -> Any:
    if event["httpMethod"] == "DELETE":
        return "not a proxy response"
    raise RuntimeError("secret detail")


def answer(event: dict[str, Any], context: Any) -> dict[str, Any]:
    match event["pathParameters"]["kind"]:
        case "empty":
            return {"statusCode": 204, "body": ""}
        case "binary":
            body = base64.b64encode(b"\x00\xff").decode()
            return {"statusCode": 200, "body": body, "isBase64Encoded": True, "multiValueHeaders": {"X-Two": ["a", "b"]}}
        case _:
            return {"statusCode": 302, "headers": {"Location": "/v0/things"}}


def keep_mail(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Keeps each notice beside its raw mail; fails for mails that say so."""
    blobs = current().blobs
    failures = []
    for record in event["Records"]:
        notice = json.loads(json.loads(record["body"])["Message"])
        raw = blobs.get(notice["receipt"]["action"]["objectKey"])
        if b"Subject: poison" in raw:
            failures.append({"itemIdentifier": record["messageId"]})
            continue
        blobs.put(f"notices/{notice['mail']['messageId']}", json.dumps(notice).encode())
    return {"batchItemFailures": failures}


def follow(event: dict[str, Any], context: Any) -> dict[str, Any]:
    for record in event["Records"]:
        key = record["dynamodb"]["Keys"]
        if key["pk"]["S"].startswith("ADDR#"):
            current().blobs.put(f"changes/{key['pk']['S']}", json.dumps(record).encode())
    return {"batchItemFailures": []}


def tick(event: dict[str, Any], context: Any) -> None:
    current().blobs.put("ticked", json.dumps(event).encode())
