"""The product on AWS adapters: the template's functions behind the local gateway, with moto's AWS in the process."""

from __future__ import annotations

import contextlib
import logging
import tempfile
import threading
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import uvicorn
from botocore import UNSIGNED
from botocore.config import Config as ClientConfig
from moto.core.botocore_stubber import BotocoreStubber
from moto.server import ThreadedMotoServer
from moto.ses.models import ses_backends

from local import feedback, links, notice, simulator
from local import template as templates
from local.blob_files import FileBlobs
from local.blobs import LocalBlobs
from local.downloads import Downloads
from local.gateway import Gateway
from local.invoke import Call, Invoker
from local.outbox import Mail
from local.routing import Router
from local.server import Protocol
from local.servers import bind
from local.socket_gateway import SocketGateway
from local.socket_protocol import MAX_FRAME_BYTES, SocketProtocol
from local.sockets import LocalSockets
from local.store.database import Database
from mailroom.aws.blobs import S3Blobs
from mailroom.aws.build import TIMED
from mailroom.aws.dynamodb import DynamoItemStore
from mailroom.aws.identities import SesIdentities
from mailroom.aws.limits import SharedRateLimiter
from mailroom.aws.mailer import SesMailer
from mailroom.aws.queues import SqsQueues
from mailroom.aws.timers import SchedulerTimers, TimerQueue
from mailroom.clock import now_ms
from mailroom.config import Config
from mailroom.ids import new_api_key
from mailroom.organizations.service import bootstrap
from mailroom.ports import OutgoingMail
from mailroom.runtime import Runtime
from mailroom.store.port import Table
from mailroom.store.schema import TABLES, create_table_arguments
from mailroom.web.fetch import UrlFetcher
from mailroom.web.post import UrlPoster
from tests.support import quick_calls, quick_tables
from tests.support.dynamo import one_call_at_a_time
from tests.support.fakes import Names
from tests.support.moto_pump import Pump, Stream
from tests.support.schedules import ACCOUNT, REGION
from tests.support.ses import complete, identity

TEMPLATE = Path(__file__).parent.parent.parent / "template.yaml"


@cache
def moto_endpoint() -> str:
    """One server for the whole test process; stacks use names of their own in it."""
    one_call_at_a_time()
    quick_calls.quicken()
    quick_tables.quicken()
    complete()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    return f"http://{host}:{port}"


def client(service: Any) -> Any:
    """Only S3 goes by HTTP, and is signed, because its signed addresses must lead somewhere: a call that stays in the process takes
    half the time."""
    by_http = service == "s3"
    signature = {} if by_http else {"signature_version": UNSIGNED}
    made = boto3.client(
        service,
        endpoint_url=moto_endpoint() if by_http else None,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=ClientConfig(account_id_endpoint_mode="disabled", user_agent="tests", **signature),
    )
    if not by_http:
        made.meta.events.register(f"before-send.{made.meta.service_model.service_id.hyphenize()}.*", _in_process())
    return made


shared = cache(client)
"""What stacks use: to make a client takes longer than many of its calls."""


@cache
def _in_process() -> BotocoreStubber:
    moto_endpoint()
    stubber = BotocoreStubber()
    stubber.enabled = True
    return stubber


@cache
def _template() -> templates.Template:
    return templates.load(TEMPLATE)


class RecordingMailer:
    """SES as moto has it, remembering what it accepted; and what moto lacks: the simulator's addresses and their notices."""

    def __init__(self, inner: SesMailer, queues: SqsQueues) -> None:
        self._inner = inner
        self._queues = queues
        self.sent: list[OutgoingMail] = []

    def send(self, mail: OutgoingMail) -> str:
        message_id = self._inner.send(mail)
        self.sent.append(mail)
        simulated = [each for each in mail.recipients if simulator.is_simulated(each)]
        taken = Mail(mail.intent_id, message_id, mail.organization_id, mail.return_path, "", now_ms())
        for each in simulator.notices(taken, simulated, ts=taken.accepted_at):
            self._queues.send(feedback.QUEUE, each, delay_s=feedback.DELAY_S)
        return message_id

    def accepted(self, intent_id: str) -> str | None:
        return self._inner.accepted(intent_id)


