"""One exception of Hydra, OmegaConf or PyYAML as a fault that a person can act on.

One function per kind of exception, looked up in order. What no function knows is told in its own first line:
a mistake in configuration never ends in a traceback (HYDRA_FULL_ERROR=1 shows it all the same).
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from hydra.errors import CompactHydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, GrammarParseError

from expertbuild.compose.faults import Fault, advise, did_you_mean
from expertbuild.compose.origins import typed
from expertbuild.compose.places import conf_folders, expert_directory, expert_folders, short
from expertbuild.compose.positions import defaults, keys_stand_in, lines
from expertbuild.compose.session import Session

EXTRAS = {"hydra/launcher/joblib": "joblib", "hydra/launcher/submitit_slurm": "slurm"}


@dataclass(frozen=True)
class Place:
    """The override that was tried, if one was, and those that were already found good."""

    override: str = ""
    good: tuple[str, ...] = ()

    def __str__(self) -> str:
        return typed(self.override) if self.override else ""


def translate(error: Exception, hydra: Session, place: Place) -> Fault:
    """The fault behind an exception, or behind what caused it."""
    for kind, tell in _TELLERS:
        for each in _chain(error):
            if isinstance(each, kind):
                return tell(each, hydra, place)
    return _in_its_own_words(error, place)


def _chain(error: BaseException) -> list[BaseException]:
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
    for file in _files():
        content = file.read_bytes()
        try:
            content.decode("utf-8")
        except UnicodeDecodeError as broken:
            line = content[: broken.start].count(b"\n") + 1
            return Fault("this is not UTF-8 text.", f"{short(file)}:{line}")
    return _in_its_own_words(error, place)


def _unreadable(error: Any, hydra: Session, place: Place) -> Fault:
    if error.filename is None:
        return _in_its_own_words(error, place)
    return Fault(f"this cannot be read: {error.strerror}.", short(Path(error.filename)))


def _override(error: Any, hydra: Session, place: Place) -> Fault:
    hint = "Write key=value; quote what the shell or Hydra would take apart: 'key=\"a b\"'."
    if "=" not in place.override:
        hint = f"Did you mean {place.override}=...?"
    return Fault("this cannot be read as key=value.", str(place) or typed(error.override), hint)


def _no_such_file(error: Any, hydra: Session, place: Place) -> Fault:
    group, _, name = str(error.missing_cfg_file or "").rpartition("/")
    where = _where_chosen(name, str(error), hydra, place)
    if f"{group}/{name}" in EXTRAS:
        return Fault(f"{name} is not installed.", where, f"pip install 'expertbuild[{EXTRAS[f'{group}/{name}']}]'")
    if group == "expert":
        for folder in expert_folders():
            if name and (folder / name).is_dir():
                what = f"{short(folder / name)} is not an expert: it has no expert.yaml."
                return Fault(what, where, "The manifest names the expert and lists its files.")
    if group.startswith("expert/"):
        home = expert_directory(group.split("/")[1])
        what = f"{short(Path(home or group, *group.split('/')[2:], name))}.yaml is not there."
        return Fault(what, where, advise(name, error.options or []))
    kind = group.replace("/", " ") or "configuration"
    known = [option for option in error.options or [] if option != name]
    return Fault(f'there is no {kind} "{name}".', where, advise(name, known))


def _where_chosen(name: str, message: str, hydra: Session, place: Place) -> str:
    """Where a file that is not there was asked for: on the command line, or in a defaults list."""
    key, _, value = place.override.partition("=")
    if value.strip("'\"") == name:
        return str(place)
    for file in (hydra.file(f"{key}/{value}"), _speaks_of(message, hydra)):
        for chosen, line in defaults(file).items() if file is not None else ():
            if chosen.partition("@")[0].rpartition("/")[2] == name:
                return f"{short(file or Path())}:{line}"
    return str(place)


def _no_such_key(error: Any, hydra: Session, place: Place) -> Fault:
    key = place.override.lstrip("+~").partition("=")[0]
    if not key:
        return _in_its_own_words(error, place)
    config: Any = hydra.compose(place.good)
    inside, _, last = key.rpartition(".")
    while inside and not isinstance(OmegaConf.select(config, inside), DictConfig):
        inside, _, last = inside.rpartition(".")
    around = OmegaConf.select(config, inside) if inside else config
    known = [str(name) for name in around if name != "hydra"]
    if last in known:
        return Fault(f"{inside + '.' if inside else ''}{last} has no keys of its own.", str(place))
    if not inside:
        known += [group for group in hydra.hydra.list_all_config_groups() if "/" not in group and group != "hydra"]
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
            return Fault(f"the defaults go round in a circle: {' -> '.join(circle)}.", _defaults_of(hydra.file(name)))
    return _in_its_own_words(error, place)


def _reference(error: Any, hydra: Session, place: Place) -> Fault:
    """OmegaConf quotes the ${...} that it could not read, but not where it stood."""
    broken = re.search(r"'(\$\{[^'\n]*)", str(error))
    if broken is None:
        return _in_its_own_words(error, place)
    what = f"{broken[1]} cannot be read: is a bracket missing?"
    for file in _files():
        for number, line in enumerate(file.read_text("utf-8", "replace").splitlines(), start=1):
            if broken[1] in line:
                return Fault(what, f"{short(file)}:{number}")
    return Fault(what, str(place))


def _composition(error: Any, hydra: Session, place: Place) -> Fault:
    """Hydra's other complaints; most say which file they speak of."""
    file = _speaks_of(str(error), hydra)
    if file is not None and not keys_stand_in(file):
        return Fault("this file must hold keys and values.", f"{short(file)}:1")
    return _in_its_own_words(error, place, _defaults_of(file))


def _in_its_own_words(error: BaseException, place: Place, where: str = "") -> Fault:
    told = [line.strip() for each in _chain(error) for line in str(each).splitlines() if line.strip()]
    told = [line for line in told if not re.search("^Error merging override|raised while composing", line)]
    what = re.sub(r"^In '[^']*': ", "", told[0]) if told else type(error).__name__
    return Fault(what.rstrip(".:") + ".", where or str(place))


def _speaks_of(message: str, hydra: Session) -> Path | None:
    """The file of `In 'expert/expert-sql': ...`."""
    named = re.match(r"In '([^']+)'|Invalid defaults list in '([^']+)'|In ([\w/.-]+):", message)
    return hydra.file(next(name for name in named.groups() if name)) if named else None


def _defaults_of(file: Path | None) -> str:
    return f"{short(file)}:{lines(file).get(('defaults',), 1)}" if file is not None else ""


def _files() -> Iterator[Path]:
    for folder in [*conf_folders(), *expert_folders()]:
        yield from sorted(folder.rglob("*.yaml"))


_TELLERS: list[tuple[type[BaseException], Callable[[Any, Session, Place], Fault]]] = [
    (yaml.MarkedYAMLError, _yaml),
    (UnicodeDecodeError, _encoding),
    (MissingConfigException, _no_such_file),
    (OverrideParseException, _override),
    (RecursionError, _circle),
    (ConfigAttributeError, _no_such_key),
    (ConfigKeyError, _no_such_key),
    (GrammarParseError, _reference),
    (OSError, _unreadable),
    (CompactHydraException, _composition),
    (ValueError, _composition),
]
