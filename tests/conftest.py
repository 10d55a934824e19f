"""What every test gets: a clean environment, no network, and a home folder of its own."""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# Started in the background of a script a process ignores Ctrl-C, and so do those it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ.setdefault("GOMP_SPINCOUNT", "20000")  # as cli.app sets it, and before torch is loaded
if "PYTEST_XDIST_WORKER" in os.environ:  # two processes of two threads each wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")
SCRUBBED = ("ATSELF_", "HF_", "TRANSFORMERS_", "CHROMA_", "OPENAI_")
OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "ANONYMIZED_TELEMETRY": "False",
    "TOKENIZERS_PARALLELISM": "false",
    "COLUMNS": "120",
    "NO_COLOR": "1",
}

LONGEST = {
    "tests/cli/test_demo.py": "tests/bot",
    "tests/trainer/test_plan_run.py": "tests/cli",
    "tests/trainer/test_training.py": "tests/likeness",
    "tests/trainer/test_distributed.py": "tests/rag",
}
"""Files that take a minute and more, and before which folder they are begun.

At the end each would run alone; two of them at once, each with torch, take three times as long.
"""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long files apart from each other, everything else as it was collected."""

    def place(item: pytest.Item) -> tuple[str, int]:
        name = item.path.relative_to(config.rootpath).as_posix()
        folder = "/".join(name.split("/")[:2])
        return (LONGEST[name], 0) if name in LONGEST else (folder, 1)

    items.sort(key=place)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of the developer's machine reaches a test: no settings, no tokens, no home."""
    for name in os.environ:
        if name.startswith(SCRUBBED):
            monkeypatch.delenv(name)
    for name, value in OFFLINE.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ATSELF_HOME", str(tmp_path / "persona"))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty home folder, the one commands take by default in this test."""
    folder = tmp_path / "persona"
    folder.mkdir()
    return folder


class NetworkUsed(AssertionError):
    """A test tried to leave this machine."""


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections and name look-ups beyond loopback fail at once instead of hanging."""
    monkeypatch.setattr(socket.socket, "connect", _guarded(socket.socket.connect))
    monkeypatch.setattr(socket.socket, "connect_ex", _guarded(socket.socket.connect_ex))
    look_up = socket.getaddrinfo

    def look_up_here(host: str | bytes | None, *args: Any, **kwargs: Any) -> Any:
        _require_loopback(host)
        return look_up(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", look_up_here)


def _guarded(connect: Callable[..., Any]) -> Callable[..., Any]:
    def connect_here(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            _require_loopback(address[0])
        return connect(self, address)

    return connect_here


def _require_loopback(host: str | bytes | None) -> None:
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return
    try:
        is_here = ipaddress.ip_address(str(name)).is_loopback
    except ValueError:
        is_here = False
    if not is_here:
        raise NetworkUsed(f"a test tried to reach {name}")
