"""Names in text: which people a message speaks of, by full names, nicks and short forms.

Common words are names, too (Will, Mark, 明天), so a form is believed only where there is evidence:
its place at the start of a line (``nick: …``, ``Name，…``), a spelling that the everyday word does
not have, or people answering to it. See :class:`Forms` and :meth:`Finder.trusted`.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

LEAST_LATIN = 3
"""Shorter words are never names in running text: they are initials, units, abbreviations."""
LEAST_EVERYDAY = 5
LONGEST = 5  # words of a name looked for in running text
_ADDRESS = re.compile(
    r"\s*@?(?P<name>[^\s:：,，][^\n:：,，]{0,47}?)\s?[:：,，](?!//)(?=\s|[^\x00-\x7f]|$)"
)
_UNSPACED = "\u3040-\u30ff\u3400-\u9fff"
_RUN = re.compile(f"[{_UNSPACED}]{{2,}}")
_WORD = re.compile(rf"[^\W{_UNSPACED}]+")
_WORDS_OF_NAME = re.compile(r"\w+")
_TITLES = {"the", "mr", "mrs", "ms", "dr", "prof", "sir", "der", "die", "das", "les", "los", "las"}
_SENTENCE = ("", ".", "!", "?", ":", "\n")
_HAN_NAME = re.compile("[\u3400-\u9fff]{2,4}")
# The hundred most frequent surnames of the PRC (Ministry of Public Security, 2020), shortened.
_SURNAMES = frozenset(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚"
    "沈钟姜崔谭陆范汪廖石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫段雷龙黎史陶贺毛郝顾龚邵万覃武钱戴严欧莫孔向常汤"
    "張劉陳楊黃趙吳馬孫許鄧馮蕭葉蘇呂盧譚陸鄒錢賈龔嚴歐湯"
)
_BEFORE = "老小阿大"
_AFTER = ("哥", "姐", "总", "老师", "同学", "叔", "姨", "兄", "妹", "弟")


def fold(name: str) -> str:
    """A name as names are compared: one form of each character, no case, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def form_of(name: str) -> str:
    """The words of a name, folded, as it is looked for in text; empty for symbols alone."""
    return " ".join(_WORDS_OF_NAME.findall(fold(name)))


@dataclass(frozen=True, slots=True)
class Found:
    """A stretch of text, half-open in characters, that may name one of ``people``.

    ``is_address`` where it opens the message as one speaks to somebody, ``is_at`` behind an ``@``.
    """

    start: int
    end: int
    form: str
    people: frozenset[int]
    is_address: bool = False
    is_at: bool = False


@dataclass
class Forms:
    """What people may be called: folded forms to people, apart by how they are found."""

    whole: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    """Display names as they are."""
    short: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    """First names; 小周, 周姐 of somebody called 周…."""
    capital: set[str] = field(default_factory=set)
    """Forms that are written with a capital letter in the name."""

    def add(self, person: int, names: Iterable[str]) -> None:
        """Take in the display names of a person."""
        for name in names:
            self._add(self.whole, person, name)
            for short in short_forms(name):
                self._add(self.short, person, short)

    def _add(self, kind: dict[str, set[int]], person: int, name: str) -> None:
        form = form_of(name)
        if not _is_name(form):
            return
        kind[form].add(person)
        if name.strip()[:1].isupper():
            self.capital.add(form)

    def digest(self) -> str:
        """What stands for all of it: another where anybody is called otherwise."""
        found = hashlib.blake2b(digest_size=16)
        for kind in (self.whole, self.short):
            for form in sorted(kind):
                found.update(f"{form}\n{sorted(kind[form])}\n".encode())
        found.update(repr(sorted(self.capital)).encode())
        return found.hexdigest()

    def people(self, form: str) -> frozenset[int]:
        """Those who may be meant by a folded form; whole names go before short ones."""
        return frozenset(self.whole.get(form) or self.short.get(form) or ())


def short_forms(name: str) -> Iterator[str]:
    """How somebody displayed as ``name`` may be called for short."""
    first, *others = name.split() or [""]
    is_word = first.isalpha() and first.isascii() and len(first) >= LEAST_LATIN
    if others and is_word and first.casefold() not in _TITLES:
        yield first
    bare = name.strip()
    if not _HAN_NAME.fullmatch(bare) or bare[0] not in _SURNAMES:
        return
    yield from (f"{before}{bare[0]}" for before in _BEFORE)
    yield from (f"{bare[0]}{after}" for after in _AFTER)
    if len(bare) == 3:
        yield bare[1:]
        yield from (f"{bare[1:]}{after}" for after in _AFTER)
    yield from (f"{before}{bare[-1]}" for before in _BEFORE)
    yield from (f"{bare[-1]}{after}" for after in _AFTER)


def _is_name(form: str) -> bool:
    """Whether a name can be met in text at all: not one letter, number or symbol."""
    return sum(map(str.isalpha, form)) > 1 and len(form) <= 64


