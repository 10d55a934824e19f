"""What systemd is told, and that its unit file is sound."""

from __future__ import annotations

import asyncio
import configparser
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bot.systemd import Supervisor

UNIT = Path(__file__).parents[2] / "deploy" / "atself.service"


def test_ready_alive_and_stopping_are_told(tmp_path: Path) -> None:
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(address))
        systemd.settimeout(5)
        supervisor = Supervisor.of({"NOTIFY_SOCKET": str(address), "WATCHDOG_USEC": "60000"})
        supervisor.ready()

        async def beat() -> None:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await supervisor.beat()

        asyncio.run(beat())
        supervisor.stopping()
        heard = [systemd.recv(64).decode()]
        while heard[-1] != "STOPPING=1":
            heard.append(systemd.recv(64).decode())
    assert heard[0] == "READY=1"
    assert set(heard[1:-1]) == {"WATCHDOG=1"}
    assert len(heard) > 3


def test_without_systemd_nothing_is_told() -> None:
    supervisor = Supervisor.of({})
    supervisor.ready()
    asyncio.run(supervisor.beat())
    Supervisor.of({"NOTIFY_SOCKET": "/nowhere/at/all"}).stopping()


def test_the_unit_starts_what_there_is() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(UNIT)
    assert unit["Service"]["ExecStart"].endswith("/atself run")
    assert unit["Service"]["Type"] == "notify"
    assert "TOKEN" not in UNIT.read_text().replace("ATSELF_TELEGRAM__TOKEN", "").replace(
        "ATSELF_DISCORD__TOKEN", ""
    )


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_finds_no_fault_with_the_unit(tmp_path: Path) -> None:
    text = UNIT.read_text()
    path = next(line for line in text.splitlines() if line.startswith("ExecStart="))
    copy = tmp_path / "atself.service"
    copy.write_text(text.replace(path, f"ExecStart={sys.executable} run"))
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True, text=True
    )
    said = [line for line in checked.stderr.splitlines() if "atself.service" in line]
    assert said == []
