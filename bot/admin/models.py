"""`/models`, `/reload`, `/promote`, `/rollback`: which model answers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from bot.admin.asked import asker_of
from bot.admin.desk import LEAVE, PROMOTE, Desk
from bot.admin.questions import Questions
from bot.errors import CommandRefused
from bot.platforms.base import Commanded, Notice, Word
from registry.artefact import ModelManifest
from registry.marks import forgotten_since

WORDS = (
    Word("models", "The models there are, and which one answers"),
    Word("reload", "Load the model anew, or another one", "[version]"),
    Word(PROMOTE, "Let a model answer from now on", "<version>"),
    Word("rollback", "Return to the model that answered before"),
)
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class ModelCommands:
    """The commands about models."""

    desk: Desk
    questions: Questions

    async def models(self, command: Commanded) -> None:
        """List the newest models."""
        await command.answer.say(await asyncio.to_thread(self._listed))

    async def reload(self, command: Commanded) -> None:
        """Load a version (by default what the registry says serves); only until the next start."""
        version = command.words.strip() or None
        await command.answer.say(f"Loading {version or 'the model'}; the one before answers on.")
        name = await self.desk.controls.reload(version)
        serving = await asyncio.to_thread(self.desk.registry.serving)
        is_lasting = version is None or (serving is not None and serving.version == version)
        lasting = f" until the next start; /promote {name} makes it last"
        await command.answer.say(f"{name} answers{'' if is_lasting else lasting}.")

    async def promote(self, command: Commanded) -> None:
        """Let a version serve, or answer the question that follows a retraining."""
        words = command.words.split()
        if not words:
            raise CommandRefused("Say which: /promote v2; /models lists them.")
        if words[0] == LEAVE:
            left = f": /promote {words[1]} lets it answer" if len(words) > 1 else ""
            await command.answer.say(f"It stays as it is{left}.")
            return
        await command.answer.say(f"Checking and loading {words[0]}; the one before answers on.")
        reason = f"by {asker_of(command)} in the chat"
        await command.answer.say(await self.desk.promote(words[0], reason))

    async def rollback(self, command: Commanded) -> None:
        """Ask, then return to the version before."""
        earlier = await asyncio.to_thread(self.desk.registry.earlier)

        async def go(notice: Notice) -> None:
            await notice.say(f"Loading {earlier}; the one before answers on.")
            reason = f"by {asker_of(command)} in the chat"
            await notice.say(await self.desk.rollback(reason))

        question = f"Return to {earlier}, which answered before?"
        await self.questions.ask(command, question, f"Return to {earlier}", go)

    def _listed(self) -> str:
        registry = self.desk.registry
        serving = registry.serving()
        versions = registry.versions()
        lines = [
            _line(manifest, is_serving=serving is not None and serving.version == manifest.version)
            + (", knows forgotten people" if _knows(self.desk, manifest) else "")
            for manifest in reversed(versions[-_SHOWN:])
        ]
        if len(versions) > _SHOWN:
            lines.append(f"and {len(versions) - _SHOWN} older")
        return "\n".join(lines) or "No models yet: /retrain makes one."


def _line(manifest: ModelManifest, *, is_serving: bool) -> str:
    persona, base = manifest.card.get("persona", {}), manifest.card.get("base", {})
    parts = [
        f"{manifest.version}{' (serves)' if is_serving else ''}",
        f"{manifest.created_at:%Y-%m-%d}",
        manifest.base.id,
        f"card: {manifest.verdict or 'none'}",
    ]
    if "nats_per_token" in persona and "nats_per_token" in base:
        figures = f"{persona['nats_per_token']:.2f} nats/token"
        parts.append(f"{figures} (base {base['nats_per_token']:.2f})")
    return ", ".join(parts)


def _knows(desk: Desk, manifest: ModelManifest) -> bool:
    return bool(forgotten_since(desk.registry.folder / manifest.version))
