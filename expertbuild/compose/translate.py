"""One exception of Hydra, OmegaConf or PyYAML as faults a person can act on.

One function per kind of exception, tried in order. What no function knows is told in its own first line: a mistake
in configuration never ends in a traceback (HYDRA_FULL_ERROR=1 shows it all the same).
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from hydra.errors import MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError

from expertbuild.compose.faults import Fault, advise, did_you_mean
from expertbuild.compose.origins import Origins, typed
from expertbuild.compose.places import conf_folders, expert_folders, short
from expertbuild.compose.session import Session

EXTRAS = {"hydra/launcher/joblib": "joblib", "hydra/launcher/submitit_slurm": "slurm"}


@dataclass(frozen=True)
class Place:
    """The override that was tried, if one was, and those that were already found good."""

    override: str = ""
    good: tuple[str, ...] = ()

    def __str__(self) -> str:
        return typed(self.override) if self.override else ""


def translate(error: Exception, hydra: Session, place: Place) -> list[Fault]:
    """The faults behind an exception."""
    if os.environ.get("HYDRA_FULL_ERROR") == "1":
        import traceback

        traceback.print_exception(error)
    for kind, tell in _TELLERS:
        for each in _chain(error):
            if isinstance(each, kind):
                return [tell(each, hydra, place)]
    return [_in_its_own_words(error, hydra, place)]


def _chain(error: BaseException) -> list[BaseException]:
    """The exception and what caused it."""
    found: list[BaseException] = []
    each: BaseException | None = error
    while each is not None and each not in found:
        found.append(each)
        each = each.__cause__ or each.__context__
    return found


def _yaml(error: Any, hydra: Session, place: Place) -> Fault:
    mark = error.problem_mark or error.context_mark
    where = f"{short(Path(mark.name))}:{mark.line + 1}" if mark else ""
    problem = " ".join(part for part in (error.context, error.problem) if part)
    return Fault(f"this is not YAML: {problem}.", where)


def _encoding(error: Any, hydra: Session, place: Place) -> Fault:
    for folder in [*conf_folders(), *expert_folders()]:
        for file in sorted(folder.rglob("*.yaml")):
            content = file.read_bytes()
            try:
                content.decode("utf-8")
            except UnicodeDecodeError as broken:
                line = content[: broken.start].count(b"\n") + 1
                return Fault("this is not UTF-8 text.", f"{short(file)}:{line}")
    return _in_its_own_words(error, hydra, place)


def _unreadable(error: Any, hydra: Session, place: Place) -> Fault:
    if error.filename is None:
        return _in_its_own_words(error, hydra, place)
    return Fault(f"this cannot be read: {error.strerror}.", short(Path(error.filename)))


def _override(error: Any, hydra: Session, place: Place) -> Fault:
    hint = "Write key=value; quote what the shell or Hydra would take apart: 'key=\"a b\"'."
    if "=" not in place.override:
        hint = f"Did you mean {place.override}=...?"
    return Fault("this cannot be read as key=value.", str(place) or typed(error.override), hint)


def _no_such_file(error: Any, hydra: Session, place: Place) -> Fault:
    group, _, name = str(error.missing_cfg_file or "").rpartition("/")
    where = str(place) or _parent(str(error), hydra)
    if f"{group}/{name}" in EXTRAS:
        return Fault(f"{name} is not installed.", where, f"pip install 'expertbuild[{EXTRAS[f'{group}/{name}']}]'")
    if group == "expert":
        for folder in expert_folders():
            if (folder / name).is_dir():
                what = f"{short(folder / name)} is not an expert: it has no expert.yaml."
                return Fault(what, where, "The manifest names the expert and lists its files.")
    kind = group.replace("/", " ") or "configuration"
    known = [option for option in error.options or [] if option != name]
    return Fault(f'there is no {kind} "{name}".', where, advise(name, known))


def _no_such_key(error: Any, hydra: Session, place: Place) -> Fault:
    key = place.override.lstrip("+~").partition("=")[0]
    if not key:
        return _in_its_own_words(error, hydra, place)
    config: Any = hydra.compose(place.good)
    inside, _, last = key.rpartition(".")
    while inside and not isinstance(OmegaConf.select(config, inside), DictConfig):
        inside, _, last = inside.rpartition(".")
    around = OmegaConf.select(config, inside) if inside else config
    known = [str(name) for name in around if name != "hydra"]
    if not inside:
        known += [group for group in hydra.hydra.list_all_config_groups() if "/" not in group]
    if last in known:
        return Fault(f"{inside + '.' if inside else ''}{last} has no keys of its own.", str(place))
    there = f"{inside} has" if inside else "there is"
    return Fault(f'{there} no key "{last}".', str(place), did_you_mean(last, known) or advise(last, set(known)))


def _circle(error: Any, hydra: Session, place: Place) -> Fault:
    """The defaults lists of some files lead back to themselves; the frames of the recursion know which."""
    seen: list[str] = []
    frame = error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code.co_name == "_create_defaults_tree_impl":
            seen.append(frame.tb_frame.f_locals["parent"].get_config_path())
        frame = frame.tb_next
    for start, name in enumerate(seen):
        if name in seen[start + 1 :]:
            circle = seen[start : seen.index(name, start + 1) + 1]
            file = hydra.file(name)
            where = f"{short(file)}:{_line_of_defaults(file)}" if file else ""
            return Fault(f"the defaults go round in a circle: {' -> '.join(circle)}.", where)
    return _in_its_own_words(error, hydra, place)


def _in_its_own_words(error: BaseException, hydra: Session, place: Place) -> Fault:
    lines = [line.strip() for each in _chain(error) for line in str(each).strip().splitlines()]
    what = next((line for line in lines if line and not line.startswith("Error merging override")), type(error).__name__)
    where = str(place) or _parent(str(error), hydra)
    return Fault(re.sub(r"^In '[^']*': ", "", what).rstrip(".:") + ".", where)


def _parent(message: str, hydra: Session) -> str:
    """`In 'expert/expert-sql': ...` as the file and the line of its defaults list."""
    named = re.match(r"In '([^']+)'|Invalid defaults list in '([^']+)'|In ([\w/.-]+):", message)
    if named is None:
        return ""
    file = hydra.file(next(name for name in named.groups() if name))
    return f"{short(file)}:{_line_of_defaults(file)}" if file else ""


def _line_of_defaults(file: Path) -> int:
    from expertbuild.compose.positions import lines

    return lines(file).get(("defaults",), 1)


Teller = Callable[[Any, Session, Place], Fault]
_TELLERS: list[tuple[type[BaseException], Teller]] = [
    (yaml.MarkedYAMLError, _yaml),
    (UnicodeDecodeError, _encoding),
    (MissingConfigException, _no_such_file),
    (OverrideParseException, _override),
    (RecursionError, _circle),
    (ConfigAttributeError, _no_such_key),
    (ConfigKeyError, _no_such_key),
    (OSError, _unreadable),
]
