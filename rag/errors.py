"""What can go wrong between the archive and a recalled passage.

RecallError
├── EmbedderError    an embedding model is not installed, not found or not what it should be
├── IndexMismatch    the index was built with another embedder or by another version
├── IndexBusy        another atself is writing the index
└── StoreError       the vector store is full or away
    └── DamagedIndex files of the index cannot be read; `atself index` makes them anew
"""

from __future__ import annotations

from config.errors import AtselfError


class RecallError(AtselfError):
    """Base of everything here."""


class EmbedderError(RecallError):
    """An embedding model that cannot be used."""


class IndexMismatch(RecallError):
    """An index that does not fit the settings; only a rebuild helps."""


class IndexBusy(RecallError):
    """Two atself would write one index."""


class StoreError(RecallError):
    """A vector store that does not answer; recall goes on with words alone."""


class DamagedIndex(StoreError):
    """Files of the index that cannot be read; nothing is lost, the archive is the source."""
