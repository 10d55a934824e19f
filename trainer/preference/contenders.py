"""Pairs to prefer between: @self's real reply, and what the model itself says in its place.

Sampled from the very model that is then tuned, on windows it was trained on, never on held-out
ones. What was sampled is kept in a journal, a line a reply, so that a killed run goes on with the
next. A pair teaches nothing where both sides say the same, and the wrong thing where the model's
side is broken or one side is longer throughout: a model that is preferred short answers learns
"short" (Park et al., 2024, arXiv:2403.19159).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from hashlib import blake2b
from pathlib import Path
from random import Random
from statistics import mean
from typing import Any

import orjson
import torch

from ingest.chat import Line, Turn, Window, WindowKind
from ingest.dataset.quality import skeleton
from ingest.prompt import read_reply
from trainer.base_model import LoadedBase
from trainer.examples import Example, batches_of, encode_window, weighed
from trainer.likelihood import half_is_fast, precision

SAMPLE_TOKENS = 80
"""Longest sampled reply; one that has not ended by then is no reply."""
BATCH_TOKENS = 2048
TEMPERATURE, TOP_P = 0.8, 0.95
"""As the bot speaks by default."""
SAME = 0.85
"""Likeness of two texts from which on they say the same."""
LOOPING = 0.5
"""Share of different runs of three tokens below which a text goes in circles."""
LEAST_LOOP = 12
BALANCED = 0.05
"""How far apart the mean lengths of both sides may be."""


@dataclass(frozen=True, slots=True)
class Contest:
    """A context and the reply @self gave: ``example`` is what SFT sees, its last reply alone."""

    window: Window
    example: Example

    @property
    def prompt_ids(self) -> list[int]:
        """Everything up to the reply."""
        return self.example.ids[: self._start]

    @property
    def reply_ids(self) -> list[int]:
        """The reply and its end."""
        return self.example.ids[self._start :]

    @property
    def _start(self) -> int:
        return next(place for place, mark in enumerate(self.example.marks) if mark)


@dataclass(frozen=True, slots=True)
class Pair:
    """Token ids: what was said before, what @self said, what the model said."""

    prompt_ids: list[int]
    chosen_ids: list[int]
    rejected_ids: list[int]

    @property
    def excess(self) -> int:
        """By how many tokens the real reply is longer."""
        return len(self.chosen_ids) - len(self.rejected_ids)


def contests(
    windows: Iterable[Window], head: str, base: LoadedBase, *, max_tokens: int, most: int
) -> list[Contest]:
    """At most ``most`` contexts that fit, in the order of time, spread evenly by a hash."""
    real = (window for window in windows if window.kind is WindowKind.REPLY)
    drawn = sorted(enumerate(weighed(real)), key=lambda item: _draw(item[1].id))
    kept: list[tuple[int, Contest]] = []
    for place, window in drawn:
        last = last_reply_alone(window)
        example = encode_window(last, head, base.markup, base.tokenize)
        if len(example.ids) + SAMPLE_TOKENS <= max_tokens:
            kept.append((place, Contest(last, example)))
        if len(kept) == most:
            break
    return [contest for _place, contest in sorted(kept, key=lambda item: item[0])]


def last_reply_alone(window: Window) -> Window:
    """The window with its last reply as the only one that is learned from."""
    last = max(place for place, turn in enumerate(window.turns) if turn.is_target)
    context = (replace(turn, is_target=False) for turn in window.turns[:last])
    return replace(window, turns=(*context, window.turns[last]))


def sample_into(
    journal: Path,
    model: Any,
    base: LoadedBase,
    asked: Sequence[Contest],
    *,
    seed: int,
    go_on: Callable[[], bool] = lambda: True,
    advance: Callable[[int], None] = lambda _replies: None,
) -> None:
    """Have the model answer each context that is not in the journal yet, while ``go_on``."""
    done = {entry["window"] for entry in read_journal(journal)}
    _mend(journal)
    waiting = [contest for contest in asked if contest.window.id not in done]
    lengths = [len(contest.prompt_ids) + SAMPLE_TOKENS for contest in waiting]
    advance(len(asked) - len(waiting))
    with journal.open("ab") as file:
        for batch in batches_of(lengths, batch_tokens=BATCH_TOKENS, random=Random(seed)):
            if not go_on():
                return
            members = [waiting[place] for place in batch]
            torch.manual_seed(seed + _draw(members[0].window.id) % 2**32)
            said = generate(model, base, [contest.prompt_ids for contest in members])
            for contest, text in zip(members, said, strict=True):
                entry = {"window": contest.window.id, "said": text}
                file.write(orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE))
            file.flush()
            advance(len(members))


@torch.no_grad()
def generate(model: Any, base: LoadedBase, prompts: Sequence[list[int]]) -> list[str | None]:
    """What the model says after each prompt, up to its stop; None where it never stops."""
    width = max(map(len, prompts))
    pad = base.tokenizer.pad_token_id
    ids = torch.tensor([[pad] * (width - len(prompt)) + prompt for prompt in prompts])
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    stopped = _Stopped(base, width)
    model.eval()
    # Plain float32 on a processor: autocast would convert every weight anew for each token.
    is_half = model.device.type == "cuda" and half_is_fast("cuda")
    with precision(model.device.type, half=is_half):
        out = model.generate(
            input_ids=ids.to(model.device),
            attention_mask=mask.to(model.device),
            max_new_tokens=SAMPLE_TOKENS,
            do_sample=True,
            temperature=TEMPERATURE,
            top_p=TOP_P,
            top_k=0,
            pad_token_id=pad,
            stopping_criteria=[stopped],
        )
    texts = (stopped.text(row) for row in out)
    return [text.split(base.markup.stop)[0] if base.markup.stop in text else None for text in texts]


class _Stopped:
    """Says which rows of a batch have reached the end of their reply."""

    def __init__(self, base: LoadedBase, width: int) -> None:
        self._base, self._width = base, width

    def __call__(self, ids: torch.Tensor, _scores: Any, **_: Any) -> torch.Tensor:
        """One truth value a row, as transformers' StoppingCriteria."""
        is_over = [self._base.markup.stop in self.text(row) for row in ids]
        return torch.tensor(is_over, device=ids.device)

    def text(self, row: torch.Tensor) -> str:
        """What was written after the prompt."""
        new = row[self._width :].tolist()
        return str(self._base.tokenizer.decode(new, skip_special_tokens=False))


