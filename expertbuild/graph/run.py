"""`build`: a whole build from its door to its end, or with `dry_run` what it would do; and what signals do to it."""

import signal
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from expertbuild.graph import events
from expertbuild.graph.action import Step, in_order
from expertbuild.graph.cache import Cache
from expertbuild.graph.errors import GraphMistake, Interrupted
from expertbuild.graph.events import Event, Listener, Status
from expertbuild.graph.facts import Facts, refuse_secrets
from expertbuild.graph.loop import Loop, width
from expertbuild.graph.outcome import Outcome, StepOutcome
from expertbuild.graph.plan import plan
from expertbuild.graph.pool import Pool, cores

if TYPE_CHECKING:
    from expertbuild.graph.reach import Reach
    from expertbuild.graph.remote import Remote


def build(
    steps: Iterable[Step],
    cache: Cache,
    *,
    jobs: int | None = None,
    listener: Listener | None = None,
    dry_run: bool = False,
    remote: "Remote | str | None" = None,
) -> Outcome:
    """Build `steps` and all they stand on; with `dry_run`, only say what that would do and touch nothing.

    A step that fails stops what stands on it and nothing else: look at the outcome, or call its
    `check()`. Raises `Interrupted` on Ctrl-C or SIGTERM, once the workers have ended.
    `jobs` is the largest number of steps at once (the number of cores by default); the cores are
    shared out among as many workers as the graph can use.
    """
    if jobs is not None and jobs < 1:
        raise GraphMistake(f"jobs is {jobs}; at least one step has to run at a time")
    order = in_order(steps)
    refuse_secrets(order)
    tell = _nobody if listener is None else listener
    reach = _reach(remote)
    try:
        with _signals():
            if dry_run:
                return _dry_run(order, cache, reach, tell)
            return _run(order, cache, reach, tell, jobs or cores())
    except _Signalled as signalled:
        raise Interrupted(
            f"stopped by {signalled.name}", hint="What was finished is kept; the next run goes on from there."
        ) from None
    finally:
        if reach:
            reach.lane.close()


def _run(order: Sequence[Step], cache: Cache, reach: "Reach | None", tell: Listener, jobs: int) -> Outcome:
    with cache.attended() as sign:
        facts = Facts(cache)
        judged = plan(order, facts, cache, reach, look_only=False)
        facts.save()
        if any(judgement.status is not Status.HIT for judgement in judged.values()):
            cache.ensure_writable()
        pool = Pool(min(jobs, width(order, judged)), sign)
        loop = Loop(cache, facts, judged, pool, tell)
        if reach:
            loop.use(reach)
        try:
            loop.run()
            pool.close()
        except BaseException as error:
            try:
                if isinstance(error, _Signalled):
                    tell(events.Stopping(loop.busy_steps()))
                pool.stop()
            finally:  # asked twice, or the listener is broken
                pool.kill()
            raise
    return Outcome({step.id: loop.outcome(step) for step in order}, cache)


def _dry_run(order: Sequence[Step], cache: Cache, reach: "Reach | None", tell: Listener) -> Outcome:
    judged = plan(order, Facts(cache), cache, reach, look_only=True)
    if reach and reach.lane.away:
        tell(events.Warned(f"the remote cache {reach.remote.name} cannot be used ({reach.lane.away})"))
    outcomes = {}
    for step, judgement in judged.items():
        tell(events.Planned(step.id, judgement.status, judgement.key))
        outcomes[step.id] = StepOutcome(step, judgement.status, judgement.key, judgement.record, None, cache)
    return Outcome(outcomes, cache)


def _reach(remote: "Remote | str | None") -> "Reach | None":
    if not remote:
        return None
    from expertbuild.graph.reach import Reach

    return Reach(remote)


def _nobody(event: Event) -> None:
    """Nobody listens."""


class _Signalled(KeyboardInterrupt):
    """A signal that asks us to end. Not an Exception, so that nothing on the way takes it for an error."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.name = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name


@contextmanager
def _signals() -> Iterator[None]:
    """Inside, SIGINT and SIGTERM raise `_Signalled`. Outside the main thread signals are not ours to take."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    taken = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, _raise) for number in taken]
    try:
        yield
    finally:
        for number, handler in zip(taken, before, strict=True):
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def _raise(number: int, frame: object) -> NoReturn:
    raise _Signalled(number)
