"""What each step was last: the keys it had, so that `why` can say what changed since.

Key documents are kept beside the results, so a difference can still be told after a result was
shrunk away. Losing all of this loses explanations and nothing else, so writing it never fails a build.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from expertbuild.graph.canonical import canonical, read_json
from expertbuild.graph.disk import write_atomic
from expertbuild.graph.key import key_of

_KEPT = 8  # states per step: enough to find the one a downstream result was built from


@dataclass(frozen=True)
class Past:
    key: str
    tree: str
    """Digest of the output it had."""


class History:
    def __init__(self, root: Path, staging: Path) -> None:
        self._steps = root / "steps"
        self.documents = root / "documents"
        self._staging = staging

    def of(self, step: str) -> list[Past]:
        """The states of a step, the latest last."""
        try:
            stored = read_json(self._path(step).read_bytes())
            return [Past(str(key), str(tree)) for key, tree in stored["states"]]
        except (OSError, ValueError, KeyError, TypeError):
            return []

    def document(self, key: str) -> Mapping[str, Any] | None:
        try:
            document = read_json((self.documents / f"{key}.json").read_bytes())
        except (OSError, ValueError):
            return None
        return document if isinstance(document, dict) and key_of(document) == key else None

    def add(self, step: str, key: str, tree: str, document: Mapping[str, Any]) -> None:
        """Note the state a step is in now. Nothing is written when it is the state it was in."""
        states = self.of(step)
        now = Past(key, tree)
        if states and states[-1] == now:
            return
        states = [*[past for past in states if past != now], now][-_KEPT:]
        data = canonical({"step": step, "states": [[past.key, past.tree] for past in states]})
        with suppress(OSError):
            path = self.documents / f"{key}.json"
            if not path.exists():
                write_atomic(path, canonical(document), self._staging)
            write_atomic(self._path(step), data, self._staging)

    def keys(self) -> set[str]:
        """All keys whose document is still of use."""
        found: set[str] = set()
        for path in self._steps.glob("*.json"):
            with suppress(OSError, ValueError, KeyError, TypeError):
                found.update(key for key, _ in read_json(path.read_bytes())["states"])
        return found

    def _path(self, step: str) -> Path:
        return self._steps / f"{sha256(step.encode()).hexdigest()[:32]}.json"
