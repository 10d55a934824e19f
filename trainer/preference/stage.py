"""An optional second stage: prefer @self's real replies to the model's own (DPO).

Rafailov et al., 2023 (arXiv:2305.18290), with trl's DPOTrainer, for a small share of the time, on
pairs of :mod:`trainer.preference.contenders`. The likelihood of the real reply stays in the loss
(Pang et al., 2024, arXiv:2404.19733): DPO alone is content to lower both sides. The reference is
the adapter as learning left it. Token ids go in as our renderer made them, so that what is
supervised is the same as in learning.

Held-out replies guard the stage: where they become less likely than before by :data:`MARGIN`, or no
preference for pairs kept aside is found, the adapter as it was stays, and the log says so.
"""

from __future__ import annotations

import shutil
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from datasets import Dataset
from peft import get_peft_model_state_dict, set_peft_model_state_dict
from peft.utils.save_and_load import load_peft_weights
from transformers import PrinterCallback, TrainerCallback
from trl import DPOConfig, DPOTrainer

from config.console import progress, say
from ingest.dataset.manifest import read_windows
from ingest.dataset.preferences import read_preferences
from registry.artefact import write_json
from trainer.base_model import LoadedBase
from trainer.examples import Example, Mark, examples_of, sample
from trainer.job import Job
from trainer.likelihood import half_is_fast, likelihood_of
from trainer.preference.contenders import (
    Pair,
    balanced,
    contests,
    mean_lengths,
    pairs_of,
    sample_into,
)
from trainer.preference.feedback import heed
from trainer.run import RunFolder

ADAPTER = "default"
BETA = 0.1
LOSSES, WEIGHTS = ["sigmoid", "sft"], [1.0, 1.0]
RATE = 0.1
"""Of the learning rate that learning used."""
MOST_PAIRS = 600
LEAST_PAIRS = 24
ASIDE = 0.15
"""Share of the pairs, the latest, that only measure."""
STEP_PAIRS, MICRO_PAIRS = 8, 2
CHECKS = 6
CHECK_TOKENS = 12_000
MARGIN = 0.01
"""Nats per token that held-out replies may lose."""
PATIENCE = 2
SAMPLING_SHARE = 0.5
"""Of a time budget for the stage: what sampling may take."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How the model stands: nats per supervised token of held-out replies; ``accuracy`` is the
    share of the pairs kept aside in which it moved towards the real reply, ``wins`` the share in
    which it finds the real reply likelier."""

    nats: float
    accuracy: float
    wins: float


def prefer(job: Job, base: LoadedBase, model: Any) -> Any:
    """The learned model, tuned where ``train.preference`` asks for it and tuning helps.

    A stage that was killed goes on with the replies sampled so far.
    """
    run = job.run
    if not job.recipe.preference:
        return model
    if not run.preference.is_file():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the libraries' notices to each other's developers
            _Stage(job, base, model).run()
    if run.preferred.is_dir():
        set_peft_model_state_dict(model, load_peft_weights(str(run.preferred)), ADAPTER)
        say("preference: kept; real replies are preferred to the model's own")
    return model


