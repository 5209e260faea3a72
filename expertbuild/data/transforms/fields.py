"""Fill parts of a row from other parts of it.

- {kind: fields, set: {stratum: "{facts.level}", system: "You write SQL."}}
- {kind: fields, set: {prompt: "{facts.schema}\\n{prompt}"}, strip: [answer]}

A template names parts in braces; `{{` is a brace. `strip` takes blanks off both ends. A row that lacks a part which a
template names is left out. Columns of a source are named by the source's own `columns`; this is for what comes after.
"""

from collections.abc import Mapping
from pathlib import Path
from string import Formatter
from typing import Any

from expertbuild.data.columns import said
from expertbuild.data.errors import RecipeMistake
from expertbuild.data.parts import check_part, part, with_part
from expertbuild.data.rows import Row
from expertbuild.data.transforms import Bench, Look, Spec

OPTIONS = ("set", "strip")
Template = list[tuple[str, str | None]]  # text, and the part that follows it


def check(spec: Spec, directory: Path) -> None:
    templates, strip = spec.get("set") or {}, spec.get("strip") or []
    if not isinstance(templates, Mapping) or not isinstance(strip, list | tuple) or not (templates or strip):
        raise RecipeMistake("the transform fields needs `set`, templates by part, or `strip`, a list of parts.")
    for name in [*templates, *strip]:
        check_part(name, "set" if name in templates else "strip")
        if name in ("question", "facts"):
            raise RecipeMistake(f"{name} cannot be set as a whole.", hint="Say prompt, system or facts.NAME.")
    for name, template in templates.items():
        _parsed(template, f"set.{name}")


def look(spec: Spec, bench: Bench) -> Look:
    templates = {name: _parsed(template, name) for name, template in (spec.get("set") or {}).items()}
    strip = list(spec.get("strip") or ())

    def fill(row: Row) -> Row | str:
        made = row
        for name, template in templates.items():
            filled = []
            for text, named in template:
                filled.append(text)
                if named is not None:
                    value = part(row, named)
                    if value is None:
                        return f"there is no {named}"
                    filled.append(said(value))
            made = with_part(made, name, "".join(filled))
        for name in strip:
            value = part(made, name)
            if isinstance(value, str):
                made = with_part(made, name, value.strip())
        return made

    return fill


def _parsed(template: Any, where: str) -> Template:
    if not isinstance(template, str):
        raise RecipeMistake("a template must be text.", where=where)
    try:
        pieces = list(Formatter().parse(template))
    except ValueError as error:
        raise RecipeMistake(f"is not a template ({error}).", where=where, hint="A brace is written {{.") from None
    return [(text, None if named is None else check_part(named, where)) for text, named, _, _ in pieces]
