"""Leave out rows whose answer, facts or whole do not follow a JSON Schema.

- {kind: schema, schema: data/answer.schema.json}                # the answer, read as JSON
- {kind: schema, schema: data/facts.schema.json, of: facts}

`of` is answer (when nothing is said), row, facts, or another part; a part that is text is read as JSON first. The schema
is a file beside the recipe, in the 2020-12 dialect, and stands alone: a reference to anywhere else is refused, never
fetched. Patterns are read by RE2, so none takes long. What a schema is not allowed to do is in bounded_schema.py.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from expertbuild.data.bounded_schema import load, refusal
from expertbuild.data.errors import RecipeMistake
from expertbuild.data.parts import check_part, part
from expertbuild.data.rows import Row
from expertbuild.data.sources.places import inside
from expertbuild.data.transforms import Bench, Look, Spec
from runtime.artifact import strict_json
from runtime.artifact.refusals import BadJson

OPTIONS = ("schema", "of")
LARGEST = 1_000_000  # bytes of one text that is read as JSON


def check(spec: Spec, directory: Path) -> None:
    if spec.get("of") != "row":
        check_part(spec.get("of", "answer"), "of")
    [path] = files(spec, directory)
    load(path)


def files(spec: Mapping[str, Any], directory: Path) -> list[Path]:
    """The schema: its content is part of the key of a build."""
    name = spec.get("schema")
    if not isinstance(name, str) or not name:
        raise RecipeMistake("the transform schema needs `schema`, a file.")
    path = inside(directory, name)
    if not path.is_file():
        raise RecipeMistake("there is no such file.", where=name, hint=f"Looked in {directory}.")
    return [path]


def look(spec: Spec, bench: Bench) -> Look:
    [path] = files(spec, bench.directory)
    schema, of = load(path), spec.get("of", "answer")

    def judge(row: Row) -> Row | str:
        value = dict(row) if of == "row" else part(row, of)
        if isinstance(value, str):
            try:
                value = strict_json.read(value.encode("utf-8", "surrogatepass"), "", cap=LARGEST)
            except BadJson:
                return f"{of} is not JSON"
        fault = refusal(schema, value)
        return f"{of} does not follow {path.name}: {fault}" if fault else row

    return judge
