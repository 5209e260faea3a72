"""Ask everything that no locked answer answers: so many at a time, again where it failed, as far as the budget goes.

The order in which answers come decides nothing. Every answer is locked the moment it is there, whether it counts or
not: it was paid for. Judging is done beside the event loop, one at a time, since a scorer may take its time.
"""

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from expertbuild.data.errors import SourceMistake
from expertbuild.data.sources import Place
from expertbuild.data.synthesis.budget import Budget, Spent, most_tokens
from expertbuild.data.synthesis.endpoint import Endpoint, Refused
from expertbuild.data.synthesis.errors import EndpointProblem, Unanswered
from expertbuild.data.synthesis.locked import Answer, Journal
from expertbuild.data.synthesis.pace import Pace
from expertbuild.data.synthesis.requests import Pair, key_of, pairs, request
from expertbuild.data.synthesis.spec import Calls, Wanted, is_loopback
from expertbuild.data.synthesis.verdict import Court, court
from runtime.errors import Problem

FIRST_WAIT, LONGEST_WAIT = 0.5, 60.0  # seconds; doubled from one to the other
MOST_IN_A_ROW = 8  # requests given up one after the other, with no answer between them
TICK = 1.0  # seconds between two looks at the progress


@dataclass
class Progress:
    """How far it is, and in the end how it went."""

    pairs: int = 0  # seeds and samples looked at
    rows: int = 0
    asked: int = 0  # answers that were paid for in this run
    known: int = 0  # answers that were there before
    retried: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    given_up: Counter[str] = field(default_factory=Counter)
    tokens: tuple[int, int] = (0, 0)  # of all that is locked, and of what was lost
    money: float = 0.0
    stopped: str = ""  # why it ended before its end
    seconds: float = 0.0


Report = Callable[[Progress], None]


def run(wanted: Wanted, calls: Calls, journal: Journal, place: Place, report: Report = lambda _: None) -> Progress:
    """Ask until all is answered, the budget is used up, or the endpoint cannot be worked with (an error, after all that
    was answered is locked)."""
    key = api_key(calls)
    if calls.money is None and calls.tokens is None:
        raise SourceMistake(
            "needs a budget: `money` or `tokens`.",
            where=f"synthesis {wanted.name}: calls",
            hint="budget: {tokens: 2000000}",
        )
    asking = _Asking(wanted, calls, journal, court(wanted, place.judge), Endpoint(wanted.protocol, calls, key))
    began = time.monotonic()
    try:
        return asyncio.run(asking.all(pairs(wanted, place), report))
    finally:
        asking.progress.seconds = time.monotonic() - began
        asking.thread.shutdown()


def api_key(calls: Calls) -> str:
    """The key, from the environment. An endpoint on this machine may need none."""
    if not calls.api_key_env:
        if is_loopback(calls.base_url):
            return ""
        raise SourceMistake("needs `api_key_env`, the variable that holds the key.", where=calls.base_url)
    key = os.environ.get(calls.api_key_env, "").strip()
    if not key:
        raise SourceMistake(
            "is not set.", where=calls.api_key_env, hint="It is the variable that holds the endpoint's key."
        )
    return key


