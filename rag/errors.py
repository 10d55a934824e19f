"""What can go wrong between the archive and a recalled passage.

RecallError
├── EmbedderError    an embedding model is not installed, not found or not what it should be
├── IndexMismatch    the index was built with another embedder or by another version
└── StoreError       the vector store is damaged, full or away
"""

from __future__ import annotations

from config.errors import AtselfError


class RecallError(AtselfError):
    """Base of everything here."""


class EmbedderError(RecallError):
    """An embedding model that cannot be used."""


class IndexMismatch(RecallError):
    """An index that does not fit the settings; only a rebuild helps."""


class StoreError(RecallError):
    """A vector store that does not answer; recall goes on with words alone."""
