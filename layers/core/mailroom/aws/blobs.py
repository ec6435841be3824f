"""Blobs in one S3 bucket."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from mailroom.downloads import disposition, safe_type, shown_inline
from mailroom.ports import BlobMissing

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

DELETE_BATCH = 1000
_MISSING = {"NoSuchKey", "404"}


class BlobFailure(OSError):
    """S3 could not be reached or refused, also after the client's retries."""


class S3Blobs:
    """Implements `ports.BlobStore`. `client` is called on first use."""

    def __init__(self, bucket: str, *, client: Callable[[], S3Client]) -> None:
        self._bucket = bucket
        self._client = client

    def put(self, key: str, data: bytes, *, content_type: str = "application/octet-stream") -> None:
        try:
            self._client().put_object(Bucket=self._bucket, Key=key, Body=data, ContentType=safe_type(content_type))
        except (ClientError, BotoCoreError) as error:
            raise _failure(error) from error

    def get(self, key: str) -> bytes:
        try:
            return self._client().get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except (ClientError, BotoCoreError) as error:
            raise _failure(error) from error

    def copy(self, source: str, target: str) -> None:
        try:
            self._client().copy_object(
                Bucket=self._bucket, Key=target, CopySource={"Bucket": self._bucket, "Key": source}, MetadataDirective="COPY"
            )
        except (ClientError, BotoCoreError) as error:
            raise _failure(error) from error

    def delete(self, keys: Iterable[str]) -> None:
        for batch in _batches(keys):
            try:
                answer = self._client().delete_objects(
                    Bucket=self._bucket, Delete={"Objects": [{"Key": key} for key in batch], "Quiet": True}
                )
            except (ClientError, BotoCoreError) as error:
                raise _failure(error) from error
            if failed := answer.get("Errors"):
                raise BlobFailure(f"{len(failed)} of {len(batch)} blobs were not deleted: {failed[0].get('Code')}")

    def delete_prefix(self, prefix: str) -> int:
        """Raises ValueError for an empty prefix, which would be everybody's blobs."""
        if not prefix.endswith("/"):
            raise ValueError("a prefix ends with a slash")
        deleted = 0
        for page in _batches(self._below(prefix)):
            self.delete(page)
            deleted += len(page)
        return deleted

    def url(self, key: str, *, filename: str | None, content_type: str | None, inline: bool, seconds: int) -> str:
        return self._client().generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self._bucket,
                "Key": key,
                "ResponseContentDisposition": disposition(filename, inline=inline and shown_inline(content_type)),
                "ResponseContentType": safe_type(content_type),
            },
            ExpiresIn=seconds,
        )

    def _below(self, prefix: str) -> Iterator[str]:
        try:
            for page in self._client().get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
                yield from (entry["Key"] for entry in page.get("Contents", ()))
        except (ClientError, BotoCoreError) as error:
            raise _failure(error) from error


def _batches(keys: Iterable[str]) -> Iterator[list[str]]:
    source = iter(keys)
    while batch := list(itertools.islice(source, DELETE_BATCH)):
        yield batch


def _failure(error: ClientError | BotoCoreError) -> Exception:
    if isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") in _MISSING:
        return BlobMissing()
    return BlobFailure(str(error))
