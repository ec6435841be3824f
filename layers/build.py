"""Builds a layer into a folder: `python layers/build.py core|dependencies <folder>`, in the project's root.

Both carry hash-based bytecode (PEP 552), compiled by an interpreter of the runtime's own minor version: without it Lambda compiles
every module anew in each cold start. Runtime and architecture are the defaults of template.yaml, or MAILROOM_LAYER_RUNTIME
(`python3.13`) and MAILROOM_LAYER_ARCHITECTURE (`arm64`, `x86_64`) where the stack is deployed with other parameters.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / "requirements" / "runtime.txt"
# Amazon Linux 2023, which the runtimes from Python 3.12 on run on, has glibc 2.34.
PLATFORMS = {
    "arm64": ("manylinux_2_28_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64"),
    "x86_64": ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"),
}
SERVICES = {"apigatewaymanagementapi", "dynamodb", "s3", "scheduler", "sesv2", "sqs", "sts"}
UNUSED = (
    "*.dist-info",
    "bin",
    "**/tests",
    "**/*.pyi",
    "**/py.typed",
    "**/*.pxd",
    "**/*.pxi",
    "**/*.pyx",
    "**/*.h",
    "botocore/data/*/*/examples-1.json*",
    "botocore/cacert.pem.orig",
    "lxml/isoschematron",
    "lxml/includes",
    "pydantic/v1",
    "pydantic/mypy.py",
    "aws_lambda_powertools/event_handler",
)


def main(layer: str, artifacts: Path) -> None:
    target = artifacts / "python"
    target.mkdir(parents=True, exist_ok=True)
    version = setting("MAILROOM_LAYER_RUNTIME", "PythonRuntime").removeprefix("python")
    if layer == "core":
        shutil.copytree(
            ROOT / "layers/core/mailroom", target / "mailroom", ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True
        )
    else:
        install(target, version, setting("MAILROOM_LAYER_ARCHITECTURE", "Architecture"))
        slim(target)
    compile_bytecode(target, version)


def setting(variable: str, parameter: str) -> str:
    """The environment's value, else the parameter's default in template.yaml (read without a YAML library: none is at hand)."""
    template = (ROOT / "template.yaml").read_text(encoding="utf-8")
    match = re.search(rf"^  {parameter}:\n(?:    .*\n)*?    Default: (\S+)$", template, re.MULTILINE)
    if match is None:
        raise SystemExit(f"template.yaml has no parameter {parameter} with a default")
    return os.environ.get(variable) or match[1]


def install(target: Path, version: str, architecture: str) -> None:
    """Wheels only, for the function's platform rather than this one, each checked against its hash."""
    platforms = [f"--platform={platform}" for platform in PLATFORMS[architecture]]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", "--no-deps"]
    wheels = ["--only-binary=:all:", "--require-hashes", "--implementation=cp", f"--python-version={version}", *platforms]
    subprocess.run([*command, *wheels, f"--target={target}", "-r", str(REQUIREMENTS)], check=True)


def slim(target: Path) -> None:
    data = target / "botocore" / "data"
    for folder in data.iterdir():
        if folder.is_dir() and folder.name not in SERVICES:
            shutil.rmtree(folder)
    for pattern in UNUSED:
        for path in list(target.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def compile_bytecode(target: Path, version: str) -> None:
    interpreter = shutil.which(f"python{version}") or (sys.executable if sys.version_info[:2] == _pair(version) else None)
    if interpreter is None or not _works(interpreter):
        print(
            f"NO BYTECODE: python{version} is not installed here, so this layer is shipped without it and every cold start takes "
            f"two to three times as long. Install python{version}, or deploy with a PythonRuntime that is installed.",
            file=sys.stderr,
        )
        return
    flags = ["-q", "-j", "1", "--invalidation-mode", "unchecked-hash", "-s", str(target), "-p", "/opt/python"]
    subprocess.run([interpreter, "-m", "compileall", *flags, str(target)], check=True)


def _works(interpreter: str) -> bool:
    return subprocess.run([interpreter, "-c", ""], check=False, capture_output=True).returncode == 0


def _pair(version: str) -> tuple[int, int]:
    major, minor = version.split(".")
    return int(major), int(minor)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
