from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.session import Session
from botocore.stub import Stubber

from mailroom.aws import clients
from mailroom.aws.blobs import DELETE_BATCH, BlobFailure, S3Blobs
from mailroom.ports import BlobMissing
from tests.support.moto_stack import client


def test_what_was_put_is_got(blobs: S3Blobs) -> None:
    blobs.put("org/o/inbox/1/raw.eml", b"\x00raw\xff")

    assert blobs.get("org/o/inbox/1/raw.eml") == b"\x00raw\xff"


def test_a_missing_blob_is_named_as_such(blobs: S3Blobs) -> None:
    with pytest.raises(BlobMissing):
        blobs.get("org/o/none")


def test_a_copy_is_independent_of_its_source(blobs: S3Blobs) -> None:
    blobs.put("ses/1", b"mail")

    blobs.copy("ses/1", "org/o/i/1/raw.eml")
    blobs.delete(["ses/1"])

    assert blobs.get("org/o/i/1/raw.eml") == b"mail"


def test_copying_what_is_not_there_is_missing(blobs: S3Blobs) -> None:
    with pytest.raises(BlobMissing):
        blobs.copy("ses/none", "org/o/i/1/raw.eml")


def test_deleting_what_is_not_there_is_no_error(blobs: S3Blobs) -> None:
    blobs.delete(["org/o/none"])


def test_a_prefix_takes_everything_below_and_nothing_beside(blobs: S3Blobs) -> None:
    for key in ("org/o/a/1", "org/o/a/2/3", "org/o/ab/1"):
        blobs.put(key, b"x")

    assert blobs.delete_prefix("org/o/a/") == 2
    assert blobs.get("org/o/ab/1") == b"x"


@pytest.mark.parametrize("prefix", ["", "org/o/a"])
def test_a_prefix_that_could_reach_a_neighbour_is_refused(blobs: S3Blobs, prefix: str) -> None:
    with pytest.raises(ValueError):
        blobs.delete_prefix(prefix)


def test_more_keys_than_one_request_takes_are_deleted_in_several(bucket: str) -> None:
    s3 = client("s3")
    calls: list[int] = []
    s3.meta.events.register(
        "provide-client-params.s3.DeleteObjects", lambda params, **_: calls.append(len(params["Delete"]["Objects"]))
    )

    S3Blobs(bucket, client=lambda: s3).delete(f"org/o/{number}" for number in range(DELETE_BATCH + 1))

    assert calls == [DELETE_BATCH, 1]


def test_a_delete_that_partly_fails_is_an_error(bucket: str) -> None:
    s3 = client("s3")
    answer = {"Errors": [{"Key": "org/o/1", "Code": "InternalError", "Message": ""}]}
    with Stubber(s3) as stub:
        stub.add_response("delete_objects", answer)
        with pytest.raises(BlobFailure):
            S3Blobs(bucket, client=lambda: s3).delete(["org/o/1"])


def test_an_unreachable_store_is_an_os_error(bucket: str) -> None:
    s3 = client("s3")
    with Stubber(s3) as stub:
        stub.add_client_error("get_object", "SlowDown", http_status_code=503)
        with pytest.raises(OSError):
            S3Blobs(bucket, client=lambda: s3).get("org/o/1")


def in_region(region: str) -> S3Blobs:
    """With the client settings that functions have."""
    session = Session()
    session.set_credentials("test", "test")
    s3: Any = session.create_client("s3", region_name=region, config=clients.BLOBS)
    return S3Blobs("mailroom-bucket", client=lambda: s3)


def test_an_address_carries_name_type_and_expiry_in_its_signature() -> None:
    blobs = in_region("us-east-1")

    url = blobs.url("org/o/i/1/a", filename="Rechnung März.pdf", content_type="application/pdf", inline=False, seconds=3600)

    query = parse_qs(urlsplit(url).query)
    assert query["response-content-disposition"] == [
        "attachment; filename=\"Rechnung M_rz.pdf\"; filename*=UTF-8''Rechnung%20M%C3%A4rz.pdf"
    ]
    assert query["response-content-type"] == ["application/pdf"]
    assert query["X-Amz-Expires"] == ["3600"]
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_an_address_names_the_bucket_in_its_own_region(region: str) -> None:
    """The global endpoint redirects, and a redirected signature is void."""
    url = in_region(region).url("org/o/1", filename=None, content_type=None, inline=True, seconds=60)

    assert urlsplit(url).hostname == f"mailroom-bucket.s3.{region}.amazonaws.com"
