"""Rows from a Hugging Face data set: from the hub at a pinned commit, or from a local directory of the same layout.

    - {kind: huggingface, name: gretelai/synthetic_text_to_sql, revision: 740ab236..., split: train, columns: {...}}
    - {kind: huggingface, path: data/my-set, split: train, columns: {...}}

`datasets` is imported when such a source is read. The usual environment variables apply (HF_ENDPOINT for a mirror,
HF_TOKEN, HF_HOME, HF_HUB_OFFLINE); none of them is part of a key, since a commit holds the same bytes wherever it is
fetched. `streaming: true` reads rows as they come and keeps no copy. A data set that wants to run code is not run.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from expertbuild.data.columns import check_columns, lacking, to_row
from expertbuild.data.errors import SourceMistake
from expertbuild.data.rows import Row
from expertbuild.data.sources import Place, incomplete
from expertbuild.data.sources.places import inside
from runtime.artifact.shown import shown

OWN_KEYS = (
    *("kind", "name", "path", "revision", "config", "split", "columns", "needs", "streaming", "rows", "weight"),
    "part",
)
_COMMIT = re.compile(r"[0-9a-f]{40}")


def files(spec: Mapping[str, Any], directory: Path) -> list[Path]:
    """The local directory, if that is where the data lies."""
    return [inside(directory, spec["path"])] if "path" in spec else []


def rows(spec: Mapping[str, Any], place: Place) -> Iterator[Row]:
    check_columns(spec.get("columns"))
    name = spec.get("name") or spec.get("path")
    number, given = -1, 0
    for number, record in enumerate(_records(spec, place.directory)):
        if given == spec.get("rows"):
            return
        where = f"{name} row {number}"
        if (column := lacking(record, spec.get("needs") or ())) is not None:
            place.left_out("huggingface", f"{column} is empty", incomplete(record, where))
            continue
        given += 1
        yield to_row(record, spec.get("columns"), where)
    if number < 0:
        raise SourceMistake("holds no record.", where=str(name))


def _records(spec: Mapping[str, Any], directory: Path) -> Iterator[Any]:
    where = _where(spec, directory)
    try:
        from datasets import load_dataset
        from datasets.exceptions import DatasetsError
    except ImportError as error:
        raise SourceMistake(
            "a huggingface source needs the package datasets.", hint="pip install 'expertbuild[train]'"
        ) from error
    try:
        yield from load_dataset(
            where,
            name=spec.get("config"),
            revision=spec.get("revision"),
            split=spec.get("split", "train"),
            streaming=bool(spec.get("streaming", False)),
        )
    except (OSError, ValueError, RuntimeError, DatasetsError, *_network()) as error:
        # What `datasets` raises for absent, offline, broken and unreadable alike; the cause knows more than the wrapper.
        said = _first_line(error.__cause__ or error)
        raise SourceMistake(
            f"could not be read: {said}",
            where=str(spec.get("name") or spec.get("path")),
            hint="HF_ENDPOINT names a mirror of the hub." if "name" in spec else "",
        ) from error


def _where(spec: Mapping[str, Any], directory: Path) -> str:
    """The name on the hub, or the local directory."""
    for key in spec:
        if key not in OWN_KEYS:
            raise SourceMistake(f'a huggingface source has no key "{key}".', hint=f"Known: {', '.join(OWN_KEYS)}.")
    if ("name" in spec) == ("path" in spec):
        raise SourceMistake("a huggingface source needs either a name on the hub or a local path.")
    if "name" in spec:
        if not _COMMIT.fullmatch(str(spec.get("revision") or "")):
            raise SourceMistake(
                f"{'has no revision' if not spec.get('revision') else 'has a revision that is no commit'}, "
                "so it could change under the recipe.",
                where=str(spec["name"]),
                hint="Pin `revision` to a commit of the data set, all 40 digits.",
            )
        return str(spec["name"])
    path = inside(directory, str(spec["path"]))
    if not path.is_dir():
        raise SourceMistake("there is no such directory.", where=str(spec["path"]), hint=f"Looked in {directory}.")
    for each in path.rglob("*"):
        if each.is_symlink() and not each.resolve().is_relative_to(path.resolve()):
            raise SourceMistake("is a link that leads outside.", where=each.name)
    return str(path)


def _network() -> tuple[type[Exception], ...]:
    """What goes wrong on the way to the hub: its client speaks through httpx, whose errors are none of the system's."""
    try:
        from httpx import HTTPError
    except ImportError:
        return ()
    return (HTTPError,)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return shown(lines[0] if lines else type(error).__name__, 300)
