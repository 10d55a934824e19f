"""What can go wrong with models on disk."""

from __future__ import annotations

from config.errors import AtselfError


class RegistryError(AtselfError):
    """A model or base that is missing, damaged or unknown."""
