"""The one renderer: messages to model input, for training, evaluation and the live bot alike.

Input is built as segments. Markup is tokenised with special tokens recognised; everything people
wrote is tokenised with them switched off, so that no text can become control. A line of the
conversation starts at the margin with ``@handle:``; line breaks inside a message are indented, so
that no text can forge a label either.

    head                         who @self is, what this is, a short persona card
    @nice_guy: first message     lines of others, adjacent ones together
      its second line
    (reply of @self)             a burst: one line per message
    @dummy_fox: …
    [memory]                     what recall found, only before the last reply
      2025-09-03 @self: …
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from ingest.chat import Line, Message, Turn, Window
from ingest.markup import Markup
from ingest.people.handles import readdress

RENDERER = "atself-1"
"""Name and version of what this module writes; an artefact made for another is refused."""

INDENT = "  "
MEMORY = "[memory]"
QUIET = "[the chat has been quiet]"
SELF = "self"

_BREAKS = re.compile("\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u200b\u2060\ufeff\u202a-\u202e\u2066-\u2069\ue000-\uf8ff"
    "\U000e0000-\U000e007f\ud800-\udfff]"
)
# Special tokens of the supported families as people might type them; Lean's ``f <| x`` is not one,
# nor is a placeholder such as ``<filename>``, which SmolLM2 has as a token and nobody's template.
_TOKENS = re.compile(
    r"[<＜][|｜][^<>＜＞|｜\s]{1,48}[|｜][>＞]"
    r"|[<＜]/?(?:s|bos|eos|pad|unk|mask|sop|eop|think|tool_call|tool_response|(?:bos|eos|pad)_token"
    r"|(?:start|end)_of_(?:turn|image|audio)|image_soft_token|unused\d+|reserved_\d+|endoftext"
    r"|im_start|im_end|repo_name|file_sep|gh_stars|issue_(?:start|comment|closed)"
    r"|jupyter_(?:start|text|code|output|script)|empty_output)[>＞]"
    r"|[\[［]/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_RESULTS|TOOL_CALLS|TOOL_CONTENT|THINK|IMG"
    r"|IMG_BREAK|IMG_END|BEGIN_AUDIO|gMASK|multimodal)[\]］]"
    r"|[<＜]{2}/?SYS[>＞]{2}",
    re.IGNORECASE,
)
_INERT = str.maketrans(
    {"<": "‹", "＜": "‹", ">": "›", "＞": "›", "[": "(", "［": "(", "]": ")", "］": ")"}
    | {"|": "¦", "｜": "¦"}
)
_LABEL = re.compile(r"@([\w.-]{1,64})[:：]")


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of model input; ``is_control`` is markup, ``is_target`` carries the loss."""

    text: str
    is_control: bool = False
    is_target: bool = False


@dataclass(frozen=True, slots=True)
class Encoded:
    """Token ids of a rendered conversation, and which of them are learned."""

    ids: list[int]
    targets: list[bool]


def neutralise(text: str) -> str:
    """The same words, with nothing in them that a template, a terminal or a reader would obey.

    Unusual line breaks become ``\\n``; control, bidi-override, private-use and tag characters and
    lone surrogates go; spelled-out special tokens get harmless brackets.
    """
    plain = _UNSEEN.sub("", _BREAKS.sub("\n", text))
    while True:  # one token may stand in another; a few times, for none is long
        inert = _TOKENS.sub(lambda token: token[0].translate(_INERT), plain)
        if inert == plain:
            return inert
        plain = inert


def turns_of(
    messages: Iterable[Message],
    *,
    me: str,
    targets: Collection[str] = frozenset(),
) -> tuple[Turn, ...]:
    """Group messages into alternating turns; ``me`` is @self's handle in the archive.

    ``targets`` are ids of messages; a turn of @self with one of them is a target.
    """
    turns = []
    for is_self, group in groupby(messages, key=lambda message: message.person.is_self):
        members = list(group)
        lines = tuple(line_of(message, me=me) for message in members)
        turns.append(
            Turn(lines, is_self, is_self and any(member.id in targets for member in members))
        )
    return tuple(turns)


def line_of(message: Message, *, me: str) -> Line:
    """One message as the model sees it; mentions of @self are spelled ``@self``."""
    spelled = {handle: _other(handle) for handle in message.mentions}
    if me in spelled:
        spelled[me] = SELF
    handle = SELF if message.person.is_self else _other(message.person.handle)
    text = readdress(message.text, spelled)
    return Line(handle, text, message.person.is_self, message.id, message.sent_at)


def _other(handle: str) -> str:
    """The label of somebody else: a log's own ``@self`` is one where @self is set to another."""
    return f"{SELF}_" if handle == SELF else handle


