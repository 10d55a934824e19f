"""The live guards: what goes out is counted, and a new version that does worse is taken back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bot.errors import BotError, PromptTooLong, SpeakingFailed
from bot.guard import Withheld
from bot.guarding.ledger import Ledger, Said
from bot.guarding.prints import loops, print_of
from bot.guarding.rule import GUARDS, Counts, Worse, looks, worse
from bot.guarding.votes import Ballot
from bot.responder import Answer
from config.errors import AtselfError
from registry.errors import RegistryError
from registry.store import Promotion, Registry

_log = logging.getLogger("atself.guards")
_OF_THE_MODEL = (SpeakingFailed, PromptTooLong)
_LEAKS = frozenset({Withheld.LEAK, Withheld.OTHERS, Withheld.LABEL})


@dataclass(frozen=True, slots=True)
class Standing:
    """A version on probation beside the one before it; ``at_looks`` are its counts at each look."""

    promotion: Promotion
    earlier: str
    counts: Counts
    at_looks: tuple[Counts, ...]
    old: Counts

    @property
    def version(self) -> str:
        """Which one is on probation."""
        return self.promotion.version


@dataclass
class Guardian:
    """Watches over what serves. For the event loop's thread.

    ``weighs`` are the accounts (platform:key) whose thumbs count: the admins' and @self's.
    ``speaks`` tells which version answers now, ``withdraw`` takes the serving one back for a
    reason and returns what to tell, ``notify`` tells the admins.
    """

    ledger: Ledger
    registry: Registry
    probation: int
    weighs: Collection[str]
    now: Callable[[], datetime]
    speaks: Callable[[], str]
    withdraw: Callable[[str], Awaitable[str]]
    notify: Callable[[str], Awaitable[None]]
    _given_up: set[str] = field(default_factory=set)
    _checking: asyncio.Lock = field(default_factory=asyncio.Lock)

    def wrote(self, answered: str, answer: Answer) -> None:
        """A reply was written, or nothing came of it."""
        version = answer.version or self.speaks()
        self.ledger.wrote(answered, version, self.now(), answer.context)
        if _LEAKS & set(answer.withheld):
            self.ledger.amiss(answered, "leaked")
        elif not answer.reply.parts:
            is_repeat = Withheld.REPEAT in answer.withheld
            self.ledger.amiss(answered, "repeated" if is_repeat else "failed")

    def failed(self, answered: str, error: BotError) -> None:
        """No reply came of a question; what a platform is at fault for does not count."""
        if isinstance(error, _OF_THE_MODEL):
            self.ledger.wrote(answered, self.speaks(), self.now(), ())
            self.ledger.amiss(answered, "failed")

    def repeated(self, answered: str) -> None:
        """A reply was kept back, since it would have said the same again."""
        self.ledger.amiss(answered, "repeated")

    def said(self, id: str, answered: str, text: str, at: datetime) -> None:
        """A message of a reply is in the chat."""
        print = print_of(text)
        self.ledger.sent(id, answered, at, print)
        said = self.ledger.said(id)
        if said is None:
            return
        before = self.ledger.prints(said.version, but=answered) if print else []
        if loops(text) or (print and any(print.repeats(one) for one in before)):
            self.ledger.amiss(answered, "repeated")

    def reacted(self, id: str, ballots: Sequence[Ballot], standing: Iterable[int]) -> Said | None:
        """Thumbs under a message changed; the message where it is one of the bot's.

        ``standing`` are the verdicts that still stand under it, whoever left them.
        """
        said = self.ledger.said(id)
        if said is not None:
            self.ledger.clear(id, but=standing)
            for one in ballots:
                weighs = one.account in self.weighs
                self.ledger.vote(id, one.account, one.verdict, weighs=weighs)
        return said

    async def check(self) -> None:
        """Take the serving version back where it does worse than the one before."""
        async with self._checking:
            standing = self._standing(await asyncio.to_thread(_promoted, self.registry))
            if standing is None or standing.promotion.at in self._given_up:
                return
            planned = len(looks(self.probation))
            if found := worse(standing.at_looks, standing.old, planned=planned):
                await self._take_back(standing, found)

    def status(self) -> Mapping[str, object]:
        """How the version that answers fares, for /status."""
        version, standing = self.speaks(), self._standing(_promoted(self.registry))
        counts = self.ledger.latest(version)
        shares = {guard: f"{counts.share(guard):.1%}" for guard in GUARDS if getattr(counts, guard)}
        thumbs = self.ledger.reactions(version)
        return {
            "is_well": True,
            "state": _state(standing, counts, self.probation),
            **shares,
            **{f"thumbs {name}": count for name, count in thumbs.items()},
        }

    def prune(self) -> None:
        """Let go of old figures, but those of what serves and of what a rollback returns to."""
        self.ledger.prune(self.now(), kept=self.registry.needed())

    def _standing(self, found: tuple[Promotion, str] | None) -> Standing | None:
        if not self.probation or found is None:
            return None
        promotion, earlier = found
        version, since = promotion.version, datetime.fromisoformat(promotion.at)
        counts = self.ledger.first(version, since, self.probation)
        at_looks = tuple(
            self.ledger.first(version, since, look)
            for look in looks(self.probation)
            if look <= counts.replies
        )
        return Standing(promotion, earlier, counts, at_looks, self.ledger.latest(earlier))

    async def _take_back(self, standing: Standing, found: Sequence[Worse]) -> None:
        reason = f"by the live guards: {'; '.join(map(str, found))}"
        version, replies = standing.version, standing.counts.replies
        self._given_up.add(standing.promotion.at)
        try:
            told = await self.withdraw(reason)
        except AtselfError as error:
            _log.error("%s could not be taken back: %s", version, error)
            await self.notify(f"{version} should be taken back ({reason}), and cannot: {error}.")
            return
        _log.warning("%s was taken back after %d replies: %s", version, replies, reason)
        await self.notify(
            f"{version} was taken back after {replies} replies. {told} Why: {reason}. "
            f"No rule lets it serve again; /promote {version} does."
        )


def _promoted(registry: Registry) -> tuple[Promotion, str] | None:
    """The promotion that made what serves, and what a rollback returns to."""
    try:
        history = registry.history()
        if not history or history[-1].is_rollback:
            return None
        return history[-1], registry.earlier()
    except RegistryError:  # nothing served before, or the registry cannot be read
        return None


def _state(standing: Standing | None, counts: Counts, probation: int) -> str:
    if standing is None or standing.counts.replies >= probation:
        return f"{counts.replies} replies counted"
    return f"{standing.version} on probation, {standing.counts.replies} of {probation} replies"
