"""Rows from a Hugging Face data set: from the hub at a pinned revision, or from a local directory of the same layout.

    - {kind: huggingface, name: gretelai/synthetic_text_to_sql, revision: 740ab236, split: train, columns: {...}}
    - {kind: huggingface, path: data/my-set, split: train, columns: {...}}

`datasets` is imported when such a source is read. The usual environment variables (HF_ENDPOINT, HF_TOKEN) apply; a
data set that wants to run code of its own is not run.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from expertbuild.data.columns import check_columns, to_row
from expertbuild.data.errors import SourceMistake
from expertbuild.data.rows import Row
from expertbuild.data.sources import Place

OWN_KEYS = ("kind", "name", "path", "revision", "config", "split", "columns", "streaming", "rows", "weight", "part")


def files(spec: Mapping[str, Any], directory: Path) -> list[Path]:
    """The local directory, if that is where the data lies."""
    return [directory / spec["path"]] if "path" in spec else []


def rows(spec: Mapping[str, Any], place: Place) -> Iterator[Row]:
    check_columns(spec.get("columns"))
    name = spec.get("name") or spec.get("path")
    for number, record in enumerate(_records(spec, place.directory)):
        if number == spec.get("rows"):
            return
        yield to_row(record, spec.get("columns"), f"{name} row {number}")


def _records(spec: Mapping[str, Any], directory: Path) -> Iterator[Any]:
    for key in spec:
        if key not in OWN_KEYS:
            raise SourceMistake(f'a huggingface source has no key "{key}".', hint=f"Known: {', '.join(OWN_KEYS)}.")
    if ("name" in spec) == ("path" in spec):
        raise SourceMistake("a huggingface source needs either a name on the hub or a local path.")
    if "name" in spec and not spec.get("revision"):
        raise SourceMistake(
            "has no revision, so it could change under the recipe.",
            where=str(spec["name"]),
            hint="Pin `revision` to a commit of the data set.",
        )
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise SourceMistake(
            "a huggingface source needs the package datasets.", hint="pip install 'expertbuild[train]'"
        ) from error
    where = str(directory / spec["path"]) if "path" in spec else str(spec["name"])
    if "path" in spec and not Path(where).is_dir():
        raise SourceMistake("there is no such directory.", where=str(spec["path"]), hint=f"Looked in {directory}.")
    try:
        yield from load_dataset(
            where,
            name=spec.get("config"),
            revision=spec.get("revision"),
            split=spec.get("split", "train"),
            streaming=bool(spec.get("streaming", False)),
        )
    except (OSError, ValueError) as error:  # what `datasets` raises for absent, offline and unreadable alike
        said = str(error).strip() or type(error).__name__
        raise SourceMistake(
            f"could not be read: {said.splitlines()[0]}", where=str(spec.get("name") or spec.get("path"))
        ) from error
