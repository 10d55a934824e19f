"""How many threads a model may use without waiting for others."""

from __future__ import annotations

import os
from pathlib import Path

_LOAD = Path("/proc/loadavg")


def idle_cores(load: Path = _LOAD) -> int:
    """Cores that nothing else is using right now, at least one; all of them where unknown.

    llama.cpp's threads wait for each other hundreds of times per token, so that one core shared
    with another process stalls all: with a training run beside it, SmolLM2 wrote 0.1-6 tokens a
    second with two threads and 62 with one, against 110 on two idle cores.
    """
    cores = os.cpu_count() or 1
    ours = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cores
    try:
        running = int(load.read_text().split()[3].split("/")[0])
    except (OSError, ValueError, IndexError):  # no Linux
        return ours
    others = max(0, running - 1)
    return max(1, min(ours, cores - others))
