"""Texts that are held in memory, and which of them another text is nearly the same as: for test sets."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from expertbuild.data.minhash import PERMUTATIONS, Signatures, band_keys, signatures

MOST = 64  # texts compared in one band, so that a thousand test rows that are alike cost no thousand comparisons


class Nearness:
    def __init__(self, texts: Sequence[str], threshold: float) -> None:
        self.threshold = threshold
        self.signatures = signatures(texts)
        self._bands: dict[tuple[int, int], list[int]] = defaultdict(list)
        for number, keys in enumerate(band_keys(self.signatures, threshold).tolist()):
            for band, key in enumerate(keys):
                those = self._bands[band, key]
                if len(those) < MOST:
                    those.append(number)

    def nearest(self, texts: Sequence[str]) -> list[int | None]:
        """For each text the number of one it is nearly the same as; None where none is near enough."""
        return [min(near, default=None) for near in self.matches(signatures(texts))]

    def matches(self, made: Signatures) -> Iterator[list[int]]:
        """For each signature the numbers of all texts that it is near to."""
        for own, keys in zip(made, band_keys(made, self.threshold).tolist(), strict=True):
            likely = sorted({n for band, key in enumerate(keys) for n in self._bands.get((band, key), ())})
            if not likely:
                yield []
                continue
            equal = (self.signatures[likely] == own).sum(axis=1)
            yield [number for number, same in zip(likely, equal, strict=True) if same >= self.threshold * PERMUTATIONS]
