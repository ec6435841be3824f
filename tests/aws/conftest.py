from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from local.store.database import Database
from local.store.sqlite import SqliteItemStore
from mailroom.aws.blobs import S3Blobs
from tests.support.moto_stack import client


@pytest.fixture
def items() -> Iterator[SqliteItemStore]:
    """An item store for adapters that keep something there; which one is not their business."""
    database = Database(":memory:")
    yield SqliteItemStore(database)
    database.close()


@pytest.fixture
def bucket() -> str:
    name = f"b{uuid.uuid4().hex}"
    client("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def blobs(bucket: str) -> S3Blobs:
    s3 = client("s3")
    return S3Blobs(bucket, client=lambda: s3)
