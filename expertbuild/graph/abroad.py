"""The build's talk with the remote cache: ask, fetch, upload; and what it makes of silence and of lies."""

import select
import time
from functools import partial

from expertbuild.graph.board import Board, Node
from expertbuild.graph.cache import Cache
from expertbuild.graph.events import Status
from expertbuild.graph.lane import Done
from expertbuild.graph.reach import Reach
from expertbuild.graph.record import Record
from expertbuild.graph.remote import Away, Lie
from runtime.errors import Problem


class Abroad:
    def __init__(self, reach: Reach, board: Board, cache: Cache) -> None:
        self._reach = reach
        self._board = board
        self._cache = cache
        for node in board.nodes.values():
            if node.judgement and node.judgement.status is Status.BUILD:
                node.remote_asked = node.key  # the plan has asked, in vain
        if reach.lane.away:
            self._failed(reach.lane.away, None)

    def may_help(self, node: Node) -> bool:
        return self._reach.alive and node.remote_asked != node.key

    def ask(self, node: Node, offered: Record | None) -> None:
        """Look whether the result is there, or fetch it if it was `offered`."""
        node.busy = True
        remote, lane = self._reach.remote, self._reach.lane
        if offered is None:
            lane.submit((node, None, 0.0), partial(remote.find, node.key))
        else:
            lane.submit((node, offered, time.monotonic()), partial(remote.fetch, offered, self._cache))

    def send(self, record: Record) -> None:
        if self._reach.remote.push and self._reach.alive:
            self._reach.lane.submit(None, partial(self._reach.remote.publish, record, self._cache))

    def watch(self, poll: select.poll) -> None:
        poll.register(self._reach.lane.fileno(), select.POLLIN)

    def due(self) -> float | None:
        return self._reach.lane.due()

    def listen(self, ready: set[int]) -> None:
        for done in self._reach.lane.collect():
            self._hear(done)

    def finish(self) -> None:
        """Wait for uploads, as long as each may take."""
        for done in self._reach.lane.collect_all():
            self._hear(done)

    def distrust(self, node: Node, lie: str) -> None:
        self._board.warn(
            f"the remote cache {self._reach.remote.name} gave a wrong result ({lie}); it is not used", node
        )

    def _hear(self, done: Done) -> None:
        if done.tag is None:  # an upload
            if done.error is not None:
                self._failed(done.error, None)
            return
        node, offered, began = done.tag
        if done.error is not None:
            self._failed(done.error, node)
        if offered is None and done.value is not None:
            self.ask(node, done.value)
        elif offered is None or done.error is not None:
            node.remote_asked = node.key
            self._board.release(node)
        else:
            self._fetched(node, offered, done.value, time.monotonic() - began)

    def _fetched(self, node: Node, record: Record, moved: int, seconds: float) -> None:
        node.remote_asked = record.key
        try:
            standing, note = self._cache.put(record)
        except Problem as problem:
            kind = type(problem).__name__
            self._board.fail(node, problem.what, problem.hint, exit_code=problem.exit_code, kind=kind)
            return
        if note:
            self._board.warn(note, node)
        self._board.fetched(node, standing, moved, seconds)

    def _failed(self, error: Exception, node: Node | None) -> None:
        name = self._reach.remote.name
        if isinstance(error, Away):
            self._board.warn(f"the remote cache {name} cannot be used ({error}); going on without it")
        elif isinstance(error, Lie) and node is not None:
            self.distrust(node, str(error))
        else:
            self._board.warn(f"talking to the remote cache {name} failed ({error}); going on without its result", node)
