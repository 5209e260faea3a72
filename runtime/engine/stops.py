"""Stop strings: where an answer ends, also when the string arrives in pieces.

Text that may turn out to be the beginning of a stop string is held back until the next piece decides.
"""

from collections.abc import Sequence

from runtime.engine.errors import RequestRefused

MOST_STOPS = 64
LONGEST_STOP = 256


class Stops:
    """The stop strings of one request and the text they hold back."""

    def __init__(self, stops: Sequence[str]) -> None:
        if not isinstance(stops, (tuple, list)) or len(stops) > MOST_STOPS:
            raise RequestRefused(f"stop must be a list of at most {MOST_STOPS} strings.")
        for stop in stops:
            if not isinstance(stop, str) or not 0 < len(stop) <= LONGEST_STOP:
                raise RequestRefused(f"each stop string must have 1 to {LONGEST_STOP} characters.")
        self._stops = tuple(stops)
        self._beginnings = {stop[:size] for stop in stops for size in range(1, len(stop))}
        self._longest = max(map(len, stops), default=0)
        self._held = ""

    def __bool__(self) -> bool:
        return bool(self._stops)

    def add(self, piece: str) -> tuple[str, bool]:
        """The text that is certain now, and whether a stop string ended it."""
        if not self._stops:
            return piece, False
        self._held += piece
        places = [place for stop in self._stops if (place := self._held.find(stop)) >= 0]
        if places:
            text, self._held = self._held[: min(places)], ""
            return text, True
        for size in range(min(self._longest - 1, len(self._held)), 0, -1):
            if self._held[-size:] in self._beginnings:
                text, self._held = self._held[:-size], self._held[-size:]
                return text, False
        text, self._held = self._held, ""
        return text, False

    def finish(self) -> str:
        """What was held back in vain."""
        text, self._held = self._held, ""
        return text
