"""Vectors in Chroma: embedded in the home folder, or on a Chroma server.

Every shelf is a collection of its own: a query cannot reach another shelf whatever its filter says,
and it is faster (at 100,000 vectors of 384 numbers, p95 4 ms, against 54 ms with a filter on the
chat). A collection holds ids, vectors and end times; no text.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ingest.database import millis
from rag.errors import DamagedIndex, StoreError

if TYPE_CHECKING:
    from pydantic import SecretStr

    from config.sections import Recall
    from rag.embedding.protocol import Vectors

# Recall against exact search stays above .97 with this many candidates per query.
_SPACE = {"hnsw": {"space": "cosine", "ef_search": 128, "ef_construction": 128}}
_DELETE_AT_ONCE = 2000
_FEW = 400
_PATIENCE = 30.0  # seconds, with a server that has taken a request
_FULL = ("disk is full", "no space", "too large", "readonly", "read-only", "locked")
"""What is said of a disk that takes no more, or of files somebody else holds; they are sound."""
_PANIC = "PanicException"
"""Of Chroma's Rust half, for files that are not what they should be; no Exception to Python."""
_OPENING = threading.Lock()
"""Chroma lets clients of one folder share what is below them, and counts them without a lock."""
_OPEN: dict[Path, tuple[int, str]] = {}
"""The folders open in this process: by how many, and who had written last when they were opened."""
_SIGNATURE = "written-by"
_GRAPH = ("header.bin", "length.bin", "data_level0.bin")


class VectorStore:
    """The collections of one persona; ``namespace`` keeps personas on one server apart."""

    def __init__(self, client: Any, where: str, namespace: str, folder: Path | None) -> None:
        self._client, self._where, self._prefix = client, where, f"atself-{namespace}-"
        self._known: dict[str, Any] = {}
        self._folder, self._has_signed = folder, False

    @classmethod
    def open(cls, folder: Path, recall: Recall, *, namespace: str) -> VectorStore:
        """Connect; StoreError where the server does not answer, DamagedIndex for damaged files."""
        url, token = recall.chroma_url, recall.chroma_token
        where = url or str(folder)
        with _explained(where), _OPENING:
            if url:
                return cls(_server(url, token), where, namespace, None)
            known = _OPEN.get(folder, (0, _signature(folder)))
            _require_whole(folder)
            client = _embedded(folder)
            _OPEN[folder] = known[0] + 1, known[1]
            return cls(client, where, namespace, folder)

    def is_stale(self) -> bool:
        """Whether another process wrote here since this one opened the files.

        Chroma 1.5.9 goes on without what was added, however long it is asked. Once all that this
        process opened is closed, opening anew shows everything.
        """
        return self._folder is not None and _signature(self._folder) != _OPEN[self._folder][1]

    def close(self) -> None:
        """Release the files or connections; everything added stays."""
        sessions = _http_sessions(self._client)
        with _explained(self._where), _OPENING:
            if self._folder is not None:
                count, known = _OPEN.pop(self._folder)
                if count > 1:
                    _OPEN[self._folder] = count - 1, known
                self._folder = None
            self._client.close()
            for session in sessions:
                session.close()

    def shelves(self) -> list[str]:
        """The shelves that have a collection."""
        with _explained(self._where):
            return [found.metadata["shelf"] for found in self._collections()]

    def count(self, shelf: str) -> int:
        """How many vectors a shelf has."""
        with _explained(self._where):
            collection = self._find(shelf)
            return 0 if collection is None else int(collection.count())

    def ids(self, shelf: str) -> list[str]:
        """The passages of a shelf that have a vector."""
        with _explained(self._where):
            collection = self._find(shelf)
            return [] if collection is None else list(collection.get(include=[])["ids"])

    def add(
        self, shelf: str, ids: Sequence[str], vectors: Vectors, ended_at: Sequence[datetime]
    ) -> None:
        """Add or replace vectors of shape (ids, dimension)."""
        self._sign()
        with _explained(self._where):
            collection = self._client.get_or_create_collection(
                self._name(shelf),
                embedding_function=None,
                configuration=_SPACE,
                metadata={"shelf": shelf},
            )
            most = self._client.get_max_batch_size()
            for start in range(0, len(ids), most):
                part = slice(start, start + most)
                collection.upsert(
                    ids=list(ids[part]),
                    embeddings=vectors[part],
                    metadatas=[{"ended_at": millis(instant)} for instant in ended_at[part]],
                )

    def vectors(self, shelf: str, ids: Sequence[str]) -> dict[str, Vectors]:
        """The vectors of these passages, of those that have one."""
        with _explained(self._where):
            collection = self._find(shelf)
            if collection is None or not ids:
                return {}
            found = collection.get(ids=list(ids), include=["embeddings"])
        return dict(zip(found["ids"], found["embeddings"], strict=True))

    def probe(self, shelf: str, dimension: int) -> None:
        """Read a shelf's graph; DamagedIndex where that cannot be done."""
        with _explained(self._where):
            collection = self._find(shelf)
            if collection is not None:
                collection.query(query_embeddings=[[1.0] * dimension], n_results=1, include=[])

    def delete(self, shelf: str, ids: Sequence[str]) -> None:
        """Remove vectors; ids without one do no harm."""
        self._sign()
        with _explained(self._where):
            collection = self._find(shelf)
            for start in range(0, len(ids) if collection else 0, _DELETE_AT_ONCE):
                collection.delete(ids=list(ids[start : start + _DELETE_AT_ONCE]))

    def drop(self, shelf: str) -> None:
        """Remove a shelf's collection."""
        with _explained(self._where):
            if self._find(shelf) is not None:
                self._client.delete_collection(self._name(shelf))

    def nearest(
        self,
        shelf: str,
        vector: Vectors,
        limit: int,
        *,
        before: datetime | None,
        newer: int | None = None,
    ) -> list[tuple[str, float]]:
        """Passages of a shelf that ended before the moment and their cosine, nearest first.

        ``newer`` says how many did not, where that is known. A few are asked for and left out here:
        at 100,000 passages Chroma's own filter takes a hundred times as long as the query.
        """
        if not limit:
            return []
        is_few = newer is not None and newer <= _FEW
        moment = None if before is None else millis(before)
        is_filtered = moment is not None and not is_few
        found = self._query(
            shelf,
            query_embeddings=[vector],
            n_results=limit + (newer or 0 if is_few else 0),
            where={"ended_at": {"$lt": moment}} if is_filtered else None,
            include=["distances", "metadatas"] if newer and is_few else ["distances"],
        )
        if found is None:
            return []
        pairs = zip(found["ids"][0], found["distances"][0], strict=True)
        ended = [data["ended_at"] for data in (found["metadatas"] or [()])[0]]
        kept = [
            (key, 1.0 - float(distance))
            for place, (key, distance) in enumerate(pairs)
            if not ended or moment is None or ended[place] < moment
        ]
        return kept[:limit]

    def _query(self, shelf: str, **asked: Any) -> Any:
        """What Chroma finds; None for a shelf without a collection."""
        from chromadb.errors import NotFoundError

        with _explained(self._where):
            # Looking a collection up takes as long as asking it.
            collection = self._known.get(shelf) or self._find(shelf)
            if collection is None:
                return None
            self._known[shelf] = collection
            try:
                return collection.query(**asked)
            except NotFoundError:  # made anew meanwhile, as after a forget
                del self._known[shelf]
                collection = self._find(shelf)
                return collection and collection.query(**asked)

    def _sign(self) -> None:
        """Let other processes see that they no longer know everything."""
        if self._folder is not None and not self._has_signed:
            signature = secrets.token_hex(8)
            with _explained(self._where), _OPENING:
                self._folder.with_name(_SIGNATURE).write_text(signature, encoding="utf-8")
                _OPEN[self._folder] = _OPEN[self._folder][0], signature
            self._has_signed = True

    def _name(self, shelf: str) -> str:
        return self._prefix + hashlib.sha256(shelf.encode()).hexdigest()[:32]

    def _collections(self) -> list[Any]:
        every = self._client.list_collections()
        return [found for found in every if found.name.startswith(self._prefix)]

    def _find(self, shelf: str) -> Any:
        from chromadb.errors import NotFoundError

        try:
            return self._client.get_collection(self._name(shelf), embedding_function=None)
        except NotFoundError:
            return None


