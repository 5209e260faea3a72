"""How fast an endpoint may be asked: requests and tokens a minute, and silence where it asked for silence.

A bucket that refills evenly, filled for a second at most, so that a run does not begin with a minute's worth at once.
"""

import time
from collections.abc import Callable

Clock = Callable[[], float]


class Bucket:
    """So many a minute, handed out in the order in which they were asked for."""

    def __init__(self, per_minute: float | None, clock: Clock = time.monotonic) -> None:
        self._rate = None if per_minute is None else per_minute / 60
        self._clock = clock
        self._free_at = clock()

    def delay(self, amount: float) -> float:
        """Take `amount`; how long to wait before it may be used."""
        if self._rate is None:
            return 0.0
        now = self._clock()
        self._free_at = max(self._free_at, now - 1.0)
        wait = max(0.0, self._free_at - now)
        self._free_at += amount / self._rate
        return wait


class Pace:
    """Both buckets of an endpoint, and its last word on when to come back."""

    def __init__(self, requests: float | None, tokens: float | None, clock: Clock = time.monotonic) -> None:
        self._requests, self._tokens, self._clock = Bucket(requests, clock), Bucket(tokens, clock), clock
        self._quiet_until = 0.0

    def delay(self, tokens: int) -> float:
        """Take a turn; how long to wait for it."""
        return max(self._requests.delay(1), self._tokens.delay(tokens), self.quiet())

    def quiet(self) -> float:
        """How long nobody may ask."""
        return max(0.0, self._quiet_until - self._clock())

    def hush(self, seconds: float) -> None:
        """Nobody asks for so long."""
        self._quiet_until = max(self._quiet_until, self._clock() + seconds)
