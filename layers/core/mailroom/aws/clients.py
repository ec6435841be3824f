"""Service clients, one each, made on first use: a handler that only reads items never builds the S3 client.

Made with botocore rather than boto3, whose resources and transfer manager nobody here uses and every cold start would pay for.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.config import Config

from mailroom.aws import retries

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sqs import SQSClient

BLOBS = Config(
    connect_timeout=2,
    read_timeout=20,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=16,
    # Otherwise presigned addresses name the global endpoint, which redirects outside its home region and breaks the signature.
    signature_version="s3v4",
    s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"},
)
QUEUES = Config(connect_timeout=1, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
# A repeated SendEmail is a second mail: whoever gets no answer does not know, and must not try again.
MAIL = Config(connect_timeout=2, read_timeout=15, retries={"total_max_attempts": 1})
# Calls about identities may be repeated, and are soon too many: SES takes about one a second.
IDENTITIES = Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 4})

# A repeated frame is a frame twice; what may be repeated is for `aws.sockets` to say.
SOCKETS = Config(connect_timeout=1, read_timeout=4, retries={"total_max_attempts": 1}, max_pool_connections=16)


@cache
def _session() -> botocore.session.Session:
    return botocore.session.Session()


def _client(service: str, config: Config, *, endpoint_url: str | None = None) -> Any:
    return _session().create_client(service, config=config, endpoint_url=endpoint_url)


@cache
def dynamodb() -> DynamoDBClient:
    client: DynamoDBClient = _client("dynamodb", retries.CLIENT_CONFIG)
    return client


@cache
def s3() -> S3Client:
    client: S3Client = _client("s3", BLOBS)
    return client


@cache
def sqs() -> SQSClient:
    client: SQSClient = _client("sqs", QUEUES)
    return client


@cache
def scheduler() -> Any:
    return _client("scheduler", QUEUES)


@cache
def sesv2() -> SESV2Client:
    client: SESV2Client = _client("sesv2", MAIL)
    return client


@cache
def identities() -> SESV2Client:
    client: SESV2Client = _client("sesv2", IDENTITIES)
    return client


@cache
def sockets(url: str) -> Any:
    """`url`: that of the WebSocket API's stage, with https."""
    return _client("apigatewaymanagementapi", SOCKETS, endpoint_url=url)