class _Stage:
    """One run of the stage; leaves ``preferred/`` where it helped, and ``preference.json``."""

    def __init__(self, job: Job, base: LoadedBase, model: Any) -> None:
        self._job, self._base, self._model = job, base, model
        self._started = time.monotonic()
        self._seconds = job.recipe.preference_seconds
        self._learned = _weights(model)
        self._heeded: dict[str, int] = {}
        validation = _examples(job, base, "validation")
        self._guard = sample(validation, tokens=CHECK_TOKENS)

    def run(self) -> None:
        """Sample, pair, tune, judge."""
        run = self._job.run
        pairs = self._pairs()
        if len(pairs) < LEAST_PAIRS:
            self._end(f"only {len(pairs)} pairs are worth learning from", None, None)
            return
        aside = max(LEAST_PAIRS // 4, round(len(pairs) * ASIDE))
        measure = Measure(self._model, self._guard, pairs[-aside:])
        before = measure()
        run.log("preference_check", step=0, **asdict(before))
        watch = tune(
            self._base,
            self._model,
            pairs[:-aside],
            measure,
            before,
            run,
            rate=self._job.recipe.learning_rate * RATE,
            seed=self._job.recipe.seed,
            is_over=lambda: self._is_past(1.0),
        )
        best = watch.best
        if best is None:
            self._end(watch.ended_by or "no check was better", before, watch.last)
            return
        set_peft_model_state_dict(self._model, watch.weights, ADAPTER)
        _save(self._model, run)
        self._end("", before, best)

    def _pairs(self) -> list[Pair]:
        job, base, run = self._job, self._base, self._job.run
        refused = Counter[str]()
        limit, head = job.recipe.max_tokens, job.dataset.head
        known = read_preferences(job.home.dataset)
        heeded = heed(known, head, base, max_tokens=limit, refused=refused)
        self._heeded = heeded.counts()
        windows = read_windows(job.home.dataset / "train.jsonl")
        drawn = contests(windows, head, base, max_tokens=limit, most=MOST_PAIRS)
        asked = [*heeded.liked, *drawn]
        with progress() as display:
            task = display.add_task("sampling", total=len(asked), note="")
            sample_into(
                run.contenders,
                self._model,
                base,
                asked,
                seed=job.recipe.seed,
                go_on=lambda: not self._is_past(SAMPLING_SHARE),
                advance=lambda replies: display.advance(task, replies),
            )
        every = pairs_of(asked, run.contenders, head, base, refused)
        pairs = balanced(every)
        self._tell_pairs(every, pairs, refused)
        return [*heeded.corrected, *pairs]  # the latest measure; what @self said teaches

    def _tell_pairs(
        self, every: Sequence[Pair], pairs: Sequence[Pair], refused: Counter[str]
    ) -> None:
        unbalanced, even = mean_lengths(every), mean_lengths(pairs)
        self._job.run.log(
            "preference_pairs",
            pairs=len(pairs),
            feedback=self._heeded,
            refused={**refused, "too unlike in length": len(every) - len(pairs)},
            mean_tokens={"chosen": round(even[0], 1), "rejected": round(even[1], 1)},
            mean_tokens_before={
                "chosen": round(unbalanced[0], 1),
                "rejected": round(unbalanced[1], 1),
            },
            seconds=round(time.monotonic() - self._started, 1),
        )
        say(
            f"preference: {len(pairs)} pairs; real replies are {even[0]:.1f} tokens long, the "
            f"model's {even[1]:.1f} ({unbalanced[0]:.1f} and {unbalanced[1]:.1f} before balancing)"
        )
        if any(self._heeded.values()):
            told = ", ".join(f"{count} {kind}" for kind, count in self._heeded.items())
            say(f"preference: replies of the bot heeded: {told}")

    def _is_past(self, share: float) -> bool:
        seconds = self._seconds
        return seconds is not None and time.monotonic() - self._started > seconds * share

    def _end(self, refused: str, before: Standing | None, after: Standing | None) -> None:
        """Note how it ended, and leave the model as it was learned where nothing was kept."""
        found = {
            "kept": not refused,
            "reason": refused,
            "feedback": self._heeded,
            "before": asdict(before) if before else None,
            "after": asdict(after) if after else None,
            "seconds": round(time.monotonic() - self._started, 1),
        }
        if refused:
            set_peft_model_state_dict(self._model, self._learned, ADAPTER)
            say(f"preference: {refused}; the adapter stays as it was learned")
        self._job.run.log("preference_end", **found)
        write_json(self._job.run.preference, found)


class Measure:
    """Measures a model against itself as it was when this was made."""

    def __init__(self, model: Any, guard: Sequence[Example], aside: Sequence[Pair]) -> None:
        self._model, self._guard, self._aside = model, guard, aside
        self._reference = self._margins()

    def __call__(self) -> Standing:
        """Where the model stands now."""
        margins = self._margins()
        count = max(1, len(margins))
        moved = sum(now > then for now, then in zip(margins, self._reference, strict=True))
        wins = sum(margin > 0 for margin in margins)
        nats = self._likelihood(self._guard).nats if self._guard else 0.0
        return Standing(round(nats, 4), round(moved / count, 4), round(wins / count, 4))

    def _margins(self) -> list[float]:
        """By how many nats each real reply is likelier than the model's own."""
        return [
            self._nats(pair.prompt_ids, pair.rejected_ids)
            - self._nats(pair.prompt_ids, pair.chosen_ids)
            for pair in self._aside
        ]

    def _nats(self, prompt: list[int], reply: list[int]) -> float:
        marks = [Mark.CONTEXT] * len(prompt) + [Mark.TEXT] * len(reply)
        return float(self._likelihood([Example(prompt + reply, marks, 1, 0)]).text_nats)

    def _likelihood(self, examples: Sequence[Example]) -> Any:
        half = half_is_fast(self._model.device.type)
        return likelihood_of(self._model, examples, batch_tokens=4096, half=half)


def tune(
    base: LoadedBase,
    model: Any,
    pairs: Sequence[Pair],
    measure: Measure,
    before: Standing,
    run: RunFolder,
    *,
    rate: float,
    seed: int,
    is_over: Callable[[], bool],
) -> Watch:
    """Tune the adapter of ``model`` on ``pairs``, one pass; what was best on the way.

    The model is left as the last step made it, without the reference that trl put beside it.
    """
    for name, weight in model.named_parameters():
        weight.requires_grad_(f".{ADAPTER}." in name)
    trainer = _Trainer(
        model=model,
        args=_config(run, model, rate, seed),
        train_dataset=Dataset.from_list([asdict(pair) for pair in pairs]),
        processing_class=base.tokenizer,
    )
    trainer.remove_callback(PrinterCallback)  # it writes to stdout, which is for data
    steps = max(1, -(-len(pairs) // STEP_PAIRS))
    watch = Watch(trainer, measure, before, run, steps, is_over)
    trainer.add_callback(watch)
    try:
        with progress() as display:
            watch.show(display)
            trainer.train()
    finally:
        model.delete_adapter("ref")
        model.set_adapter(ADAPTER)
        vars(model.get_base_model()).pop("forward", None)  # trl's, put over the model's own
    return watch


class _Trainer(DPOTrainer):  # type: ignore[misc]
    """trl's trainer, given token ids."""

    def _prepare_dataset(self, dataset: Any, *_args: Any, **_options: Any) -> Any:
        return dataset


class Watch(TrainerCallback):  # type: ignore[misc]
    """Measures now and then, keeps the best weights, stops what does harm."""

    def __init__(
        self,
        trainer: Any,
        measure: Measure,
        before: Standing,
        run: RunFolder,
        steps: int,
        is_over: Callable[[], bool],
    ) -> None:
        self._trainer, self._measure, self._before = trainer, measure, before
        self._run, self._steps, self._is_over = run, steps, is_over
        self._every = max(1, steps // CHECKS)
        self._misses = 0
        self._display: Any = None
        self.best: Standing | None = None
        self.last: Standing | None = None
        self.weights: dict[str, torch.Tensor] = {}
        self.ended_by = ""

    def show(self, display: Any) -> None:
        """Draw progress on ``display`` from now on."""
        self._display = display
        self._task = display.add_task("preferring", total=self._steps, note="")

    def on_step_end(self, _args: Any, state: Any, control: Any, **_: Any) -> None:
        """Measure when it is time, and stop where the real replies suffer or nothing is gained."""
        step = state.global_step
        is_last = self._is_over() or step >= state.max_steps
        self._display.update(self._task, completed=step)
        if step % self._every and not is_last:
            return
        found = self.last = self._measure()
        self._run.log("preference_check", step=step, **asdict(found))
        if self._is_better(found):
            self.best, self.weights, self._misses = found, _weights(self._trainer.model), 0
        else:
            self._misses += 1
        if found.nats > self._before.nats + MARGIN:
            lost = found.nats - self._before.nats
            self.ended_by = f"held-out replies lost {lost:.3f} nats per token"
        elif found.accuracy <= 0.5:
            self.ended_by = f"only {found.accuracy:.0%} of the pairs kept aside moved"
        if is_last or self._misses >= PATIENCE or found.nats > self._before.nats + 2 * MARGIN:
            control.should_training_stop = True

    def on_log(self, _args: Any, state: Any, _control: Any, logs: Any = None, **_: Any) -> None:
        """trl's own figures of a step go into the curve."""
        wanted = {"loss": "loss", "rewards/accuracies": "accuracy", "rewards/margins": "margin"}
        found = {name: logs[key] for key, name in wanted.items() if logs and key in logs}
        if found:
            self._run.log("preference_step", step=state.global_step, **found)

    def _is_better(self, found: Standing) -> bool:
        if found.nats > self._before.nats + MARGIN or found.accuracy <= 0.5:
            return False
        return self.best is None or found.accuracy > self.best.accuracy


def _config(run: RunFolder, model: Any, rate: float, seed: int) -> DPOConfig:
    device = model.device.type
    return DPOConfig(
        output_dir=str(run.path),
        loss_type=LOSSES,
        loss_weights=WEIGHTS,
        beta=BETA,
        learning_rate=rate,
        num_train_epochs=1,
        per_device_train_batch_size=MICRO_PAIRS,
        gradient_accumulation_steps=STEP_PAIRS // MICRO_PAIRS,
        gradient_checkpointing=device == "cuda",
        bf16=half_is_fast(device),
        use_cpu=device == "cpu",
        max_length=None,
        save_strategy="no",
        logging_steps=1,
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=False,
        seed=seed,
    )


def _examples(job: Job, base: LoadedBase, split: str) -> list[Example]:
    windows = read_windows(job.home.dataset / f"{split}.jsonl")
    found = examples_of(
        windows, job.dataset.head, base.markup, base.tokenize, max_tokens=job.recipe.max_tokens
    )
    return list(found)


def _weights(model: Any) -> dict[str, torch.Tensor]:
    found = get_peft_model_state_dict(model, adapter_name=ADAPTER)
    return {name: weight.detach().clone() for name, weight in found.items()}


def _save(model: Any, run: RunFolder) -> None:
    """Leave the adapter in ``preferred/``, whole or not at all."""
    fresh = run.preferred.with_name(".preferred")
    shutil.rmtree(fresh, ignore_errors=True)
    model.save_pretrained(str(fresh), selected_adapters=[ADAPTER])
    shutil.rmtree(run.preferred, ignore_errors=True)
    fresh.rename(run.preferred)
