"""The build's talk with its workers: tasks down, messages up, and what they print into logs."""

import select
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from expertbuild.graph import events
from expertbuild.graph.board import Board, Node
from expertbuild.graph.cache import Cache
from expertbuild.graph.facts import Facts
from expertbuild.graph.log import Log
from expertbuild.graph.messages import Begun, Broke, Busy, Ended, Message, Said, Spoilt, Task
from expertbuild.graph.plan import Judgement
from expertbuild.graph.pool import Pool
from expertbuild.graph.record import Record

if TYPE_CHECKING:
    from expertbuild.graph.spawn import Worker

_LAST_WORDS = 2.0  # seconds for a process that hung up to end by itself, so that its exit code is its own


class Crew:
    def __init__(
        self,
        board: Board,
        cache: Cache,
        facts: Facts,
        pool: Pool,
        *,
        busy: Callable[[Node], None],
        made: Callable[[Record], None],
    ) -> None:
        """`busy` is told of a step whose key another build holds, `made` of every result made here."""
        self._board = board
        self._cache = cache
        self._facts = facts
        self._pool = pool
        self._busy = busy
        self._made = made
        self._logs: dict[Worker, Log] = {}

    def build(self, node: Node, judgement: Judgement) -> None:
        assert judgement.document is not None
        sources = {role: source.record for role, source in self._board.inputs(node).items() if source.record}
        task = Task(
            step=node.step.id,
            key=node.key,
            document=judgement.document,
            config=_bare(judgement.asked.given),
            inputs={role: record.outputs for role, record in sources.items()},
            input_keys={role: record.key for role, record in sources.items()},
            lineage=self._board.lineage(node),
            files={role: Path(path).absolute() for role, path in node.step.files.items()},
            code=self._facts.seen(judgement.asked.code),
            root=self._cache.root,
        )
        node.busy = True
        self._pool.free().give(task, node)

    def watch(self, poll: select.poll) -> None:
        for worker in self._pool.workers:
            poll.register(worker.channel.fileno(), select.POLLIN)
            if worker.prints:
                poll.register(worker.printed, select.POLLIN)

    def listen(self, ready: set[int]) -> None:
        for worker in list(self._pool.workers):
            if worker.printed in ready:
                self._log(worker).add(worker.read_printed())
            if worker.channel.fileno() in ready:
                message = worker.hear()
                self._log(worker).add(worker.read_printed())  # all it printed before it said this
                self._hear(worker, worker.holder, message)

    def _hear(self, worker: "Worker", node: Node | None, message: Message | None) -> None:
        if message is None:
            self._lost(worker, node)
        elif isinstance(message, Said) and node:
            fields = {
                name: self._board.scrub(value) if isinstance(value, str) else value
                for name, value in message.fields.items()
            }
            self._board.tell(events.Progress(node.step.id, fields))
        elif isinstance(message, Begun) and node:
            self._log(worker).open(self._cache.log(node.key))
            work = self._cache.work(node.key)
            self._board.tell(events.Started(node.step.id, node.key, message.resumed, work))
        elif node:
            worker.holder = None
            self._over(node, message, self._log(worker))

    def _over(self, node: Node, message: Message, log: Log) -> None:
        if isinstance(message, Broke):
            path = log.keep(self._cache.log(node.key), message.trace)
            hint = message.hint or (f"The traceback is in {path}." if path and message.trace else "")
            self._board.fail(node, message.what, hint, exit_code=message.exit_code, kind=message.kind, log=path)
            return
        log.drop()
        if isinstance(message, Ended) and not message.built:
            self._board.hit(node, message.record)
        elif isinstance(message, Ended):
            for note in message.notes:
                self._board.warn(note, node)
            self._made(message.record)
            self._board.built(node, message.record)
        elif isinstance(message, Busy):
            self._board.release(node)
            self._busy(node)
        elif isinstance(message, Spoilt):
            self._board.release(node)
            self._board.lose(self._board.inputs(node)[message.role], message.path)

    def _lost(self, worker: "Worker", node: Node | None) -> None:
        """A worker is gone. Its step fails; the others go on with the rest of the crew."""
        worker.wait(time.monotonic() + _LAST_WORDS)
        how = worker.end()
        log = self._log(worker)
        del self._logs[worker]
        self._pool.discard(worker)
        if node is not None:
            path = log.keep(self._cache.log(node.key), "")
            hint = f"What it printed is in {path}." if path else ""
            self._board.fail(node, how, hint, kind="WorkerLost", log=path)

    def _log(self, worker: "Worker") -> Log:
        return self._logs.setdefault(worker, Log(self._board.scrub))


def _bare(value: Any) -> Any:
    """Configuration as plain dictionaries and lists: a worker need not know what it was composed with."""
    if isinstance(value, Mapping):
        return {name: _bare(item) for name, item in value.items()}
    return [_bare(item) for item in value] if isinstance(value, list | tuple) else value
