"""The retraining itself: which step comes next, what is noted of it, and what is done again.

dataset ─ nothing new? ─► end
  └► train ─► card ─ fails, or nothing serves yet? ─────────► decision ─► promotion
                └► rehearsal beside what serves ─► comparison ─┘
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from likeness.loop.judgement import Judgement, Pairing, decide, decide_first
from likeness.measured import Figure, Measures
from registry.artefact import ModelManifest
from registry.errors import RegistryError
from registry.retrainings import Journal, Order, Outcome, Retraining, Step
from registry.rule import withdrawn
from registry.store import Registry

Values = Mapping[str, Any]


class Labour(Protocol):
    """What takes long. Each may be killed and asked again: it goes on, or finds it done."""

    def dataset(self) -> Values:
        """Build the dataset; ``hash`` and figures."""
        ...

    def dataset_hash(self) -> str:
        """The hash of the dataset that lies there now."""
        ...

    def train(self, order: Order, *, seed_shift: int) -> Values:
        """Make a model of it; ``version`` and figures. It does not serve."""
        ...

    def rehearse(self, pairing: Pairing, order: Order) -> Values:
        """Let both speak in the same scenes; ``evaluation`` and figures."""
        ...

    def is_rehearsed(self, evaluation: str) -> bool:
        """Whether it is still there: forgetting somebody removes what quotes them."""
        ...

    def compare(self, evaluation: str, pairing: Pairing) -> tuple[Mapping[str, Figure], Measures]:
        """The differences between the two, and all that was measured."""
        ...


@dataclass
class Loop:
    """One home's retraining. ``told`` hears of each step's begin and end, ``say`` a line."""

    registry: Registry
    journal: Journal
    labour: Labour
    now: Callable[[], datetime]
    say: Callable[[str], None]
    told: Callable[[str, str], None] = lambda _step, _state: None

    def run(self, order: Order) -> Retraining:
        """Go on with the retraining that was begun, or begin one; returns how it ended."""
        going = self._taken_up(order) or self._fresh(order)
        while not going.outcome:
            going = self._done(self._current(going))
        return going

    def _fresh(self, order: Order) -> Retraining:
        now, serving = self.now(), self.registry.serving()
        version = serving.version if serving else ""
        started = now.isoformat(timespec="seconds")
        return self.journal.write(Retraining(self.journal.new_id(now), started, order, version))

    def _taken_up(self, order: Order) -> Retraining | None:
        """What was begun and not ended, as far as what it goes by is still there."""
        going = self.journal.open()
        if going is None:
            return None
        if going.version and not self._has(going.version):
            why = f"{going.version}, which it was about, is not there any more"
            self._end(going, Outcome.OVERTAKEN, (why,))
            return None
        if going.version and not going.is_done(Step.REHEARSAL) and not self.labour.dataset_hash():
            why = f"the dataset of {going.version} is gone, as when somebody is forgotten"
            self._end(going, Outcome.OVERTAKEN, (why,))
            return None
        done = ", ".join(step for step in Step if going.is_done(step)) or "nothing yet"
        self.say(f"going on with the retraining {going.id} (done: {done})")
        going = replace(going, order=replace(going.order, may_promote=order.may_promote))
        if not going.version and going.is_done(Step.DATASET) and self._is_rebuilt(going):
            going = going.without(Step.DATASET, Step.TRAIN)
        return self.journal.write(going)

    def _is_rebuilt(self, going: Retraining) -> bool:
        return bool(self.labour.dataset_hash() != going.values(Step.DATASET)["hash"])

    def _has(self, version: str) -> bool:
        return any(each.version == version for each in self.registry.versions())

    def _current(self, going: Retraining) -> Retraining:
        """The same; what was rehearsed is done again where it is gone, or another model serves."""
        found = going.values(Step.REHEARSAL)
        if not found:
            return going
        if self._is_there(going) and self._serving in (found["serving"], going.version):
            return going
        self.say("what was rehearsed is gone, or another model serves now; rehearsing again")
        return going.without(Step.REHEARSAL, Step.COMPARISON, Step.DECISION)

    def _is_there(self, going: Retraining) -> bool:
        evaluation = going.values(Step.REHEARSAL).get("evaluation")
        is_read = evaluation is None or going.is_done(Step.COMPARISON)
        return is_read or self.labour.is_rehearsed(str(evaluation))

    def _done(self, going: Retraining) -> Retraining:
        """Do the next step, noted before and after."""
        step = next(step for step in Step if not going.is_done(step))
        going = self.journal.write(going.begun(step, self.now()))
        self.told(step, "start")
        going = self._steps[step](going)
        self.told(step, "end")
        return going

    @property
    def _steps(self) -> Mapping[Step, Callable[[Retraining], Retraining]]:
        return {
            Step.DATASET: self._dataset,
            Step.TRAIN: self._train,
            Step.CARD: self._card,
            Step.REHEARSAL: self._rehearsal,
            Step.COMPARISON: self._comparison,
            Step.DECISION: self._decision,
            Step.PROMOTION: self._promotion,
        }

    def _note(self, going: Retraining, step: Step, values: Values) -> Retraining:
        return self.journal.write(going.done(step, self.now(), values))

    def _end(self, going: Retraining, outcome: Outcome, reasons: tuple[str, ...]) -> Retraining:
        for line in (f"{going.version or going.id}: {outcome}", *reasons):
            self.say(line)
        return self.journal.write(going.ended(outcome, reasons, self.now()))

    def _dataset(self, going: Retraining) -> Retraining:
        made = self.labour.dataset()
        same = [one for one in self.registry.versions() if one.dataset_hash == made["hash"]]
        going = going.done(Step.DATASET, self.now(), {**made, "models of it": len(same)})
        if same and not going.order.is_forced and self._is_settled(same[-1]):
            why = f"nothing new since {same[-1].version} was made; --force trains all the same"
            return self._end(going, Outcome.NOTHING_NEW, (why,))
        return self.journal.write(going)

    def _is_settled(self, manifest: ModelManifest) -> bool:
        """Whether a version serves, served, or was judged: there is nothing to find out of it."""
        judged = {one.version for one in self.journal.all() if one.outcome}
        return manifest.version in judged | {one.version for one in self.registry.history()}

    def _train(self, going: Retraining) -> Retraining:
        made = going.values(Step.DATASET)["models of it"]
        # With the same seed the same model would come of it.
        shift = made if going.order.is_forced else 0
        return self._note(going, Step.TRAIN, self.labour.train(going.order, seed_shift=shift))

    def _card(self, going: Retraining) -> Retraining:
        manifest = self.registry.verify(going.version)
        failed = [
            each["text"] for each in manifest.card.get("findings", ()) if each["level"] == "fail"
        ]
        return self._note(going, Step.CARD, {"verdict": manifest.verdict, "failed": failed})

    def _rehearsal(self, going: Retraining) -> Retraining:
        pairing = self._pairing(going)
        if pairing is None:
            return self._note(going, Step.REHEARSAL, {"serving": self._serving})
        found = self.labour.rehearse(pairing, going.order)
        return self._note(going, Step.REHEARSAL, {**found, "serving": pairing.serving.version})

    def _comparison(self, going: Retraining) -> Retraining:
        evaluation = going.values(Step.REHEARSAL).get("evaluation")
        pairing = self._pairing(going)
        if evaluation is None or pairing is None:
            return self._note(going, Step.COMPARISON, {})
        differences, measures = self.labour.compare(str(evaluation), pairing)
        values = {
            "differences": {key: _plain(figure) for key, figure in differences.items()},
            "measures": measures.to_json(),
        }
        return self._note(going, Step.COMPARISON, values)

    def _decision(self, going: Retraining) -> Retraining:
        return self._note(going, Step.DECISION, self._judged(going).to_json())

    def _judged(self, going: Retraining) -> Judgement:
        card = self.registry.get(going.version).card
        if self._serving == going.version:
            return Judgement(True, ("it serves already",))
        pairing, found = self._pairing(going), going.values(Step.COMPARISON)
        if pairing is None:
            return decide_first(card)
        differences = {key: Figure(**figure) for key, figure in found["differences"].items()}
        measures = Measures.from_json(found["measures"])
        taken_back = sorted(withdrawn(self.registry.history()))
        return decide(differences, measures, card, pairing, withdrawn=taken_back)

    def _promotion(self, going: Retraining) -> Retraining:
        judgement = Judgement.from_json(going.values(Step.DECISION))
        if not (judgement.is_promoted and going.order.may_promote):
            return self._settled(going, Outcome.KEPT_ASIDE, judgement.reasons)
        if going.version in withdrawn(self.registry.history()):  # since it was judged
            why = f"{going.version} served meanwhile and was taken back"
            return self._settled(going, Outcome.KEPT_ASIDE, (why,))
        try:
            reason = f"by the loop: {'; '.join(judgement.reasons)}"
            self.registry.promote(going.version, reason, now=self.now())
        except RegistryError as error:
            return self._settled(going, Outcome.KEPT_ASIDE, (str(error),))
        return self._settled(going, Outcome.PROMOTED, judgement.reasons)

    def _settled(self, going: Retraining, outcome: Outcome, reasons: tuple[str, ...]) -> Retraining:
        going = going.done(Step.PROMOTION, self.now(), {})
        return self._end(going, outcome, reasons)

    @property
    def _serving(self) -> str:
        serving = self.registry.serving()
        return serving.version if serving else ""

    def _pairing(self, going: Retraining) -> Pairing | None:
        """Who is rehearsed; nobody where nothing else serves, or the card fails already."""
        serving = str(going.values(Step.REHEARSAL).get("serving", self._serving))
        is_over = going.values(Step.CARD).get("verdict") == "fail"
        if is_over or serving in ("", going.version):
            return None
        return Pairing.of(going.version, serving)


def _plain(figure: Figure) -> dict[str, Any]:
    return {name: getattr(figure, name) for name in Figure.__slots__}