class Finder:
    """Finds the forms of one chat's people in texts: a look-up per word, not a search per name.

    ``may_run`` says which forms are looked for in running text; all are at the start of a line.
    Single words there have at least ``least`` letters.
    """

    def __init__(
        self,
        forms: Forms,
        may_run: Callable[[str], bool] = lambda _form: True,
        least: int = LEAST_LATIN,
    ) -> None:
        self._forms = forms
        self._most: dict[str, int] = {}  # first word of a form → most words of such a form
        self._lengths: dict[str, list[int]] = {}  # first two characters → lengths, longest first
        probes: set[str] = set()  # the longest word of each form: rarer than the first
        for form in filter(may_run, (*forms.whole, *forms.short)):
            words = form.split()
            if _RUN.fullmatch(form):
                lengths = {len(form), *self._lengths.get(form[:2], ())}
                self._lengths[form[:2]] = sorted(lengths, reverse=True)
            elif len(words) <= LONGEST and (len(words) > 1 or len(form) >= least):
                self._most[words[0]] = max(self._most.get(words[0], 0), len(words))
                probes.add(max(words, key=len))
        self._probes = frozenset(probes)

    def find(self, text: str) -> list[Found]:
        """What in ``text`` may be a name, left to right, longest first, without overlaps."""
        found = [*self._address(text)]
        start = found[0].end if found else 0
        if self._lengths and not text.isascii():
            for run in _RUN.finditer(text, start):
                found += self._in_run(text, run.start(), run.end())
        if not self._probes.isdisjoint(_WORD.findall(text.casefold())):
            found += self._in_words(text, start)
        return sorted(found, key=lambda hit: hit.start) if len(found) > 1 else found

    def _address(self, text: str) -> Iterator[Found]:
        match = _ADDRESS.match(text)
        if match is None:
            return
        form = form_of(match["name"])
        if people := self._forms.people(form):
            start, end = match.span("name")
            yield Found(start, end, form, people, True, text[start - 1 : start] == "@")

    def _in_words(self, text: str, start: int) -> Iterator[Found]:
        words = [(word.start(), word.end()) for word in _WORD.finditer(text, start)]
        folded = [text[start:end].casefold() for start, end in words]
        index = 0
        while index < len(words):
            taken = 0
            for count in range(self._most.get(folded[index], 0), 0, -1):
                form = " ".join(folded[index : index + count])
                if people := self._forms.people(form):
                    begin, end = words[index][0], words[min(index + count, len(words)) - 1][1]
                    at = text[begin - 1 : begin] == "@"
                    yield Found(begin, end, form, people, False, at)
                    taken = count
                    break
            index += taken or 1

    def _in_run(self, text: str, index: int, end: int) -> Iterator[Found]:
        """Names of scripts that write no spaces, wherever they stand in a run."""
        while index < end - 1:
            taken = 0
            for length in self._lengths.get(text[index : index + 2], ()):
                form = text[index : index + length]
                if people := self._forms.people(form):
                    at = text[index - 1 : index] == "@"
                    yield Found(index, index + length, form, people, False, at)
                    taken = length
                    break
            index += taken or 1


@dataclass
class Evidence:
    """How often the forms of a chat were met, and how."""

    met: Counter[str] = field(default_factory=Counter)
    spoken_to: Counter[str] = field(default_factory=Counter)
    inside: Counter[str] = field(default_factory=Counter)
    capital: Counter[str] = field(default_factory=Counter)
    around: Counter[str] = field(default_factory=Counter)
    messages: int = 0

    def add(self, hit: Found, text: str, *, is_around: bool) -> None:
        """Count a hit; ``is_around`` where one of those it may mean wrote a little before."""
        self.met[hit.form] += 1
        self.spoken_to[hit.form] += hit.is_address or hit.is_at
        self.around[hit.form] += is_around
        # A capital at the start of a sentence says nothing.
        is_first = not hit.is_at and text[: hit.start].rstrip(" *_\"'(")[-1:] in _SENTENCE
        self.inside[hit.form] += not is_first
        self.capital[hit.form] += text[hit.start].isupper() and not is_first

    def trusts(self, form: str, forms: Forms) -> bool:
        """Whether a form in running text names somebody, rather than being an everyday word."""
        met = self.met[form]
        if " " in form:
            return True
        if _RUN.fullmatch(form):
            return self._trusts_unspaced(form, forms, met)
        if len(form) < LEAST_LATIN or form.isdigit():
            return False
        if self.spoken_to[form] >= max(1, 0.3 * met):
            return True
        # In lower case a nick looks like any word, and only being spoken to tells.
        is_written_so = self.capital[form] >= 0.9 * max(1, self.inside[form])
        return form in forms.capital and is_written_so and self.around[form] >= 0.25 * met

    def everyday(self, forms: Forms) -> Iterator[str]:
        """Names that are everyday words here: met often, and mostly without naming anybody."""
        for form, met in self.met.items():
            if " " in form or met < LEAST_EVERYDAY or self.spoken_to[form] >= 0.3 * met:
                continue
            is_word = form not in forms.capital or self.capital[form] < 0.5 * self.inside[form]
            if is_word and not self.trusts(form, forms):
                yield form

    def _trusts_unspaced(self, form: str, forms: Forms, met: int) -> bool:
        if form in forms.whole and len(form) > 2:
            return True
        if self.spoken_to[form] >= max(1, 0.1 * met):
            return True
        rare = met <= max(3, self.messages // 200)
        if form in forms.whole:
            return rare and self.around[form] >= 0.5 * met
        return met >= 2 and rare and self.around[form] >= 0.5 * met


def names_by_person(people: Iterable[tuple[int, Iterable[str]]]) -> Forms:
    """The forms of all these people."""
    forms = Forms()
    for person, names in people:
        forms.add(person, names)
    return forms


def resolve(people: frozenset[int], last: Mapping[int, int], now: int, span: int) -> int | None:
    """The one person a form means at a moment: the only one, or the only one around lately.

    ``last`` says when people last wrote, in milliseconds, ``span`` how long ago still counts.
    """
    if len(people) == 1:
        return next(iter(people))
    lately = [person for person in people if now - last.get(person, now - span - 1) <= span]
    return lately[0] if len(lately) == 1 else None
