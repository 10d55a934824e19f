"""Facts of this machine, read without importing anything heavy."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
MEMINFO = Path("/proc/meminfo")
NVIDIA = Path("/proc/driver/nvidia/gpus")


@dataclass(frozen=True, slots=True)
class Machine:
    """What a run can count on; memory and disk in bytes, None where it cannot be told."""

    python: str
    cores: int
    processor: str
    has_bf16: bool
    memory: int | None
    free_memory: int | None
    free_disk: int
    gpu: str | None


def inspect(folder: Path) -> Machine:
    """The machine as it is now, with the disk that holds ``folder``."""
    memory = _fields(MEMINFO)
    return Machine(
        python=platform.python_version(),
        cores=_cores(),
        processor=_fields(CPUINFO).get("model name") or platform.machine(),
        has_bf16=_has_bf16(),
        memory=_kilobytes(memory.get("MemTotal")),
        free_memory=_kilobytes(memory.get("MemAvailable")),
        free_disk=shutil.disk_usage(_nearest(folder)).free,
        gpu=_gpu(),
    )


def _cores() -> int:
    """Cores this process may use, which in a container can be fewer than the machine's."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _has_bf16() -> bool:
    """Whether the processor multiplies bfloat16 in hardware (elsewhere it is slower than f32)."""
    flags = _fields(CPUINFO).get("flags", "") + _fields(CPUINFO).get("Features", "")
    return bool({"avx512_bf16", "amx_bf16", "bf16"} & set(flags.split()))


def _gpu() -> str | None:
    for information in sorted(NVIDIA.glob("*/information")):
        return _fields(information).get("Model", "NVIDIA")
    if shutil.which("rocm-smi"):
        return "AMD (ROCm)"
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return "Apple (Metal)"
    return None


def _fields(path: Path) -> dict[str, str]:
    """``name : value`` lines of a kernel file, the first of each name; empty if there is none."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    found: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        found.setdefault(name.strip(), value.strip())
    return found


def _kilobytes(text: str | None) -> int | None:
    return int(text.split()[0]) * 1024 if text else None


def _nearest(folder: Path) -> Path:
    """The folder itself or the closest one above it that exists."""
    absolute = folder.absolute()
    return next(path for path in (absolute, *absolute.parents) if path.exists())
