"""The whole product in one process: `with Stack() as stack:` (design: running.md)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from socket import socket
from types import TracebackType
from typing import TYPE_CHECKING, Self, cast

from local import feedback_mail
from local import template as templates
from local.blob_files import FileBlobs
from local.blobs import LocalBlobs
from local.capture import Capture
from local.delivery import Deliverer
from local.downloads import Downloads
from local.fair import FairRunner
from local.feed import FeedRunner, Positions, worker_name
from local.folder import DataFolder
from local.gateway import Gateway
from local.housekeeping import Housekeeping
from local.identities import LocalIdentities
from local.invoke import Invoker
from local.limits import TokenBuckets
from local.links import Links
from local.mailer import LocalMailer
from local.outbox import Mail, Outbox
from local.queue_runner import QueueRunner
from local.queues import SqliteQueues
from local.relay import Relay
from local.routing import Router
from local.schedule import Scheduler
from local.servers import Servers, authority, bind
from local.settings import MEMORY, Settings, Verdicts
from local.signing import Signer
from local.smtp import Reception
from local.socket_gateway import SocketGateway
from local.sockets import LocalSockets
from local.startup import bootstrap, recover
from local.store.database import Database
from local.store.sqlite import SqliteItemStore
from local.timers import SqliteTimers
from mailroom.clock import Clock, now_ms
from mailroom.config import DEFAULT_DOMAIN, Config
from mailroom.runtime import Runtime
from mailroom.web.fetch import UrlFetcher
from mailroom.web.post import UrlPoster
from mailroom.web.resolver import DnsResolver

if TYPE_CHECKING:
    from local.authentication import Authentication
    from local.template import QueueWorker

DATABASE = "mailroom.sqlite"
TEMPLATE = Path(__file__).parent.parent / "template.yaml"
HTTP_THREADS = 24
SMTP_THREADS = 16
CHECK_THREADS = 24
SOCKET_THREADS = 8
QUEUE_THREADS = 4


class Stack:
    """Starts on `start` or on entering the context, in background threads; several can live side by side."""

    template_path = TEMPLATE

    def __init__(
        self,
        data: str | Path = MEMORY,
        *,
        host: str = "127.0.0.1",
        http_port: int = 0,
        smtp_port: int = 0,
        api_key: str | None = None,
        domain: str = DEFAULT_DOMAIN,
        relay: tuple[str, int] | None = None,
        mail_host: str | None = None,
        spf: str = "mx",
        verdicts: Verdicts = "pass",
        fetch_allow_private: bool = False,
        feedback: bool = False,
        public_url: str | None = None,
        config: Config | None = None,
        template: Path | None = None,
        clock: Clock = now_ms,
    ) -> None:
        """`relay` is (host, port), None captures; `feedback` also mails bounces and complaints into the sending inbox of the
        default domain; `config` replaces all of its defaults and `domain`."""
        self.settings = Settings(
            host=host,
            http_port=http_port,
            smtp_port=smtp_port,
            data=str(data),
            api_key=api_key,
            relay=relay,
            mail_host=mail_host,
            spf=spf,
            verdicts=verdicts,
            public_url=public_url,
            fetch_allow_private=fetch_allow_private,
            feedback=feedback,
            config=config or Config(domain=domain),
        )
        self.template_path = template or self.template_path
        self._clock = clock
        self._undo: list[Callable[[], object]] = []

    @classmethod
    def of(cls, settings: Settings) -> Self:
        stack = cls()
        stack.settings = settings
        return stack

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Raises DataError, PortError, TemplateError or StoreBusy; nothing is left running then."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Takes nothing new, finishes what is in work, closes the data. A second call does nothing."""
        while self._undo:
            self._undo.pop()()

    def preload(self) -> None:
        """Imports every function of the template. Raises ImportError or AttributeError for one that is not there."""
        self._invoker.load(self.template.functions())

    def redrive(self, queue: str) -> int:
        """Puts a queue's dead letters back into it; how many. Raises KeyError for a queue without."""
        return self.queues.redrive(queue)

    def _start(self) -> None:
        settings, clock = self.settings, self._clock
        self.template = templates.load(self.template_path)
        self.folder = folder = DataFolder(None if settings.data == MEMORY else Path(settings.data))
        self._undo.append(folder.close)
        http = self._listen(settings.http_port, "MAILROOM_PORT")
        smtp = self._listen(settings.smtp_port, "MAILROOM_SMTP_PORT")
        self.http = f"http://{authority(http)}"
        self.ws = f"ws://{authority(http)}"
        self.smtp: tuple[str, int] = smtp.getsockname()[:2]
        self.smtp_address = authority(smtp)

        self.database = Database(folder.path / DATABASE if folder.durable else MEMORY)
        self._undo.append(self.database.close)
        self.items = SqliteItemStore(self.database)
        links = Links(folder.link_secret(), base=lambda: settings.public_url or self.http, clock=clock)
        self.blobs = LocalBlobs(self.database, FileBlobs(folder.path / "blobs", durable=folder.durable), links=links)
        self.queues = SqliteQueues(self.database, self.template.queues, clock=clock)
        self.outbox = Outbox(self.database)
        self.sockets = LocalSockets()
        self.identities = LocalIdentities(self.database, mail_host=settings.mail_host or settings.config.domain, spf=settings.spf)
        self.capture = None if settings.relay else Capture(folder.path / "captured")
        self.runtime = self._runtime(self._deliverer())
        self.api_key = settings.api_key or folder.api_key()
        bootstrap(self.api_key, self.runtime)
        recover(self.runtime)
        self._invoker = Invoker(self.runtime)
        self._start_workers()
        self._start_servers(links, http, smtp)

    def _listen(self, port: int, setting: str) -> socket:
        sock = bind(self.settings.host, port, setting)
        self._undo.append(sock.close)
        return sock

    def _deliverer(self) -> Deliverer:
        relay = self.settings.relay
        transport = self.capture or Relay(*cast(tuple[str, int], relay), domain=self.settings.config.domain)
        deliverer = Deliverer(
            transport,
            box=self.outbox,
            blobs=self.blobs,
            queues=self.queues,
            mails_feedback=self._mails_feedback,
            clock=self._clock,
        )
        deliverer.start()
        self._undo.append(deliverer.stop)
        return deliverer

    def _mails_feedback(self, mail: Mail) -> bool:
        domain, default = self.settings.config.domain, self.settings.feedback
        return feedback_mail.wanted_by(mail, items=self.items, domain=domain, default=default)

    def _runtime(self, deliverer: Deliverer) -> Runtime:
        config = self.settings.config
        mailer = LocalMailer(
            database=self.database,
            box=self.outbox,
            blobs=self.blobs,
            queues=self.queues,
            items=self.items,
            domain=config.domain,
            signer=Signer(items=self.items, identities=self.identities, domain=config.domain),
            mails_feedback=self._mails_feedback,
            # Captured mail can be read as soon as it was sent.
            hand_over=deliverer.deliver if self.capture else lambda _: deliverer.wake(),
            clock=self._clock,
        )
        return Runtime(
            config=config,
            items=self.items,
            blobs=self.blobs,
            queues=self.queues,
            timers=SqliteTimers(self.database, self.queues),
            mailer=mailer,
            fetcher=UrlFetcher(allow_private=self.settings.fetch_allow_private),
            poster=UrlPoster(allow_private=config.webhook_allow_private),
            sockets=self.sockets,
            limiter=TokenBuckets(rate_per_second=config.rate_per_second, burst=config.rate_burst),
            identities=self.identities,
            resolver=DnsResolver(config.dns),
            clock=self._clock,
        )

    def _start_workers(self) -> None:
        call = self._invoker.call
        positions = Positions(self.database, self.items.feed, [worker_name(each) for each in self.template.stream_workers])
        runners: list[QueueRunner | FairRunner | FeedRunner | Scheduler | Housekeeping] = [
            *(self._queue_runner(each) for each in self.template.queue_workers),
            *(FeedRunner(self.items.feed, each, positions, call=call, clock=self._clock) for each in self.template.stream_workers),
            Scheduler(self.database, self.template.schedules, call=call, clock=self._clock),
            Housekeeping(self.items, self.blobs, clock=self._clock),
        ]
        for runner in runners:
            runner.start()
            self._undo.append(runner.stop)

    def _queue_runner(self, worker: QueueWorker) -> QueueRunner | FairRunner:
        if worker.concurrency is None:
            return QueueRunner(self.queues, worker, call=self._invoker.call, threads=QUEUE_THREADS)
        return FairRunner(self.queues, self.database, worker, call=self._invoker.call, clock=self._clock)

    def _start_servers(self, links: Links, http: socket, smtp: socket) -> None:
        config = self.settings.config
        requests = self._executor(HTTP_THREADS, "http")
        frames = self._executor(SOCKET_THREADS, "sockets")
        mails = self._executor(SMTP_THREADS, "smtp")
        gateway = Gateway(
            Router(self.template.routes),
            call=self._invoker.call,
            downloads=Downloads(links, self.blobs, executor=requests),
            executor=requests,
            max_body_bytes=config.max_body_bytes,
            docs_url=config.docs_url,
            sockets=SocketGateway(
                self.template.socket_routes,
                call=self._invoker.call,
                sockets=self.sockets,
                executor=frames,
                clock=self._clock,
                docs_url=config.docs_url,
            ),
        )
        reception = Reception(
            database=self.database,
            items=self.items,
            blobs=self.blobs,
            queues=self.queues,
            executor=mails,
            domain=config.domain,
            verdicts=self.settings.verdicts,
            authentication=self._authentication(),
            clock=self._clock,
        )
        servers = Servers(gateway, reception, http=http, smtp=smtp, max_mail_bytes=config.max_mail_bytes)
        servers.start()
        self._undo.append(servers.stop)

    def _authentication(self) -> Authentication | None:
        if self.settings.verdicts != "check":
            return None
        from local.authentication import Authentication

        # Threads of their own: those that wait for strangers' name servers must not hold up mail that is stored.
        return Authentication(self.runtime.resolver, executor=self._executor(CHECK_THREADS, "checks"))

    def _executor(self, threads: int, name: str) -> ThreadPoolExecutor:
        executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._undo.append(executor.shutdown)
        return executor
