"""What is done to rows on their way, by name. Each file provides `apply(rows, spec, bench) -> Iterator[Row]`.

A transform takes a stream and gives a stream. What it leaves out goes through `bench.drop`, so that the statistics
can say how many rows went where, with one of them to look at.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from expertbuild.catalogue import Catalogue
from expertbuild.data.encoding import ChatTokenizer, encode_row
from expertbuild.data.errors import RecipeMistake
from expertbuild.data.rows import Row

TRANSFORMS = Catalogue(
    "data transform", {kind: f"{__name__}.{kind}" for kind in ("dedup_exact", "length", "decontaminate")}
)

Spec = Mapping[str, Any]


@dataclass
class Dropped:
    """Rows left out for one reason."""

    transform: str
    reason: str
    example: Row
    rows: int = 1


@dataclass
class Bench:
    """What a transform may use besides its rows."""

    tokenizer: ChatTokenizer
    test_rows: list[Row] = field(default_factory=list)  # rows that must not be learned
    dropped: dict[tuple[str, str], Dropped] = field(default_factory=dict)

    def drop(self, transform: str, reason: str, row: Row) -> None:
        known = self.dropped.get((transform, reason))
        if known:
            known.rows += 1
        else:
            self.dropped[transform, reason] = Dropped(transform, reason, row)

    def tokens(self, row: Row) -> tuple[int, int]:
        """Tokens of the prompt and of the answer, as the base counts them."""
        prompt, answer = encode_row(row, self.tokenizer)
        return len(prompt), len(answer)


class Transform(Protocol):
    """What each file here provides."""

    def apply(self, rows: Iterable[Row], spec: Spec, bench: Bench) -> Iterator[Row]: ...


def transform(spec: Spec) -> Transform:
    if "kind" not in spec:
        raise RecipeMistake("a transform has no kind.", hint=f"Known: {', '.join(sorted(TRANSFORMS.modules))}.")
    return cast(Transform, TRANSFORMS.load(spec["kind"]))
