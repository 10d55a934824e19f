"""From the start of the process until the model has spoken its self-test.

    python -m benchmarks.reply start HOME [--runs 3]

Ours is a process of its own that opens all a live bot speaks with (archive, memory as the settings
have it, the serving model with its states) in a worker, and ends once that has proven itself. Bare
is a process that imports llama_cpp, loads the model and reads and writes as many tokens.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

import numpy as np

from config.console import emit_table

READ, WRITTEN = 60, 16


def main(arguments: Sequence[str]) -> None:
    """Start both in turn, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reply start")
    parser.add_argument("home", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--as", dest="role", choices=("ours", "bare"), help="what a child runs")
    wanted = parser.parse_args(arguments)
    if wanted.role:
        {"ours": _ours, "bare": _bare}[wanted.role](wanted.home)
        return
    times = [(_timed("ours", wanted.home), _timed("bare", wanted.home)) for _ in range(wanted.runs)]
    ours, bare = np.median(times, axis=0).tolist()
    emit_table(
        ("ours s", "bare s", "of bare"), [(f"{ours:.2f}", f"{bare:.2f}", f"{ours / bare:.2f}")]
    )


def _timed(role: str, home: Path) -> float:
    command = [sys.executable, "-m", "benchmarks.reply_start", str(home), "--as", role]
    started = perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        line = child.stdout.readline()
        seconds = perf_counter() - started
    if not line.startswith("ready"):
        raise SystemExit(f"{role}: did not start")
    return seconds


def _ours(home: Path) -> None:
    from bot.app import open_responder
    from bot.worker import Worker
    from config.settings import Home, load

    settings = load(home)
    worker = Worker(lambda: open_responder(Home(home), settings))
    name = asyncio.run(worker.open())
    sys.stdout.write(f"ready {name}\n")
    sys.stdout.flush()
    worker.close()


def _bare(home: Path) -> None:
    from benchmarks._bare import Bare

    model = max((home / "models").glob("*/model.gguf"), key=lambda path: path.stat().st_mtime)
    bare = Bare(model, context_tokens=2048, threads=2)
    ids = bare.tokenize("hello there, how are you? " * READ)[:READ]
    bare.read(ids, 0)
    for place in range(WRITTEN):
        bare.read((bare.draw(),), READ + place)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    bare.close()


if __name__ == "__main__":
    main(sys.argv[1:])