def render_window(window: Window, head: str, markup: Markup) -> tuple[Segment, ...]:
    """Model input of a whole window, its replies marked as targets, for training and evaluation."""
    last_reply = max((i for i, turn in enumerate(window.turns) if turn.is_target), default=-1)
    turns = window.turns[: last_reply + 1]
    return tuple(_conversation(turns, head, markup, window.memory))


def render_prompt(
    turns: Sequence[Turn], head: str, markup: Markup, memory: Sequence[str] = ()
) -> tuple[Segment, ...]:
    """Model input that ends where @self's next reply begins."""
    silent = Turn((), is_self=True, is_target=True)
    *prompt, _reply, _stop = _conversation((*turns, silent), head, markup, memory)
    return tuple(prompt)


def encode(segments: Iterable[Segment], tokenize: Callable[[str, bool], Sequence[int]]) -> Encoded:
    """Token ids, segment by segment; ``tokenize(text, is_control)`` adds no tokens of its own."""
    ids: list[int] = []
    targets: list[bool] = []
    for segment in segments:
        tokens = tokenize(segment.text, segment.is_control) if segment.text else ()
        ids.extend(tokens)
        targets.extend([segment.is_target] * len(tokens))
    return Encoded(ids, targets)


def chat_messages(
    turns: Sequence[Turn], head: str, memory: Sequence[str] = ()
) -> list[dict[str, str]]:
    """The same content as role/content messages, for servers that keep their own template.

    ``memory`` goes where :func:`render_window` puts it: with the lines before the last reply.
    """
    messages = [{"role": "system", "content": head}]
    for turn in _opened(turns):
        role, text = ("assistant", _burst(turn)) if turn.is_self else ("user", _lines(turn))
        messages.append({"role": role, "content": text})
    if memory:
        shown = -1 if messages[-1]["role"] == "user" else -2
        messages[shown]["content"] += _memory(memory)
    return messages


def read_reply(text: str, markup: Markup) -> tuple[str, ...]:
    """Generated text back into the messages of a burst.

    Cut at the stop and at the first line that speaks for someone; ``()`` where nothing is left.
    """
    text = _BREAKS.sub("\n", text.split(markup.stop)[0]).strip("\n")
    if markup.is_transcript:
        text = text.removeprefix(" ").replace(f"\n{INDENT}", "\n")
    parts: list[str] = []
    for line in text.split("\n"):
        if line.startswith(INDENT) and parts:
            parts[-1] += "\n" + line.removeprefix(INDENT)
            continue
        line, is_own = _own_line(line)
        if not is_own:
            break
        if line.strip():
            parts.append(line.strip())
    return tuple(parts)


def _own_line(line: str) -> tuple[str, bool]:
    label = _LABEL.match(line.strip())
    if label is None:
        return line, not line.startswith(MEMORY)
    return line.strip()[label.end() :], label[1] == SELF


def _conversation(
    turns: Sequence[Turn], head: str, markup: Markup, memory: Sequence[str]
) -> Iterator[Segment]:
    yield Segment(markup.begin, is_control=True)
    yield Segment(head)
    yield Segment(markup.head_end, is_control=True)
    opened = _opened(turns)
    follows_reply = False
    for index, turn in enumerate(opened):
        if turn.is_self:
            yield from _reply(turn, markup)
        else:
            is_last = index >= len(opened) - 2
            yield from _others(turn, markup, memory if is_last else (), follows_reply)
        follows_reply = turn.is_self


def _opened(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """Turns that start with a line of others, as every template expects."""
    if turns and not turns[0].is_self:
        return tuple(turns)
    return (Turn((Line("", QUIET),)), *turns)


def _others(
    turn: Turn, markup: Markup, memory: Sequence[str], follows_reply: bool
) -> Iterator[Segment]:
    text = _lines(turn) + (_memory(memory) if memory else "")
    if follows_reply:
        yield Segment(markup.next_lines, is_control=True)
        if markup.is_transcript:  # its stop is the next label's "@"
            text = text.removeprefix("@")
    yield Segment(text)


def _reply(turn: Turn, markup: Markup) -> Iterator[Segment]:
    text = _burst(turn)
    if markup.is_transcript:
        text = " " + text.replace("\n", f"\n{INDENT}")
    yield Segment(markup.reply_start, is_control=True)
    yield Segment(text, is_target=turn.is_target)
    yield Segment(markup.stop, is_control=True, is_target=turn.is_target)


def _lines(turn: Turn) -> str:
    return "\n".join(
        f"@{line.handle}: {body(line.text)}" if line.handle else neutralise(line.text)
        for line in turn.lines
    )


def _burst(turn: Turn) -> str:
    return "\n".join(body(line.text) for line in turn.lines)


def _memory(memory: Sequence[str]) -> str:
    return f"\n{MEMORY}\n{INDENT}" + f"\n{INDENT}".join(body(text) for text in memory)


def body(text: str) -> str:
    """A message as it stands behind its label: harmless, its further lines indented."""
    return neutralise(text).strip().replace("\n", f"\n{INDENT}")
