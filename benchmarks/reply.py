"""How far replies are from what llama.cpp alone does on this machine, part by part.

    python -m benchmarks.reply PART ARGUMENTS
    python -m benchmarks.reply                   # the parts

Each part says what it takes with --help. Ours and bare llama.cpp take turns in one run, so that a
machine that is busy with other things slows both; only the ratios mean anything then.
"""

from __future__ import annotations

import sys
from importlib import import_module

from config.console import emit_mapping

PARTS = {
    "first": ("reply_first", "time to the first token, going round 20 chats: [HOME]"),
    "writing": ("reply_writing", "tokens written a second: [HOME]"),
    "hearing": ("reply_hearing", "messages heard a second where none is answered: HOME"),
    "start": ("reply_start", "from the start of the process until the model has spoken: HOME"),
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