class _Asking:
    def __init__(self, wanted: Wanted, calls: Calls, journal: Journal, judged: Court, endpoint: Endpoint) -> None:
        self.wanted, self.calls, self.journal, self.judged, self.endpoint = wanted, calls, journal, judged, endpoint
        self.thread = ThreadPoolExecutor(1, "verdict")
        self.progress = Progress()
        self._budget = Budget(calls, journal.spent)
        self._pace = Pace(calls.requests_per_minute, calls.tokens_per_minute)
        self._given_up, self._silent = 0, 0  # in a row, with no answer between them
        self._random = random.Random()
        self._stop = asyncio.Event()
        self._fatal: Problem | None = None

    async def all(self, todo: Iterator[Pair], report: Report) -> Progress:
        loop = asyncio.get_running_loop()
        with suppress(NotImplementedError, RuntimeError, ValueError):  # not the main thread: signals are not ours
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, self._interrupted)
        async with self.endpoint:
            ticking = loop.create_task(self._tick(report))
            try:
                await asyncio.gather(*(self._work(todo) for _ in range(self.calls.concurrency)))
            finally:
                ticking.cancel()
                self._count()
                report(self.progress)
        if self._fatal:
            raise self._fatal
        return self.progress

    async def _work(self, todo: Iterator[Pair]) -> None:
        """One after the other, until there is nothing left or a reason to stop. What is under way is always awaited:
        it may have been paid for."""
        try:
            for pair in todo:
                if self._stop.is_set():
                    return
                self.progress.pairs += 1
                await self._settle(pair)
        except Spent:
            self._end("the budget is used up")
        except Problem as problem:
            self._fatal = self._fatal or problem
            self._end(problem.what)

    async def _settle(self, pair: Pair) -> None:
        """Until an answer counts, or all tries are used."""
        for attempt in range(self.wanted.tries):
            document = request(self.wanted, pair, attempt)
            answer = self.journal.get(key_of(document))
            if answer is None:
                answer = await self._answered(document)
                if answer is None:
                    return
                self.progress.asked += 1
                self.journal.add(answer)
            else:
                self.progress.known += 1
            verdict = await asyncio.get_running_loop().run_in_executor(self.thread, self.judged, pair, answer)
            if verdict.rows:
                self.progress.rows += len(verdict.rows)
                return
            self.progress.rejected[verdict.reason] += 1

    async def _answered(self, document: Mapping[str, Any]) -> Answer | None:
        """The endpoint's answer, asked for again and again with longer and longer pauses; None when that was in vain."""
        most = most_tokens(document)
        reason = ""
        for attempt in range(self.calls.attempts):
            await self._budget.hold(most)
            paid = (0, 0)
            try:
                if not await self._turn(sum(most)):
                    return None
                said = await self.endpoint.ask(document)
                paid = said.tokens or most
                self._given_up = self._silent = 0
                return Answer(document, said.text, said.finish, said.model, paid)
            except Refused as refused:
                if not len(self.journal):  # nothing was ever answered: it is not this request alone
                    raise EndpointProblem(f"refuses the request: {refused}", where=self.calls.base_url) from None
                return Answer(document, "", "", "", (0, 0), refused=str(refused) or "refused")
            except Unanswered as error:
                paid = most if error.charged else (0, 0)
                reason, wait = error.reason, self._wait(attempt, error.wait)
                self.progress.retried[reason] += 1
                self._silent = self._silent + 1 if error.silent else 0
            finally:
                await self._budget.settle(most, paid)
            if self._silent >= max(MOST_IN_A_ROW, 2 * self.calls.concurrency):
                raise self._hopeless(reason, f"{self._silent} times in a row")
            if attempt + 1 < self.calls.attempts and await self._stopped_within(wait):
                return None
        self.progress.given_up[reason] += 1
        self._given_up += 1
        if self._given_up >= MOST_IN_A_ROW:
            raise self._hopeless(reason, f"{self._given_up} requests in a row were given up")
        return None

    async def _turn(self, tokens: int) -> bool:
        """Wait until the next request may go out; false if it may not any more."""
        wait = self._pace.delay(tokens)
        while wait > 0:
            if await self._stopped_within(wait):
                return False
            wait = self._pace.quiet()
        return not self._stop.is_set()

    async def _stopped_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        return self._stop.is_set()

    def _wait(self, attempt: int, told: float | None) -> float:
        """How long to stay away: as long as we are told, or doubled each time, never for all alike."""
        if told is not None:
            self._pace.hush(told)
            return self._random.uniform(0.0, 0.1)
        return float(min(LONGEST_WAIT, FIRST_WAIT * 2**attempt) * self._random.uniform(0.5, 1.0))

    def _hopeless(self, reason: str, often: str) -> EndpointProblem:
        hint = "What was answered is kept; run it again when the endpoint is well."
        return EndpointProblem(f"does not answer: {reason}, {often}.", where=self.calls.base_url, hint=hint)

    async def _tick(self, report: Report) -> None:
        while True:
            await asyncio.sleep(TICK)
            self.journal.sync()
            self._count()
            report(self.progress)

    def _count(self) -> None:
        self.progress.tokens, self.progress.money = self._budget.tokens, self._budget.money

    def _interrupted(self) -> None:
        if self._stop.is_set():
            raise KeyboardInterrupt
        self._end("stopped")

    def _end(self, why: str) -> None:
        self._stop.set()
        self.progress.stopped = self.progress.stopped or why
