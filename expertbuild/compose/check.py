"""Whether a composed configuration can be built, before any work starts: everything that is wrong, at once.

Shapes and ranges stand in the schemas. Here is what a schema cannot say: keys that must agree with each other,
and files that must be there. Names of generators, scorers and the like are part of the schemas.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from expertbuild.compose.faults import Fault, advise
from expertbuild.compose.origins import Origins
from expertbuild.compose.places import expert_names, short

Config = Mapping[str, Any]

_RULE = re.compile(r"^[ \t]*([A-Za-z][A-Za-z0-9-]*)[ \t]*::=", re.MULTILINE)


def shape_faults(config: Config, origins: Origins) -> list[Fault]:
    """Keys, types, ranges and agreement: depends on the configuration alone."""
    from expertbuild.compose.schemas import violations

    faults = [Fault(what, origins.of(path), hint) for path, what, hint in violations(config)]
    faults += _code(config, (), origins)
    if not faults:  # what follows may rely on the shape
        for agree in _AGREEMENTS:
            faults += agree(config, origins)
    return faults


def file_faults(config: Config, directory: Path | None, origins: Origins) -> list[Fault]:
    """Files that the configuration names: looked at for every build, since they come and go."""
    faults: list[Fault] = []
    for look in _FILES:
        with suppress(KeyError, TypeError, AttributeError):  # the key itself is wrong, which the shape says
            faults += look(config, directory, origins)
    return faults


def _code(config: Any, path: tuple[str | int, ...], origins: Origins) -> Iterator[Fault]:
    """What travels may name things, never load them."""
    if isinstance(config, dict):
        if "_target_" in config:
            where = (*path, "_target_")
            yield Fault(
                f"{'.'.join(map(str, where))} is refused: configuration names things, it does not run them.",
                origins.of(where),
                "Name a kind that the project knows instead.",
            )
        for key, value in config.items():
            yield from _code(value, (*path, key), origins)
    elif isinstance(config, list):
        for index, value in enumerate(config):
            yield from _code(value, (*path, index), origins)


def _needs_an_expert(config: Config, origins: Origins) -> Iterator[Fault]:
    if "expert" in config or config["target"] == "base":
        return
    names = expert_names()
    if names:
        yield Fault(f"which expert? There are: {', '.join(names)}.", hint=f"Try: expertbuild expert={names[0]}")
    else:
        yield Fault("there is no expert here.", hint="An expert is a folder experts/NAME with an expert.yaml in it.")


def _recipe_is_there(config: Config, origins: Origins) -> Iterator[Fault]:
    recipes = [name for name in config["dataset"] if name != "use"]
    wanted = config["dataset"]["use"]
    if "expert" in config and wanted not in recipes:
        what = f'{config["expert"]["name"]} has no recipe "{wanted}" in its dataset.yaml.'
        yield Fault(what, origins.of("dataset.use"), advise(wanted, recipes))


def _rows_are_asked_for(config: Config, origins: Origins) -> Iterator[Fault]:
    use = config["dataset"]["use"]
    recipe = config["dataset"].get(use, {})
    for role in ("sources", "test_sources"):
        for index, source in enumerate(recipe.get(role, [])):
            where = ("dataset", use, role, index)
            if "weight" in source and "rows" not in recipe:
                yield Fault(f"dataset.{use}.rows is missing.", origins.of(where), "A weight is a share of it.")
            elif source["kind"] in ("generator", "questions") and not {"rows", "weight"} & set(source):
                yield Fault(
                    f"dataset.{use}.{role}[{index}].rows is missing.", origins.of(where), "A generator never ends."
                )


def _feedforward_is_a_target(config: Config, origins: Origins) -> Iterator[Fault]:
    targets = config["adapter"].get("targets", ())
    for index, layer in enumerate(config["adapter"].get("feedforward", [])):
        if targets != "all-linear" and layer not in targets:
            where = origins.of(("adapter", "feedforward", index))
            yield Fault(f"adapter.feedforward names {layer}, which is not among adapter.targets.", where)


def _variants_are_built(config: Config, origins: Origins) -> Iterator[Fault]:
    built = config["bases"] or [config["base"]["name"]]
    for index, name in enumerate(config["package"]["variants"] or []):
        if name not in built:
            where = origins.of(("package", "variants", index))
            yield Fault(f'package.variants names "{name}", which this build does not make.', where, advise(name, built))


def _name_is_the_directorys(config: Config, directory: Path | None, origins: Origins) -> Iterator[Fault]:
    name = config["expert"]["name"]
    if directory is not None and name != directory.name:
        what = f'expert.name is "{name}", but the directory is called "{directory.name}".'
        yield Fault(what, origins.of("expert.name"), "Make both the same.")


def _grammar_is_there(config: Config, directory: Path | None, origins: Origins) -> Iterator[Fault]:
    grammar = config["decoding"]["grammar"]
    if directory is not None and grammar == Path(grammar or "").name and not (directory / grammar).is_file():
        what = f"the grammar {short(directory / grammar)} is not there."
        yield Fault(what, origins.of("decoding.grammar"), "Add the file, or set decoding.grammar to null.")


def _bound_rules_are_there(config: Config, directory: Path | None, origins: Origins) -> Iterator[Fault]:
    grammar, decoding = config["decoding"]["grammar"], config["decoding"]
    bound = [(key, name) for key in ("bind", "rebind") for name in decoding.get(key) or {}]
    if directory is not None and bound and grammar and (directory / grammar).is_file():
        rules = _RULE.findall((directory / grammar).read_text(encoding="utf-8", errors="replace"))
        for key, name in bound:
            if name not in rules or name == "root":
                where = origins.of(("decoding", key, name))
                yield Fault(f"decoding.{key} binds {name}, and {grammar} has no such rule.", where, advise(name, rules))


def _data_is_there(config: Config, directory: Path | None, origins: Origins) -> Iterator[Fault]:
    if directory is None:
        return
    use = config["dataset"]["use"]
    for role in ("sources", "test_sources"):
        for index, source in enumerate(config["dataset"][use].get(role, [])):
            paths = source["path"] if source["kind"] in ("files", "questions") else []
            for path in [paths] if isinstance(paths, str) else paths:
                if not _any_file(directory, path):
                    where = origins.of(("dataset", use, role, index, "path"))
                    yield Fault(f"there is no file {path} in {short(directory)}.", where)


def _any_file(directory: Path, pattern: str) -> bool:
    path = directory / pattern
    root = Path(path.anchor)
    return path.exists() or any(found.is_file() for found in root.glob(str(path.relative_to(root))))


def _base_is_there(config: Config, directory: Path | None, origins: Origins) -> Iterator[Fault]:
    kind, _, place = config["base"]["source"].partition(":")
    pretrained = config["target"] == "base" and config["base"]["recipe"] is not None
    if kind == "path" and not pretrained and not (Path(place).expanduser() / "config.json").is_file():
        what = f"there is no base model in {place}: it has no config.json."
        yield Fault(what, origins.of("base.source"), "A base is a Hugging Face model directory.")


def _key_is_there(config: Config, directory: Path | None, origins: Origins) -> Iterator[Fault]:
    key = config["package"]["key"]
    if key is not None and not Path(key).expanduser().is_file():
        yield Fault(f"the signing key {key} is not there.", origins.of("package.key"), "expertbuild keygen makes one.")


def _baseline_is_there(config: Config, directory: Path | None, origins: Origins) -> Iterator[Fault]:
    baseline = config["evaluation"].get("baseline", "installed")
    if baseline not in ("installed", "none") and not Path(baseline).expanduser().exists():
        what = f"the release {baseline} to compare with is not there."
        yield Fault(what, origins.of("evaluation.baseline"), "Name a .expert file, installed or none.")


def _form_is_judged(config: Config, origins: Origins) -> Iterator[Fault]:
    if "expert" not in config:
        return
    kind, least = config["evaluation"]["scorer"]["kind"], config["evaluation"].get("well_formed", 0)
    if least > 0 and kind in FORMLESS:
        what = f"evaluation.well_formed asks for a form, and the scorer {kind} takes any text."
        yield Fault(what, origins.of("evaluation.well_formed"), "Leave it out, or choose another scorer.")


# Scorers for which no answer is ill-formed; the others have a `well_formed` of their own.
FORMLESS = ("bleu", "chrf", "exact_match", "token_f1")

_FILES = (
    _name_is_the_directorys,
    _grammar_is_there,
    _bound_rules_are_there,
    _data_is_there,
    _base_is_there,
    _key_is_there,
    _baseline_is_there,
)
_AGREEMENTS = (
    _needs_an_expert,
    _recipe_is_there,
    _rows_are_asked_for,
    _feedforward_is_a_target,
    _variants_are_built,
    _form_is_judged,
)