def _require_whole(folder: Path) -> None:
    """Graphs cut short are read beyond their end: Chroma 1.5.9 takes the process down with it.

    A graph is ``data_level0.bin``, as many rows as ``length.bin`` has numbers, of four bytes each.
    """
    for rows in folder.glob("*/data_level0.bin"):
        sizes = {name: rows.with_name(name).stat().st_size for name in _GRAPH}
        count = sizes["length.bin"] // 4
        if not all(sizes.values()) or rows.stat().st_size % count or rows.stat().st_size < count:
            raise ValueError(f"{rows.parent.name} is cut short")


def _signature(folder: Path) -> str:
    """Which run wrote last."""
    try:
        return folder.with_name(_SIGNATURE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def _embedded(folder: Path) -> Any:
    import chromadb
    from chromadb.config import Settings

    folder.mkdir(parents=True, exist_ok=True)
    return chromadb.PersistentClient(str(folder), settings=Settings(anonymized_telemetry=False))


def _server(url: str, token: SecretStr | None) -> Any:
    import chromadb
    import httpx
    from chromadb.config import Settings

    parts = urlsplit(url)
    port, scheme = parts.port or 8000, parts.scheme or "http"
    headers = {"Authorization": f"Bearer {token.get_secret_value()}"} if token else {}
    # Chroma's own client sets no timeouts: it would wait for a server that is stuck for ever.
    alive = f"{scheme}://{parts.hostname}:{port}/api/v2/heartbeat"
    httpx.get(alive, headers=headers, timeout=_PATIENCE).raise_for_status()
    client = chromadb.HttpClient(
        host=parts.hostname or url,
        port=port,
        ssl=scheme == "https",
        headers=headers,
        settings=Settings(anonymized_telemetry=False),
    )
    for session in _http_sessions(client):
        session.timeout = _PATIENCE
    return client


def _http_sessions(client: Any) -> list[Any]:
    """What Chroma 1.5.9 leaves open when a server client and its admin half are closed."""
    halves = (client, getattr(client, "_admin_client", None))
    servers = [getattr(half, "_server", None) for half in halves]
    sessions = (getattr(server, "_session", None) for server in servers)
    return [session for session in sessions if session is not None]


@contextmanager
def _explained(where: str) -> Iterator[None]:
    """Chroma raises many kinds of errors, also for damaged files; all become one line."""
    try:
        yield
    except StoreError:
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != _PANIC:
            raise
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        if "://" in where:
            problem = f"the vector store does not answer ({first}); start it, then run again"
            raise StoreError(f"{where}: {problem}: atself index") from error
        if any(sign in str(error).lower() for sign in _FULL):
            problem = f"no room for vectors ({first}); free some space, then run again"
            raise StoreError(f"{where}: {problem}: atself index") from error
        raise DamagedIndex(
            f"{where}: the vectors cannot be read ({first}); mend them with: atself index"
        ) from error
