"""Which group of rows goes to training, validation and test: an order that only the seed decides.

With `stratify` each split has its share of every kind of row: of easy, medium and hard ones (`difficulty`), or of a part
of the rows such as the stratum. A group is of the kind of its rows' mean difficulty, or of its first row.
"""

from collections import Counter, defaultdict
from hashlib import blake2b
from statistics import quantiles

from expertbuild.data.difficulty import difficulty
from expertbuild.data.parts import part
from expertbuild.data.rows import Row


class Layers:
    """The kind of each group, gathered while rows pass. Without `stratify` there is one kind."""

    def __init__(self, stratify: str | None) -> None:
        self.stratify = stratify
        self.kinds: dict[str, str] = {}
        self.scores: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])

    def add(self, group: str, row: Row) -> None:
        if self.stratify == "difficulty":
            score = self.scores[group]
            score[0] += difficulty(row)
            score[1] += 1
        elif self.stratify is not None:
            self.kinds.setdefault(group, str(part(row, self.stratify)))

    def of(self, groups: Counter[str]) -> dict[str, Counter[str]]:
        """The groups of each kind, with their numbers of rows."""
        if self.stratify is None:
            return {"": groups}
        if self.stratify == "difficulty":
            means = {group: total / count for group, (total, count) in self.scores.items()}
            easy, hard = quantiles(means.values(), n=3) if len(means) > 1 else (0.0, 0.0)
            self.kinds = {group: "easy" if mean <= easy else "hard" if mean > hard else "medium" for group, mean in means.items()}  # fmt: skip
        made: dict[str, Counter[str]] = defaultdict(Counter)
        for group, count in groups.items():
            made[self.kinds[group]][group] = count
        return dict(sorted(made.items()))


def split(
    groups: Counter[str], *, test: float, validation: float, seed: int, layers: Layers | None = None
) -> dict[str, str]:
    """Each group's split: groups in an order that only the seed decides, until test and validation are full."""
    total = groups.total()
    wanted = {
        "test": test if test >= 1 else test * total,
        "validation": validation if validation >= 1 else validation * total,
    }
    places: dict[str, str] = {}
    if layers is None or layers.stratify is None:
        return _fill(groups, wanted, 1.0, seed, places)
    over = dict.fromkeys(wanted, 0.0)  # what one kind was short of, or had too much of, is the next one's
    for those in layers.of(groups).values():
        share = {name: rows * those.total() / total + over[name] for name, rows in wanted.items()}
        over = dict(share)
        _fill(those, share, 0.5, seed, places)
        for group, count in those.items():
            if places[group] in over:
                over[places[group]] -= count
    return places


def _fill(
    groups: Counter[str], wanted: dict[str, float], least: float, seed: int, places: dict[str, str]
) -> dict[str, str]:
    wanted = dict(wanted)
    for group in sorted(groups, key=lambda name: chance(seed, name)):
        place = next((name for name, left in wanted.items() if left >= least), "train")
        places[group] = place
        if place != "train":
            wanted[place] -= groups[group]
    return places


def chance(seed: int, name: str) -> bytes:
    """A place in an order that looks random and is the same everywhere."""
    return blake2b(f"{seed}:{name}".encode()).digest()
