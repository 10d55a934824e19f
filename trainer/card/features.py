"""What is counted in a sample of replies, and how far two samples are apart by it.

Wasserstein distance for numbers, Jensen-Shannon for distributions, Burrows' Delta (2002) over the
most frequent words for wording; nothing here knows a language.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from trainer.card.wording import (
    Replies,
    laughs,
    messages,
    script,
    scripts,
    tokens,
    trigrams,
    weight,
    words,
)

FREQUENT = {"trigrams": 1000, "words": 120, "openings": 60}
"""Of these only the most frequent of the reference are told apart; the rest counts as one."""
REST = ""
SILENT = 4.0
"""Standard deviations put for the lengths of a sample without messages."""
LEAST_SPREAD = 0.25

Feature = Callable[["Profile", "Profile"], float]


@dataclass(frozen=True, slots=True)
class Profile:
    """What the features look at, counted once per sample and added up."""

    lengths: tuple[float, ...]
    bursts: tuple[int, ...]
    laughing: int
    counts: Mapping[str, Counter[str]]


def profile_of(replies: Replies) -> Profile:
    """Count what the features need in a sample."""
    texts = messages(replies)
    counts: dict[str, Counter[str]] = {name: Counter() for name in _COUNTED}
    for text in texts:
        for name, count in _COUNTED.items():
            counts[name].update(count(text))
    lengths = tuple(math.log1p(len(text)) for text in texts)
    return Profile(lengths, tuple(map(len, replies)), sum(map(laughs, texts)), counts)


def joined(profiles: Sequence[Profile]) -> Profile:
    """Several samples as one."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in _COUNTED}
    for profile in profiles:
        for name, found in profile.counts.items():
            counts[name].update(found)
    return Profile(
        tuple(length for profile in profiles for length in profile.lengths),
        tuple(burst for profile in profiles for burst in profile.bursts),
        sum(profile.laughing for profile in profiles),
        counts,
    )


Kept = Mapping[str, frozenset[str]]


def kept_of(reference: Profile) -> Kept:
    """What of the reference is frequent enough to be told apart."""
    return {
        name: frozenset(each for each, _ in reference.counts[name].most_common(most))
        for name, most in FREQUENT.items()
    }


def folded(profile: Profile, kept: Kept) -> Profile:
    """The profile with everything that is not ``kept`` counted as one."""
    counts = dict(profile.counts)
    for name, names in kept.items():
        found = profile.counts[name]
        few = Counter({each: count for each, count in found.items() if each in names})
        few[REST] = found.total() - few.total()
        counts[name] = few
    return replace(profile, counts=counts)


def _marks_in(text: str) -> Iterable[str]:
    """Punctuation marks one by one, and the messages that have none."""
    return [each for each in text if script(each) == "mark"] or ["none"]


def _emoji_in(text: str) -> Iterable[str]:
    return [each for each in text if script(each) == "emoji"] or ["none"]


def _last(text: str) -> Iterable[str]:
    return [text.strip().casefold()[-1:]]


def _case(text: str) -> Iterable[str]:
    """How a message begins, and its words in capitals; ``none`` where nothing has a case."""
    letters = [each for each in text if each.lower() != each.upper()]
    if not letters:
        return ["none"]
    loud = sum(len(word) > 1 and word.isupper() for word in text.split())
    return ["upper" if letters[0].isupper() else "lower", *(["loud"] * loud)]


def _opening(text: str) -> Iterable[str]:
    """The first word, or the first two characters where a script writes no spaces."""
    first = tokens(text)[:2]
    is_word = not first or weight(first[0]) == 1
    return first[:1] if is_word else ["".join(each for each in first if weight(each) < 1)]


_COUNTED: Mapping[str, Callable[[str], Iterable[str] | Mapping[str, int]]] = {
    "scripts": scripts,
    "marks": _marks_in,
    "emoji": _emoji_in,
    "case": _case,
    "endings": _last,
    "openings": _opening,
    "words": words,
    "trigrams": trigrams,
}


def _message_length(sample: Profile, reference: Profile) -> float:
    return _earth(sample.lengths, reference.lengths)


def _burst(sample: Profile, reference: Profile) -> float:
    return _earth(sample.bursts, reference.bursts)


def _earth(sample: Sequence[float], reference: Sequence[float]) -> float:
    """Wasserstein distance in standard deviations of the reference."""
    from scipy.stats import wasserstein_distance

    if not sample:
        return SILENT
    spread = max(float(np.std(reference)), LEAST_SPREAD)
    return float(wasserstein_distance(sample, reference)) / spread


def _counted(name: str) -> Feature:
    def distance(sample: Profile, reference: Profile) -> float:
        return _divergence(sample.counts[name], reference.counts[name])

    return distance


def _wording(sample: Profile, reference: Profile) -> float:
    """Burrows' Delta; the spread of each word is that of counting it (binomial)."""
    ours, theirs = reference.counts["words"], sample.counts["words"]
    total, seen = ours.total() or 1, theirs.total() or 1
    z = []
    for word, count in ours.items():
        share = count / total
        if word != REST and share:
            spread = math.sqrt(share * (1 - share) / seen + 1e-12)
            z.append(abs(theirs[word] / seen - share) / spread)
    return sum(z) / len(z) if z else 0.0


def _laughter(sample: Profile, reference: Profile) -> float:
    def share(profile: Profile) -> float:
        return profile.laughing / max(1, len(profile.lengths))

    return abs(share(sample) - share(reference))


def _divergence(sample: Mapping[str, int], reference: Mapping[str, int]) -> float:
    """Jensen-Shannon distance in bits, 0 to 1."""
    from scipy.spatial.distance import jensenshannon

    names = sorted({*sample, *reference})
    if not sum(sample.values()) or not sum(reference.values()):
        return 0.0 if not sum(sample.values()) + sum(reference.values()) else 1.0
    found = jensenshannon(
        [sample.get(name, 0) for name in names], [reference.get(name, 0) for name in names], base=2
    )
    return float(np.nan_to_num(found))


FEATURES: Mapping[str, Feature] = {
    "message length": _message_length,
    "messages per reply": _burst,
    "scripts": _counted("scripts"),
    "punctuation": _counted("marks"),
    "emoji": _counted("emoji"),
    "case": _counted("case"),
    "last characters": _counted("endings"),
    "openings": _counted("openings"),
    "laughter": _laughter,
    "frequent words": _wording,
    "letter sequences": _counted("trigrams"),
}
