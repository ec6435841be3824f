"""ministack, the emulator: started in a process of its own, on a free port, with IAM enforced."""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.config import Config
from botocore.session import Session

REGION = "us-east-1"
# The emulator's administrator under AUTH=true.
ACCESS_KEY = SECRET_KEY = "test"
PROVIDER = Path(__file__).with_name("provider.py")
START_S = 60


class EmulatorFailed(Exception):
    """It did not start; the text says where its log is."""


@dataclass(frozen=True, slots=True)
class Emulator:
    url: str
    log: Path

    def client(self, service: str) -> Any:
        session = Session()
        session.set_credentials(ACCESS_KEY, SECRET_KEY)
        config = Config(retries={"total_max_attempts": 1}, read_timeout=60)
        return session.create_client(service, region_name=REGION, endpoint_url=self.url, config=config)

    def environment(self) -> dict[str, str]:
        """What makes the AWS tools talk to it, and to nothing else."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


@contextmanager
def running(python: Path, folder: Path) -> Iterator[Emulator]:
    """Raises EmulatorFailed."""
    port = _free_port()
    log = folder / "emulator.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(python), str(PROVIDER)], env=_environment(port, folder), stdout=output, stderr=output, cwd=folder
        )
    try:
        emulator = Emulator(f"http://127.0.0.1:{port}", log)
        _await(process, emulator)
        yield emulator
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _environment(port: int, folder: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "AUTH": "true",
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "MINISTACK_REGION": REGION,
        "LAMBDA_EXECUTOR": "local",
        "STATE_DIR": str(folder / "state"),
        "S3_DATA_DIR": str(folder / "s3"),
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
    }


def _await(process: subprocess.Popen[bytes], emulator: Emulator) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{emulator.url}/_ministack/health", timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise EmulatorFailed(f"ministack did not start; see {emulator.log}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
