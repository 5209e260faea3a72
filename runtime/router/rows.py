"""The heads of all experts for one encoder, as one matrix with a column for each expert.

Columns are contiguous across experts, so that a sparse prompt reads a few hundred short rows: a thousand experts cost
one product of that slice. Appending writes one column; room is doubled when it runs out.
"""

import numpy as np
import numpy.typing as npt

from runtime.router import background, calibration
from runtime.router.encoders import ENCODERS
from runtime.router.features import Floats, Sparse
from runtime.router.heads import Head

Flags = npt.NDArray[np.bool_]
_ROOM = 8
# Rows gathered at once: the copy stays in the cache (1,000 experts, 1,600 columns: 0.2 ms; in one piece 4 ms).
_SLICE = 64


class Rows:
    def __init__(self, encoder: str) -> None:
        self.encoder = encoder
        self._weights = np.zeros((ENCODERS[encoder].columns, _ROOM), np.float32)
        self._mean = np.zeros(_ROOM, np.float32)
        self._spread = np.ones(_ROOM, np.float32)
        self._thresholds = np.zeros(_ROOM, np.float32)
        self._present = np.zeros(_ROOM, bool)
        self._silent = np.zeros(_ROOM, bool)
        self._court: Floats | None = None
        self.count = 0

    @property
    def thresholds(self) -> Floats:
        return self._thresholds[: self.count]

    @property
    def present(self) -> Flags:
        """Which experts have a head for this encoder."""
        return self._present[: self.count]

    @property
    def silent(self) -> Flags:
        """Which experts were removed."""
        return self._silent[: self.count]

    def append(self, head: Head | None, threshold: float, others: Flags) -> float:
        """Add an expert; the threshold that holds for it, raised where it would take too much of the court.

        `others`: the court prompts that do not name its field.
        """
        if self.count == self._weights.shape[1]:
            self._double()
        number = self.count
        if head is not None:
            if self._court is None:
                self._court = ENCODERS[self.encoder].rows(background.court())
            raw = self._court @ head.weight
            scale = calibration.scale(raw, head.weight)
            threshold = max(threshold, calibration.court_bound(scale.apply(raw)[others]))
            self._weights[:, number] = head.weight
            self._mean[number], self._spread[number] = scale.mean, scale.spread
            self._present[number] = True
        self._thresholds[number] = threshold
        self.count += 1
        return threshold

    def silence(self, number: int) -> None:
        self._silent[number] = True
        self._present[number] = False
        self._weights[:, number] = 0

    def scores(self, prompt: Sparse) -> Floats:
        """Deviations above the court for every expert; nothing for those without a head."""
        total = np.zeros(self._weights.shape[1], np.float32)
        for start in range(0, len(prompt.columns), _SLICE):
            part = slice(start, start + _SLICE)
            total += prompt.values[part] @ self._weights[prompt.columns[part]]
        return self._scaled(total[: self.count])

    def scores_of(self, vector: Floats) -> Floats:
        """The same for a dense vector."""
        return self._scaled(vector @ self._weights[:, : self.count])

    def _scaled(self, raw: Floats) -> Floats:
        scaled = (raw - self._mean[: self.count]) / self._spread[: self.count]
        result: Floats = np.where(self.present, scaled, 0).astype(np.float32)
        return result

    def _double(self) -> None:
        self._weights = np.concatenate([self._weights, np.zeros_like(self._weights)], axis=1)
        self._mean, self._thresholds = (
            np.concatenate([each, np.zeros_like(each)]) for each in (self._mean, self._thresholds)
        )
        self._spread = np.concatenate([self._spread, np.ones_like(self._spread)])
        self._present, self._silent = (
            np.concatenate([each, np.zeros_like(each)]) for each in (self._present, self._silent)
        )