class MotoStack:
    """`with MotoStack() as stack:`; the same surface as `tests.support.stacks.SqliteStack`."""

    def __init__(self, config: Config | None = None) -> None:
        self._config = config or Config()
        self._undo = contextlib.ExitStack()
        self.sockets = LocalSockets()
        self.names = Names()

    def __enter__(self) -> MotoStack:
        name = f"t{uuid.uuid4().hex[:12]}"
        self.api_key = new_api_key()
        self._sqs = shared("sqs")
        self._template = _template()
        tables = self._create_tables(name)
        self._undo.callback(quick_tables.drop, tables.values(), account=ACCOUNT, region=REGION)
        shared("s3").create_bucket(Bucket=name)
        self._urls = {queue: self._sqs.create_queue(QueueName=f"{name}-{queue}")["QueueUrl"] for queue in self._template.queues}
        self._name = name
        if identity(self._config.domain) is None:
            shared("sesv2").create_email_identity(EmailIdentity=self._config.domain)
        items = DynamoItemStore(shared("dynamodb"), tables)
        s3, ses = shared("s3"), shared("sesv2")
        queues = SqsQueues(self._urls, client=lambda: self._sqs)
        self.mailer = RecordingMailer(SesMailer(region=REGION, configuration_set=None, items=items, client=lambda: ses), queues)
        self.runtime = Runtime(
            config=self._config,
            items=items,
            blobs=S3Blobs(name, client=lambda: s3),
            queues=queues,
            timers=self._timers(queues),
            mailer=self.mailer,
            fetcher=UrlFetcher(allow_private=True),
            poster=UrlPoster(allow_private=self._config.webhook_allow_private),
            sockets=self.sockets,
            limiter=SharedRateLimiter(rate_per_second=self._config.rate_per_second, burst=self._config.rate_burst, items=items),
            identities=SesIdentities(region=REGION, client=lambda: ses),
            resolver=self.names,
        )
        bootstrap(self.api_key, items=items, clock=self.runtime.clock)
        invoker = Invoker(self.runtime)
        self._serve(invoker.call)
        self._undo.enter_context(self._pump(invoker.call, tables))
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def deliver(self, raw: bytes, recipients: Sequence[str], sender: str = "sender@example.com") -> None:
        """As SES does: the object first, then the notice."""
        provider_id = uuid.uuid4().hex
        self.runtime.blobs.put(notice.blob_key(provider_id), raw)
        verdicts = notice.verdicts_from_header(raw)
        body = notice.arrival(provider_id, sender=sender, recipients=recipients, verdicts=verdicts, now_ms=now_ms())
        self.runtime.queues.send("inbound", body)

    def sent(self) -> list[bytes]:
        """Raw mails as the provider took them, oldest first."""
        stored = {message.id: message for message in ses_backends[ACCOUNT][REGION].sent_messages}
        assert len(stored) >= len(self.mailer.sent)
        return [mail.raw for mail in self.mailer.sent]

    def _create_tables(self, name: str) -> dict[Table, str]:
        tables: dict[Table, str] = {table: f"{name}-{table}" for table in TABLES}
        dynamodb = shared("dynamodb")
        for table, full_name in tables.items():
            dynamodb.create_table(**create_table_arguments(table, full_name))
        return tables

    def _timers(self, queues: SqsQueues) -> SchedulerTimers:
        scheduler = shared("scheduler")
        scheduler.create_schedule_group(Name=self._name)
        prefix = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{self._name}"
        targets = {queue: TimerQueue(f"{prefix}-{queue}", f"{prefix}-{queue}deadletter") for queue in TIMED}
        role = f"arn:aws:iam::{ACCOUNT}:role/{self._name}"
        return SchedulerTimers(targets, group=self._name, role_arn=role, queues=queues, client=lambda: scheduler)

    def _pump(self, call: Call, tables: dict[Table, str]) -> Pump:
        dynamodb, streams = shared("dynamodb"), shared("dynamodbstreams")
        return Pump(
            self._template,
            self._urls,
            [Stream(table, name, client=dynamodb, streams=streams) for table, name in tables.items() if TABLES[table].stream],
            group=self._name,
            sqs=self._sqs,
            call=call,
            # Tests set another one.
            clock=lambda: self.runtime.clock(),
        )

    def _serve(self, call: Call) -> None:
        executor = self._undo.enter_context(ThreadPoolExecutor(8))
        folder = Path(self._undo.enter_context(tempfile.TemporaryDirectory()))
        unused = Database(":memory:")
        self._undo.callback(unused.close)
        signer = links.Links(b"unused" * 8, base=lambda: self.http, clock=now_ms)
        gateway = Gateway(
            Router(self._template.routes),
            call=call,
            downloads=Downloads(signer, LocalBlobs(unused, FileBlobs(folder), links=signer), executor=executor),
            executor=executor,
            max_body_bytes=self._config.max_body_bytes,
            docs_url=self._config.docs_url,
            sockets=SocketGateway(
                self._template.socket_routes,
                call=call,
                sockets=self.sockets,
                executor=self._undo.enter_context(ThreadPoolExecutor(8)),
                clock=self.runtime.clock,
                docs_url=self._config.docs_url,
            ),
        )
        sock = self._undo.enter_context(bind("127.0.0.1", 0, "test"))
        host, port = sock.getsockname()[:2]
        self.http, self.ws = f"http://{host}:{port}", f"ws://{host}:{port}"
        server = uvicorn.Server(
            uvicorn.Config(
                gateway,
                http=Protocol,
                ws=SocketProtocol,
                ws_max_size=MAX_FRAME_BYTES,
                ws_per_message_deflate=False,
                lifespan="off",
                log_config=None,
                access_log=False,
            )
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.005)
        self._undo.callback(thread.join)
        self._undo.callback(setattr, server, "should_exit", True)
