"""The configuration reference, written from the schemas: every key, what it may be, what it is when nothing is said.

python -m expertbuild.compose.reference --check     is docs/configuration.md current?
python -m expertbuild.compose.reference --write     make it so
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from expertbuild.compose.command import Command
from expertbuild.compose.places import schema_folder

PAGE = Path("docs/configuration.md")
SECTIONS: tuple[str, ...] = (
    *("expert", "dataset", "recipe", "source", "transform", "measure", "split", "evaluation", "scorer", "decoding"),
    *("generation", "base", "adapter", "train", "compile", "profile", "report", "package", "paths", "serve"),
)
_HEAD = """# Configuration

<!-- Written by `python -m expertbuild.compose.reference --write` from schemas/config. Change those. -->

A build is configured by YAML files that Hydra composes: `conf/` says how things are done, `experts/NAME/` what an
expert is, `experts/NAME/bases/BASE.yaml` what is otherwise on one base. A `conf` or `experts` folder in the working
directory adds to what is shipped and overrides it file by file, for builds and for the server;
`hydra.searchpath=[experts://FOLDER]` adds experts that lie elsewhere. Every key can be changed on the command line
(`train.steps=1200`), every group chosen (`adapter=ia3`), several builds made at once (`-m adapter=lora,ia3`).
`expertbuild expert=NAME --cfg job` prints the result. The whole configuration is checked before any work starts;
unknown keys are refused.

The last column is the value when nothing else is said; "-": none stands in `conf`, and the text says where none is needed.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """0 if the page is current or was written, 1 if it is not current, 2 for anything else typed."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words == ["--write"]:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    if words != ["--check"]:
        print("--check or --write", file=sys.stderr)
        return 2
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page():
        return 0
    print(f"{PAGE} is not current: python -m expertbuild.compose.reference --write", file=sys.stderr)
    return 1


def page() -> str:
    """The whole page."""
    schemas = {
        file.name.removesuffix(".schema.json"): json.loads(file.read_bytes())
        for file in schema_folder().glob("*.schema.json")
    }
    defaults = _defaults()
    parts = [_HEAD, _section(schemas["config"], "the top level", defaults)]
    for name in SECTIONS:
        if name in schemas:
            parts.append(_section(schemas[name], name, defaults.get(name, {})))
    left_out = set(schemas) - set(SECTIONS) - {"config"}
    assert not left_out, f"schemas that the reference does not show: {left_out}"
    return "\n".join(parts)


def _section(schema: Mapping[str, Any], name: str, defaults: Mapping[str, Any]) -> str:
    said = [f"## {name}\n", f"{schema['description']}\n"]
    said.append(_table(schema, defaults))
    for kind, one in schema.get("$defs", {}).items():
        said += [f"### {name}: {kind}\n", f"{one['description']}\n", _table(one, defaults.get(kind, {}))]
    return "\n".join(said)


def _table(schema: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    rows = [f"| `{key}` | {kind} | {about} | {default} |" for key, kind, about, default in _rows(schema, "", defaults)]
    return "\n".join(["| key | may be | what it is | default |", "|---|---|---|---|", *rows]) + "\n"


def _rows(schema: Mapping[str, Any], inside: str, defaults: Any) -> Iterator[tuple[str, str, str, str]]:
    for key, one in schema.get("properties", {}).items():
        here = f"{inside}{key}"
        value = defaults.get(key, ...) if isinstance(defaults, Mapping) else ...
        yield here, _kind(one), one["description"].replace("|", "\\|"), _value(value)
        if "properties" in one:
            yield from _rows(one, f"{here}.", value)
        elif "properties" in one.get("items", {}):
            yield from _rows(one["items"], f"{here}[].", ...)


def _kind(one: Mapping[str, Any]) -> str:
    """What may stand there, in a few words."""
    if "$ref" in one:
        name = one["$ref"].removesuffix(".schema.json")
        return f"see [{name}](#{name})"
    if "const" in one:
        return f"`{one['const']}`"
    if "enum" in one:
        return ", ".join(f"`{'null' if each is None else each}`" for each in one["enum"])
    if "x-form" in one and "type" in one and "null" not in one["type"]:
        return str(one["x-form"])
    kinds = [one["type"]] if isinstance(one["type"], str) else list(one["type"])
    words = {"integer": "whole number", "object": "keys", "array": "list", "string": "text", "boolean": "true, false"}
    said = " or ".join(words.get(kind, kind) for kind in kinds)
    return said + _bounds(one)


def _bounds(one: Mapping[str, Any]) -> str:
    low = one.get("minimum", one.get("exclusiveMinimum"))
    high = one.get("maximum", one.get("exclusiveMaximum"))
    sign_low = "≥" if "minimum" in one else ">"
    sign_high = "≤" if "maximum" in one else "<"
    bounds = [f"{sign_low} {low}"] * (low is not None) + [f"{sign_high} {high}"] * (high is not None)
    return f" {', '.join(bounds)}" if bounds else ""


def _value(value: Any) -> str:
    if value is ...:
        return "-"
    if isinstance(value, Mapping):
        return ""
    shown = json.dumps(value, ensure_ascii=False)
    return f"`{shown}`" if len(shown) <= 40 else "see the file"


def _defaults() -> dict[str, Any]:
    """What a build without an expert is made of; each kind of adapter under its own name, the server's beside it."""
    import yaml

    from expertbuild.compose.composing import compose
    from expertbuild.compose.places import conf_folders

    [job] = compose(Command())
    found: dict[str, Any] = dict(job.config)
    kinds = [file.stem for file in (conf_folders()[-1] / "adapter").glob("*.yaml")]
    adapters = {kind: compose(Command((f"adapter={kind}",)))[0].config["adapter"] for kind in kinds}
    found["adapter"] = {"kind": job.config["adapter"]["kind"], **adapters}
    found["serve"] = yaml.safe_load((conf_folders()[-1] / "serve.yaml").read_text(encoding="utf-8"))
    return found


if __name__ == "__main__":
    sys.exit(main())