def read_journal(journal: Path) -> Iterator[dict[str, Any]]:
    """The whole lines of a journal; none where there is no journal."""
    if journal.is_file():
        for line in journal.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                yield orjson.loads(line)


def _mend(journal: Path) -> None:
    """Cut off a line that a killed run left unfinished."""
    if journal.is_file():
        whole = journal.read_bytes().rfind(b"\n") + 1
        with journal.open("r+b") as file:
            file.truncate(whole)


def pairs_of(
    asked: Iterable[Contest], journal: Path, head: str, base: LoadedBase, refused: Counter[str]
) -> list[Pair]:
    """The pairs worth learning from, in the order of ``asked``; ``refused`` counts the others."""
    said = {entry["window"]: entry["said"] for entry in read_journal(journal)}
    pairs: list[Pair] = []
    for contest in asked:
        if contest.window.id in said:
            pair, reason = _pair(contest, said[contest.window.id], head, base)
            if pair is None:
                refused[reason] += 1
            else:
                pairs.append(pair)
    return pairs


def _pair(
    contest: Contest, said: str | None, head: str, base: LoadedBase
) -> tuple[Pair | None, str]:
    if said is None:
        return None, "does not end"
    return pair_against(contest, read_reply(said, base.markup), head, base)


def pair_against(
    contest: Contest, parts: Sequence[str], head: str, base: LoadedBase
) -> tuple[Pair | None, str]:
    """The contest's reply preferred to another in its place, or why that teaches nothing."""
    if not parts:
        return None, "says nothing"
    real = "\n".join(line.text for line in contest.window.turns[-1].lines)
    if _is_same(real, "\n".join(parts)):
        return None, "says the same"
    rejected = encode_window(_answered(contest.window, parts), head, base.markup, base.tokenize)
    start = len(contest.prompt_ids)
    if rejected.ids[:start] != contest.prompt_ids:
        return None, "joins the prompt"
    reply = rejected.ids[start:]
    if _loops(reply):
        return None, "goes in circles"
    return Pair(contest.prompt_ids, contest.reply_ids, reply), ""


def _answered(window: Window, parts: Sequence[str]) -> Window:
    """The window with other words as its last reply, rendered as any reply is."""
    lines = tuple(Line("self", part, is_self=True) for part in parts)
    return replace(window, turns=(*window.turns[:-1], Turn(lines, is_self=True, is_target=True)))


def _is_same(one: str, other: str) -> bool:
    first, second = skeleton(one), skeleton(other)
    return first == second or SequenceMatcher(None, first, second).ratio() >= SAME


def _loops(ids: Sequence[int]) -> bool:
    runs = list(zip(ids, ids[1:], ids[2:], strict=False))
    return len(ids) >= LEAST_LOOP and len(set(runs)) < LOOPING * len(runs)


def balanced(pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs without those that lean most, so that neither side is longer on average."""
    kept = sorted(range(len(pairs)), key=lambda place: pairs[place].excess)
    while kept:
        chosen, rejected = mean_lengths([pairs[place] for place in kept])
        if abs(chosen - rejected) <= BALANCED * max(chosen, rejected):
            break
        kept.pop(-1 if chosen > rejected else 0)
    return [pairs[place] for place in sorted(kept)]


def mean_lengths(pairs: Sequence[Pair]) -> tuple[float, float]:
    """Mean tokens of the real and of the sampled replies; zeros where there is no pair."""
    if not pairs:
        return 0.0, 0.0
    return (
        mean(len(pair.chosen_ids) for pair in pairs),
        mean(len(pair.rejected_ids) for pair in pairs),
    )


def _draw(id: str) -> int:
    return int.from_bytes(blake2b(id.encode(), digest_size=8).digest())
