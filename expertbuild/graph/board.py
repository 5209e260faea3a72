"""Where every step of a running build stands; the one place where that changes.

The loop asks and moves steps on; workers (crew.py) and the remote cache (abroad.py) report here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from expertbuild.graph import events
from expertbuild.graph.action import Step
from expertbuild.graph.cache import Cache
from expertbuild.graph.events import Failed, Listener, Status
from expertbuild.graph.plan import Judgement
from expertbuild.graph.record import Record
from expertbuild.graph.sensitive import Scrubber

_MOST_LOSSES = 2  # times that a result may turn out damaged in one build before the disk is to blame


@dataclass(eq=False)
class Node:
    step: Step
    judgement: Judgement | None
    """None when it has to be judged anew."""
    status: Status | None = None
    """None while it is open."""
    record: Record | None = None
    failure: Failed | None = None
    busy: bool = False
    """With a worker, or on its way from the remote cache."""
    stale: bool = False
    """Its input was lost while it was busy: it opens again when it is not."""
    look_at: float = 0.0
    """When to look again at a key that another build holds."""
    waited: bool = False
    remote_asked: str = ""
    """The key that the remote cache was asked for."""
    losses: int = 0

    @property
    def key(self) -> str:
        return self.record.key if self.record else (self.judgement and self.judgement.key) or ""

    @property
    def open(self) -> bool:
        return self.status is None


class Board:
    def __init__(self, judged: Mapping[Step, Judgement], cache: Cache, tell: Listener) -> None:
        self.nodes = {step: Node(step, judgement) for step, judgement in judged.items()}
        self.tell = tell
        self.scrub = Scrubber()
        self._cache = cache
        self._warned: set[tuple[str, str]] = set()
        self._made: set[str] = set()

    def inputs(self, node: Node) -> dict[str, Node]:
        return {role: self.nodes[step] for role, step in sorted(node.step.inputs.items())}

    def lineage(self, node: Node) -> dict[str, Mapping[str, Any]]:
        """Step id -> key document of every result that a step stands on."""
        found: dict[str, Mapping[str, Any]] = {}
        stack = list(node.step.inputs.values())
        while stack:
            source = self.nodes[stack.pop()]
            if source.record and source.step.id not in found:
                found[source.step.id] = source.record.document
                stack.extend(source.step.inputs.values())
        return dict(sorted(found.items()))

    def is_made_by_another(self, node: Node) -> bool:
        return any(other.busy and other.key == node.key for other in self.nodes.values())

    # Ways to be settled

    def hit(self, node: Node, record: Record) -> None:
        """A result is there. If this build made it for another step, it counts as built for this one too."""
        made = record.key in self._made
        self._settle(node, Status.BUILT if made else Status.HIT, record)
        self.tell(
            events.Finished(node.step.id, record.key, 0.0, record.size)
            if made
            else events.Hit(node.step.id, record.key)
        )

    def built(self, node: Node, record: Record) -> None:
        self._made.add(record.key)
        self._settle(node, Status.BUILT, record)
        self.tell(events.Finished(node.step.id, record.key, record.seconds, record.size))

    def fetched(self, node: Node, record: Record, size: int, seconds: float) -> None:
        self._settle(node, Status.FETCHED, record)
        self.tell(events.Fetched(node.step.id, record.key, size, seconds))

    def fail(
        self, node: Node, what: str, hint: str = "", *, exit_code: int = 1, kind: str = "", log: Path | None = None
    ) -> None:
        node.failure = Failed(node.step.id, self.scrub(what), self.scrub(hint), exit_code, kind, log)
        node.stale = False
        self._settle(node, Status.FAILED)
        self.tell(node.failure)

    def skip(self, node: Node, because: set[str]) -> None:
        self._settle(node, Status.SKIPPED)
        self.tell(events.Skipped(node.step.id, tuple(sorted(because))))

    # Ways to be open again

    def release(self, node: Node) -> None:
        """It is not busy any more, and not settled either."""
        node.busy = False
        if node.stale:
            node.stale, node.judgement = False, None

    def lose(self, node: Node, path: str) -> None:
        """The bytes of a result that counted as there are wrong: make it again, and judge all that stands on it anew."""
        if node.open:  # somebody else has noticed, and it is being made
            return
        node.losses += 1
        if node.losses > _MOST_LOSSES:
            self.fail(node, f"{path} of its result is damaged as soon as it is written", "Is the disk sound?")
            return
        self.warn(f"{path} of its result is damaged in the cache; building it again", node)
        self._made.discard(node.key)
        lost = {node.step}
        for other in self.nodes.values():  # sorted: inputs come first
            if other.step in lost or lost.intersection(other.step.inputs.values()):
                lost.add(other.step)
                if other.busy:
                    other.stale = True
                elif other.status not in (Status.FAILED, Status.SKIPPED):
                    other.status, other.record, other.judgement, other.remote_asked = None, None, None, ""

    def warn(self, what: str, node: Node | None = None) -> None:
        """Say it, once."""
        step = node.step.id if node else ""
        if (step, what) not in self._warned:
            self._warned.add((step, what))
            self.tell(events.Warned(self.scrub(what), step))

    def _settle(self, node: Node, status: Status, record: Record | None = None) -> None:
        was_stale = node.stale
        self.release(node)
        if was_stale:
            return
        node.status, node.record = status, record
        for twin in self.nodes.values():  # the same work for another step: it can look now
            if twin.open and not twin.busy and twin.key == node.key:
                twin.judgement = None
        if record:
            self._cache.history.add(node.step.id, record.key, record.tree, record.document)
