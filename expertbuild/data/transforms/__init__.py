"""What is done to rows on their way, by name: one file each, in one of two shapes.

    look(spec, bench) -> function(row) -> the row, another row, or the reason why it is left out
    apply(rows, spec, bench) -> Iterator[Row]

`look` is for what needs one row at a time: those run in several processes and are remembered (stages.py). `apply` is
for what needs the rows around it, and runs in one. What `apply` leaves out goes through `bench.drop`, so that the
statistics can say how many rows went where, with one of them to look at. A transform never changes a row in place: it
makes another one. A file also says which `OPTIONS` it takes, and may provide `check(spec, directory)`, which refuses
options that cannot work, and `files(spec, directory)`, the files that it reads.
"""

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import gettempdir
from types import ModuleType
from typing import Any, Protocol

from expertbuild.catalogue import Catalogue
from expertbuild.data.encoding import ChatTokenizer, encode_row
from expertbuild.data.errors import RecipeMistake
from expertbuild.data.rows import Row
from runtime.errors import Problem

TRANSFORMS = Catalogue(
    "data transform",
    {
        kind: f"{__name__}.{kind}"
        for kind in (
            *("dedup_exact", "dedup_near", "decontaminate", "length", "language", "schema", "sql"),
            *("fields", "chat", "balance", "mix"),
        )
    },
)

Spec = Mapping[str, Any]
Look = Callable[[Row], Row | str]
LONGEST_EXAMPLE = 2000  # characters of one text in an example of what was left out


class CountedRow(dict[str, Any]):
    """A row that knows its length in tokens. What makes another row of it forgets, so a length is never a stale one."""

    tokens: tuple[int, int] | None = None


@dataclass
class Dropped:
    """Rows left out for one reason."""

    transform: str
    reason: str
    example: Row
    rows: int = 1


@dataclass
class Bench:
    """What a transform or a measure may use besides its rows."""

    tokenizer: ChatTokenizer | None  # None where no row is counted any more
    test_rows: list[Row] = field(default_factory=list)  # rows that must not be learned
    dropped: dict[tuple[str, str], Dropped] = field(default_factory=dict)
    directory: Path = field(default_factory=Path)  # relative paths of the recipe start here
    work: Path = field(default_factory=lambda: Path(gettempdir()))  # room for what does not fit into memory
    seed: int = 0
    statistics: Mapping[str, Any] = field(default_factory=dict)  # what the dataset says of itself, for measures
    workers: int = 1  # threads or processes that may be used; never decides what comes out

    def drop(self, transform: str, reason: str, row: Row) -> None:
        known = self.dropped.get((transform, reason))
        if known:
            known.rows += 1
        else:
            self.dropped[transform, reason] = Dropped(transform, reason, cut(row))

    def tokens(self, row: Row) -> tuple[int, int]:
        """Tokens of the prompt and of the answer, as the base counts them."""
        if isinstance(row, CountedRow) and row.tokens is not None:
            return row.tokens
        assert self.tokenizer is not None
        prompt, answer = encode_row(row, self.tokenizer)
        counted = len(prompt), len(answer)
        if isinstance(row, CountedRow):
            row.tokens = counted
        return counted


class Applied(Protocol):
    """A transform that needs the rows around one."""

    def apply(self, rows: Iterable[Row], spec: Spec, bench: Bench) -> Iterator[Row]: ...


def transform(spec: Spec) -> ModuleType:
    """The module of a transform, once its options are known ones."""
    if "kind" not in spec:
        raise RecipeMistake("a transform has no kind.", hint=f"Known: {', '.join(sorted(TRANSFORMS.modules))}.")
    module = TRANSFORMS.load(spec["kind"])
    for key in spec:
        if key != "kind" and key not in module.OPTIONS:
            near = difflib.get_close_matches(str(key), module.OPTIONS, n=1)
            known = f"Known: {', '.join(module.OPTIONS)}." if module.OPTIONS else "It has none."
            raise RecipeMistake(
                f'the transform {spec["kind"]} has no option "{key}".',
                hint=f'Did you mean "{near[0]}"?' if near else known,
            )
    return module


def check(specs: Sequence[Spec], directory: Path) -> None:
    """Refuse transforms whose options cannot work, before the first row is drawn; the error names the transform."""
    for number, spec in enumerate(specs):
        try:
            module = transform(spec)
            if hasattr(module, "check"):
                module.check(spec, directory)
        except Problem as problem:
            problem.where = f"transforms[{number}]" + (f".{problem.where}" if problem.where else "")
            raise


def cut(value: Any) -> Any:
    """A row as an example: its long texts cut, since one row may be megabytes."""
    if isinstance(value, str):
        return value if len(value) <= LONGEST_EXAMPLE else f"{value[:LONGEST_EXAMPLE]}…"
    if isinstance(value, Mapping):
        return {key: cut(each) for key, each in list(value.items())[:50]}
    if isinstance(value, list):
        return [cut(each) for each in value[:50]]
    return value
