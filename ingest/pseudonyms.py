"""Pseudonyms for everyone but @self, wherever text leaves the archive for a model.

Who somebody is follows from their row in the archive alone, so a pseudonym is the same in every
dataset, index and prompt: ``@quiet_otter``, and 青鹤 for people with a Chinese name. The archive
itself keeps the names. What cannot be told from an everyday word without being spoken to (a Mark in
"mark it", 明天) stays where it is such a word; so do links, and names of one letter.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import replace

from ingest.chat import Conversation, Message, Person
from ingest.names import Finder, Forms, Found, form_of
from ingest.people import SOMEONE


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_QUALITIES = _words(
    "amber azure bold brave brisk calm candid cheery civil clear clever cosy daring deft "
    "dusky eager early fair fleet fond frank fresh gentle glad golden hardy hazel jolly keen "
    "kind lively loyal lucid mellow merry mild modest neat nimble noble patient placid plucky "
    "polite quick quiet rapid sandy serene shy silver sleek snug solid spry steady sunny "
    "swift tidy upbeat vivid warm wise witty"
)
_ANIMALS = _words(
    "alpaca badger beaver bison bittern bobcat camel caracal chamois condor coyote crane "
    "curlew dingo dipper dolphin dormouse egret ermine falcon ferret finch gannet gazelle "
    "gecko gibbon grebe grouse heron hoopoe ibex jackdaw jaguar kestrel kiwi lapwing lemur "
    "linnet lynx magpie manatee marmot marten merlin moose narwhal newt ocelot osprey otter "
    "panda plover puffin quail raven robin seal shrew siskin stoat tapir tern vole walrus "
    "wombat"
)
_COLOURS = "青白墨金银紫碧丹苍玄绯翠蓝赤皓黛橙素朱绛琥玉霜雪云月星晨暮秋"
_CREATURES = "鹤鹿狐鲸雁鸥鹭鹰獭貂豹狸兔蝶鲤鹊鸢隼燕雀鸽驼羚犀獾鲟鲨蜂鹂鹑"
_STEP = 7919  # a prime: neighbours in the archive get words far apart
_HAN = re.compile("[\u3400-\u9fff]")
_WORD = re.compile(r"\w+")


def pseudonym_of(person: Person) -> str:
    """The word that stands for a person: always the same one in one archive, two never share it."""
    is_han = any(_HAN.search(name) for name in person.names)
    first, second = (_COLOURS, _CREATURES) if is_han else (_QUALITIES, _ANIMALS)
    size = len(first) * len(second)
    round, place = person.id // size, person.id * _STEP % size
    one, other = first[place % len(first)], second[place // len(first)]
    word = f"{one}{other}" if is_han else f"{one}_{other}"
    return f"{word}_{round + 1}" if round else word


class Pseudonyms:
    """Replaces people by their pseudonyms in messages, texts and titles.

    ``everyday`` are names known to be everyday words in this archive.
    """

    def __init__(self, people: Iterable[Person], everyday: Collection[str] = ()) -> None:
        self._words: dict[int, str] = {}
        self._people: dict[int, Person] = {}
        self._by_handle: dict[str, int] = {}
        self._everyday = frozenset(everyday)
        self._forms = Forms()
        for person in people:
            self._by_handle[person.handle] = person.id
            self._forms.add(person.id, (*person.names, person.handle, *_keys(person)))
            self._people[person.id] = person
        taken = set(self._forms.whole)
        for person in self._people.values():
            word = pseudonym_of(person)
            while word in taken:
                word += "_"
            self._words[person.id] = person.handle if person.is_self else word
        self._handles = {self._words[id]: handle for handle, id in self._by_handle.items()}
        self._finder = Finder(self._forms, least=2)

    def person(self, person: Person) -> Person:
        """A person without name, accounts or handle of their own; @self as they are."""
        if person.is_self or person.id not in self._words:
            return person
        word = self._words[person.id]
        return replace(person, handle=word, names=(word,), accounts=())

    def message(self, message: Message) -> Message:
        """The message with everybody in it under their pseudonym."""
        meant = frozenset(self._by_handle[handle] for handle in message.mentions)
        origin = message.forwarded_from
        return replace(
            message,
            person=self.person(message.person),
            text=self.text(message.text, meant),
            mentions=tuple(self._words[self._by_handle[handle]] for handle in message.mentions),
            attachments=tuple(
                replace(each, label=self.text(each.label, meant)) for each in message.attachments
            ),
            forwarded_from=origin and self._origin(origin),
        )

    def chat(self, chat: Conversation) -> Conversation:
        """The conversation, its title without names: a private chat bears the other's."""
        return replace(chat, title=self.text(chat.title))

    def text(self, text: str, meant: Collection[int] = ()) -> str:
        """``text`` with names, handles and accounts replaced; ``meant`` are those it mentions."""
        for hit in reversed(self._finder.find(text) if text else []):
            person = self._meant(hit, meant)
            if person is not None and self._is_name(hit, text, meant):
                text = f"{text[: hit.start]}{self._words[person]}{text[hit.end :]}"
        return text

    def lifted(self, text: str) -> str:
        """A text with pseudonyms as handles again, to search the archive with."""
        return _WORD.sub(lambda word: self._handles.get(word[0], word[0]), text)

    def _origin(self, name: str) -> str:
        people = self._forms.whole.get(form_of(name), set())
        return self._words[min(people)] if people else SOMEONE

    def _meant(self, hit: Found, meant: Collection[int]) -> int | None:
        """Whose pseudonym stands for a name; None where it is @self's own."""
        mentioned = sorted(hit.people & set(meant))
        chosen = mentioned or sorted(hit.people)
        if any(self._people[id].is_self for id in chosen):
            return None
        return chosen[0]

    def _is_name(self, hit: Found, text: str, meant: Collection[int]) -> bool:
        if hit.is_address or hit.is_at or " " in hit.form:
            return True
        shown = text[hit.start : hit.end]
        if hit.form in self._everyday or (shown.isascii() and len(shown) < 3):
            if shown.isascii():
                return shown[0].isupper() and hit.form in self._forms.capital
            return not hit.people.isdisjoint(meant)
        return True


def _keys(person: Person) -> Iterable[str]:
    """Account keys as they might be met in text; bare numbers name nobody to a reader."""
    bare = (account.key.partition(":")[2] or account.key for account in person.accounts)
    return (key for key in bare if not key.isdigit())
