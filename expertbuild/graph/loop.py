"""The loop of a build: every step after its inputs, as many at once as there are workers.

One thread and no locks: it takes every step as far as it goes, then listens to workers and to the
remote cache until one of them has something to say. Planning is plan.py's, building perform.py's.
"""

import select
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from expertbuild.graph import events
from expertbuild.graph.action import Step
from expertbuild.graph.board import Board, Node
from expertbuild.graph.cache import Cache
from expertbuild.graph.events import Listener, Status
from expertbuild.graph.facts import Facts
from expertbuild.graph.outcome import StepOutcome
from expertbuild.graph.plan import Judgement, judge
from expertbuild.graph.pool import Pool
from expertbuild.graph.record import Record

if TYPE_CHECKING:
    from expertbuild.graph.abroad import Abroad
    from expertbuild.graph.crew import Crew
    from expertbuild.graph.reach import Reach

_LOOK_AGAIN = 0.2  # seconds between looks at a key that another build holds


class Loop:
    def __init__(
        self,
        cache: Cache,
        facts: Facts,
        judged: Mapping[Step, Judgement],
        pool: Pool,
        tell: Listener,
    ) -> None:
        self._cache = cache
        self._facts = facts
        self._pool = pool
        self._judged = judged
        self._board = Board(judged, cache, tell)
        self._nodes = self._board.nodes.values()
        self._abroad: Abroad | None = None
        self._crew: Crew | None = None

    def use(self, reach: "Reach") -> None:
        """Take results from a remote cache, and send it what is made here if it wants that."""
        from expertbuild.graph.abroad import Abroad

        self._abroad = Abroad(reach, self._board, self._cache)

    def run(self) -> None:
        for step, judgement in self._judged.items():
            self._board.tell(events.Planned(step.id, judgement.status, judgement.key))
        while self._advance():
            self._listen()
        if self._abroad:
            self._abroad.finish()

    def outcome(self, step: Step) -> StepOutcome:
        node = self._board.nodes[step]
        assert node.status is not None
        return StepOutcome(step, node.status, node.key or None, node.record, node.failure, self._cache)

    def busy_steps(self) -> tuple[str, ...]:
        return tuple(node.step.id for node in self._nodes if node.busy)

    def _advance(self) -> bool:
        """Take every step as far as it goes now. False when none is open."""
        moved = True
        while moved:
            moved = False
            for node in self._nodes:
                if node.open and not node.busy and node.look_at <= time.monotonic():
                    moved |= self._consider(node)
        return any(node.open for node in self._nodes)

    def _consider(self, node: Node) -> bool:
        """Settle a step, or set it going. False when it has to wait."""
        inputs = self._board.inputs(node)
        lost = {source.step.id for source in inputs.values() if source.status in (Status.FAILED, Status.SKIPPED)}
        if lost:
            self._board.skip(node, lost)
            return True
        if any(source.open for source in inputs.values()):
            return False
        trees = {role: source.record.tree for role, source in inputs.items() if source.record}
        judgement = self._judge(node, trees)
        if judgement.status is Status.HIT and judgement.record:
            self._board.hit(node, judgement.record)
        elif self._board.is_made_by_another(node):
            return False
        elif self._abroad and self._abroad.may_help(node):
            self._abroad.ask(node, judgement.record)
        elif not self._pool.has_room():
            return False
        elif not self._cache.is_free(node.key):
            self._wait(node)
            return False
        else:
            self._workers().build(node, judgement)
        return True

    def _judge(self, node: Node, trees: dict[str, str]) -> Judgement:
        """The judgement of the plan if it was made for these inputs, or a new one."""
        before = node.judgement or self._judged[node.step]
        if node.judgement is None or before.key is None or before.inputs != trees:
            node.judgement = judge(before.asked, trees, self._cache, look_only=False)
        judgement = node.judgement
        assert judgement is not None
        if judgement.damage and not node.losses:
            self._board.warn(f"{judgement.damage}; building it again", node)
        if judgement.lie and self._abroad:
            self._abroad.distrust(node, judgement.lie)
        return judgement

    def _workers(self) -> "Crew":
        if self._crew is None:
            from expertbuild.graph.crew import Crew

            self._crew = Crew(self._board, self._cache, self._facts, self._pool, busy=self._wait, made=self._made)
        return self._crew

    def _wait(self, node: Node) -> None:
        """Another build holds its key: look again in a moment, perhaps there is a result then."""
        if not node.waited:
            node.waited = True
            self._board.tell(events.Waiting(node.step.id, node.key))
        node.look_at = time.monotonic() + _LOOK_AGAIN
        node.judgement = None

    def _made(self, record: Record) -> None:
        if self._abroad:
            self._abroad.send(record)

    def _listen(self) -> None:
        """Wait until a worker or the remote cache speaks, or it is time to look at a held key again."""
        poll = select.poll()
        talks = [talk for talk in (self._crew, self._abroad) if talk]
        for talk in talks:
            talk.watch(poll)
        ready = {descriptor for descriptor, _ in poll.poll(self._patience())}
        for talk in talks:
            talk.listen(ready)

    def _patience(self) -> float | None:
        """Milliseconds until something has to be looked at without being called; None: as long as it takes."""
        now = time.monotonic()
        waits = [node.look_at - now for node in self._nodes if node.open and node.look_at > now]
        due = self._abroad.due() if self._abroad else None
        waits += [] if due is None else [due]
        return 1000 * max(0.0, min(waits)) + 1 if waits else None


def width(order: Sequence[Step], judged: Mapping[Step, Judgement]) -> int:
    """How many steps may run at once at most, if each took as long as the others."""
    depth: dict[Step, int] = {}
    level: dict[int, int] = {}
    for step in order:
        depth[step] = max((depth[upstream] for upstream in step.inputs.values()), default=0)
        if judged[step].record is None:
            depth[step] += 1
            level[depth[step]] = level.get(depth[step], 0) + 1
    return max(level.values(), default=1)
