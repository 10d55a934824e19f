"""How a scene looks: replies on stdout, everything about them on stderr, or JSON lines."""

from __future__ import annotations

import json
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.live import Live
from rich.text import Text

from bot.generation import Timings
from bot.responder import Answer
from bot.voice import Voice
from config.console import stderr, stdout
from ingest.chat import Message, Passage, Person
from ingest.prompt import SELF, Segment, neutralise, read_reply

COLOURS = ("cyan", "magenta", "yellow", "blue", "bright_cyan", "bright_magenta", "bright_yellow")
SELF_STYLE = "bold green"
_CODES = re.compile(r"\x1b\[[0-9;]*m")


def label(handle: str) -> Text:
    """A handle in its own colour, the same in every session."""
    if handle == SELF:
        return Text(f"@{SELF}", SELF_STYLE)
    return Text(f"@{handle}", COLOURS[zlib.crc32(handle.encode()) % len(COLOURS)])


def line(handle: str, text: str) -> Text:
    """A labelled line, later lines of the same message indented."""
    return Text.assemble(label(handle), ": ", neutralise(text).replace("\n", "\n  "))


class Screen:
    """The scene as people read it."""

    def prompt(self, handle: str) -> str:
        """What stands before the cursor; colour codes are marked as having no width."""
        console = stdout()
        with console.capture() as shown:
            console.print(label(handle), end=" › ")
        return _CODES.sub("\001\\g<0>\002", shown.get())

    @contextmanager
    def writing(self, voice: Voice) -> Iterator[Callable[[str], None]]:
        """Show a reply while it is being written, where that can be seen."""
        console = stdout()
        if not console.is_terminal:
            yield lambda _text: None
            return
        with Live(console=console, transient=True, refresh_per_second=12) as live:
            yield lambda text: live.update(_lines(read_reply(text, voice.markup)))

    def answer(self, trigger: Message, answer: Answer) -> None:
        """The reply, one line per message, and a footer."""
        if answer.reply.parts:
            stdout().print(_lines(answer.reply.parts))
        else:
            self.note(f"@{SELF} stays silent: {answer.tries} tries left nothing fit to say")
        stderr().print(Text(footer(answer), "dim"))

    def why(self, answer: Answer | None, count: Callable[[Sequence[Segment]], int]) -> None:
        """What was recalled for the last reply, and the prompt with its tokens."""
        if answer is None:
            self.note("nothing has been answered yet")
            return
        out = stdout()
        out.print(Text(f"recalled: {len(answer.passages)}", "bold"))
        for passage in answer.passages:
            out.print(_passage(passage))
        out.print(Text(f"prompt: {answer.timings.prompt_tokens} tokens", "bold"))
        for segment in answer.prompt:
            if segment.text:
                out.print(_segment(segment, count([segment])))

    def people(self, speakers: Iterable[Person], known: Sequence[Person]) -> None:
        """Who has spoken in this scene, and who else may."""
        here = list(speakers)
        stdout().print(_people("in this scene", here))
        others = [person for person in known if person not in here]
        stdout().print(_people("in the archive", others[:20]))
        if len(others) > 20:
            self.note(f"and {len(others) - 20} more: atself people")

    def note(self, text: str) -> None:
        """A remark of the program."""
        stderr().print(Text(text, "dim"))


class JsonLines(Screen):
    """The scene for programs: one JSON object per answer on stdout."""

    @contextmanager
    def writing(self, voice: Voice) -> Iterator[Callable[[str], None]]:
        """Nothing is shown before the reply is whole."""
        yield lambda _text: None

    def answer(self, trigger: Message, answer: Answer) -> None:
        """The reply with its evidence, on one line."""
        sys.stdout.write(json.dumps(as_json(trigger, answer), ensure_ascii=False) + "\n")
        sys.stdout.flush()


def as_json(trigger: Message, answer: Answer) -> dict[str, Any]:
    """An answer as JSON: who said what, the reply's parts, passages, timings."""
    return {
        "speaker": trigger.person.handle,
        "text": trigger.text,
        "reply": list(answer.reply.parts),
        "passages": [
            {"id": passage.id, "score": round(passage.score, 4), "text": passage.text}
            for passage in answer.passages
        ],
        "timings": _timings(answer.timings),
        "tries": answer.tries,
    }


def footer(answer: Answer) -> str:
    """Speed and recall in one line."""
    timings = answer.timings
    seconds = timings.prompt_seconds + timings.decode_seconds
    return (
        f"{len(answer.passages)} recalled · prompt {timings.prompt_tokens} tokens "
        f"({timings.reused} reused) · {timings.generated} written at "
        f"{timings.decode_rate:.0f}/s · {seconds:.1f} s"
    )


def _timings(timings: Timings) -> dict[str, Any]:
    return {
        "prompt_tokens": timings.prompt_tokens,
        "reused_tokens": timings.reused,
        "generated_tokens": timings.generated,
        "prompt_seconds": round(timings.prompt_seconds, 4),
        "decode_seconds": round(timings.decode_seconds, 4),
        "prompt_tokens_per_second": round(timings.prompt_rate, 1),
        "decode_tokens_per_second": round(timings.decode_rate, 1),
        "ending": str(timings.ending),
    }


def _lines(parts: Iterable[str]) -> Text:
    return Text("\n").join(line(SELF, part) for part in parts)


def _passage(passage: Passage) -> Text:
    text = neutralise(passage.text).replace("\n", "\n    ")
    return Text.assemble((f"  {passage.score:.3f} {passage.id}\n", "dim"), f"    {text}")


def _segment(segment: Segment, tokens: int) -> Text:
    return Text.assemble(
        (f"[{tokens}] ", "dim"), (segment.text, "yellow" if segment.is_control else "")
    )


def _people(title: str, people: Sequence[Person]) -> Text:
    names = Text(", ").join(label(person.handle) for person in people)
    return Text.assemble((f"{title}: ", "bold"), names if people else "nobody")
