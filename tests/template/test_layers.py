"""Layers are built as Lambda wants them. Wheels come from an index, so the dependencies' own build is left to `make rehearse`."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from layers import build

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
UNCHECKED_HASH = 0b01
"""PEP 552: the flag word behind the magic number."""


def built(artifacts: Path, runtime: str = f"python{VERSION}") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "MAILROOM_LAYER_RUNTIME": runtime}
    command = [sys.executable, str(build.ROOT / "layers/build.py"), "core", str(artifacts)]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True)


def test_the_core_layer_carries_hash_based_bytecode_of_every_module(tmp_path: Path) -> None:
    built(tmp_path)

    for source in (tmp_path / "python/mailroom").rglob("*.py"):
        compiled = source.parent / "__pycache__" / f"{source.stem}.{sys.implementation.cache_tag}.pyc"
        (flags,) = struct.unpack("<I", compiled.read_bytes()[4:8])
        assert flags == UNCHECKED_HASH, source


def test_a_runtime_without_an_interpreter_is_said_aloud(tmp_path: Path) -> None:
    done = built(tmp_path, runtime="python3.99")

    assert "NO BYTECODE: python3.99 is not installed" in done.stderr
    assert (tmp_path / "python/mailroom/runtime.py").is_file()


def test_runtime_and_architecture_default_to_the_templates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAILROOM_LAYER_RUNTIME", raising=False)

    assert build.setting("MAILROOM_LAYER_RUNTIME", "PythonRuntime").startswith("python3.")
    assert build.setting("MAILROOM_LAYER_ARCHITECTURE", "Architecture") in build.MACHINES


def test_botocore_keeps_the_services_in_use_only(tmp_path: Path) -> None:
    data = tmp_path / "botocore/data"
    for name in ("dynamodb/2012-08-10", "ec2/2016-11-15"):
        (data / name).mkdir(parents=True)
        (data / name / "service-2.json.gz").touch()
    (data / "endpoints.json").touch()

    build.slim(tmp_path)

    assert (data / "endpoints.json").is_file()
    assert (data / "dynamodb/2012-08-10/service-2.json.gz").is_file()
    assert not (data / "ec2").exists()


def test_the_lock_decides_nothing_by_the_machine_that_builds() -> None:
    """pip judges environment markers by the running interpreter, not by the one it installs for."""
    pins = [line for line in build.REQUIREMENTS.read_text(encoding="utf-8").splitlines() if "==" in line and "#" not in line]

    assert [pin for pin in pins if ";" in pin] == []
