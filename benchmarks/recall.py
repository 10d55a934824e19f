"""All that is measured of memory, part by part.

    python -m benchmarks.recall PART ARGUMENTS
    python -m benchmarks.recall                  # the parts

Each part says what it takes with --help; docs/memory.md has the figures.
"""

from __future__ import annotations

import sys
from importlib import import_module

from config.console import emit_mapping

PARTS = {
    "replies": ("recall_replies", "which earlier message is answered: EXPORT --truth TOPICS"),
    "contexts": ("live_contexts", "what the bot shows of a busy channel: EXPORT TOPICS --self WHO"),
    "memory": ("recall_memory", "long-range recall, scored by topics: HOME --truth TOPICS"),
    "gain": ("recall_gain", "nats per byte of real replies, with and without: HOME"),
    "floors": ("recall_floors", "what irrelevant input recalls: HOME"),
    "embedding": ("recall_embedding", "passages embedded a second, beside the bare model: HOME"),
    "latency": ("recall_latency", "a query among a million passages, beside bare hnswlib: HOME"),
}


def main(arguments: list[str]) -> None:
    """Run one part, or name them."""
    if not arguments or arguments[0] not in PARTS:
        emit_mapping({part: summary for part, (_module, summary) in PARTS.items()})
        raise SystemExit(2 if arguments else 0)
    module, _summary = PARTS[arguments[0]]
    import_module(f"benchmarks.{module}").main(arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
