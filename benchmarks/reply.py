"""How far a reply is from what llama.cpp alone does on this machine.

    python -m benchmarks.reply

Evaluates the same tokens with bare llama.cpp and through our generator, in one run, with the
packaged SmolLM2: reading a prompt, writing (without and with our sampling, stops and UTF-8 care),
and answering one more line of a scene that was read before. Prints tokens a second and the ratio.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from bot import llama
from bot.generation import Sampling
from bot.generator import LlamaGenerator
from bot.voice import Voice
from config.console import emit_table
from ingest.chat import Line, Turn
from ingest.markup import markup_of
from ingest.prompt import RENDERER, render_prompt
from registry.bases import SMOLLM2, locate
from registry.gguf_header import read_header

HEAD = "You are @self in a group chat. Reply only as @self."
LINES = 48
WRITTEN = 96
THREADS = 2


def main() -> None:
    """Measure and print the table."""
    with TemporaryDirectory() as folder:
        voice = _voice(Path(folder))
        with LlamaGenerator(voice, context_tokens=2048, threads=THREADS) as generator:
            segments = render_prompt(_scene(LINES), HEAD, voice.markup)
            longer = render_prompt(_scene(LINES + 1), HEAD, voice.markup)
            ids = generator.tokens(segments)
            raw_read, raw_write = _bare(voice, ids)
            sampling = Sampling(temperature=0.8, max_new_tokens=WRITTEN)
            cold = generator.generate(segments, sampling=sampling, seed=7)
            list(cold)
            warm = generator.generate(longer, sampling=sampling, seed=7)
            list(warm)
            rates = [cold.timings, warm.timings]
    rows = [
        ("bare: read", f"{raw_read:.0f}", "1.00"),
        (
            "ours: read",
            f"{cold.timings.prompt_rate:.0f}",
            _ratio(cold.timings.prompt_rate, raw_read),
        ),
        ("bare: write", f"{raw_write:.0f}", "1.00"),
        *(("ours: write", f"{t.decode_rate:.0f}", _ratio(t.decode_rate, raw_write)) for t in rates),
    ]
    emit_table(("step", "tokens/s", "of bare"), rows)
    emit_table(
        ("prompt tokens", "read anew for one more line", "seconds to the first token"),
        [
            (
                warm.timings.prompt_tokens,
                warm.timings.evaluated,
                f"{warm.timings.prompt_seconds:.3f}",
            )
        ],
    )


def _voice(folder: Path) -> Voice:
    files = locate(SMOLLM2.id, folder)
    assert files.gguf is not None
    header = read_header(files.gguf)
    markup = markup_of(files.template, bos=header.bos, eos=header.eos)
    return Voice(SMOLLM2.id, files.gguf, RENDERER, markup, HEAD, "self", header.context_tokens)


def _scene(lines: int) -> tuple[Turn, ...]:
    said = (
        Line(f"member_{i % 5}", f"line {i} of a talk about trains, tea and databases")
        for i in range(lines)
    )
    return (Turn(tuple(said)),)


def _bare(voice: Voice, ids: list[int]) -> tuple[float, float]:
    """Tokens a second of reading and of writing with nothing around llama.cpp's evaluation."""
    model = llama.load(voice.model, context_tokens=2048, threads=THREADS)
    start = perf_counter()
    model.eval(ids)
    read = len(ids) / (perf_counter() - start)
    start = perf_counter()
    for token in ids[:WRITTEN]:
        model.eval([token])
    write = WRITTEN / (perf_counter() - start)
    model.close()
    return read, write


def _ratio(rate: float, floor: float) -> str:
    return f"{rate / floor:.2f}"


if __name__ == "__main__":
    main()
