"""Why Hydra could not compose a command: each override tried alone, and every failure told.

Hydra stops at the first thing it does not like. A person who typed three wrong words wants to hear of three.
"""

import os
import traceback
from collections.abc import Iterator
from typing import Any

from omegaconf import DictConfig, ListConfig
from omegaconf.errors import InterpolationKeyError, MissingMandatoryValue, OmegaConfBaseException

from expertbuild.compose.command import Command
from expertbuild.compose.faults import ConfigMistake, Fault
from expertbuild.compose.origins import Origins, typed
from expertbuild.compose.session import Session
from expertbuild.compose.translate import Place, translate


def diagnose(error: Exception, hydra: Session) -> list[Fault]:
    """Everything wrong with the command; the error itself where no single override is to blame."""
    if os.environ.get("HYDRA_FULL_ERROR") == "1":
        traceback.print_exception(error)
    unreadable, readable = _parse(hydra)
    nothing = _failure(hydra, ())
    if nothing is not None:  # the files themselves are broken: no override can be judged
        return [*unreadable, translate(nothing, hydra, Place())]
    faults = list(unreadable)
    good: list[str] = []
    for group, override in sorted(readable, key=lambda pair: not pair[0]):
        tried = (override,) if group else (*good, override)
        failure = _failure(hydra, tried)
        if failure is None:
            good.append(override)
        else:
            faults.append(translate(failure, hydra, Place(override, tuple(good))))
    if not faults:
        return [translate(error, hydra, Place())]
    return faults + _faults_of_the_rest(hydra.command.with_overrides(good))


def unresolved(config: DictConfig, command: Command) -> list[Fault]:
    """Every value that is missing (???) or that refers to something that is not there."""
    origins = Origins(command)
    return [Fault(what, origins.of(path), hint) for path, what, hint in _unresolved(config, ())]


def _parse(hydra: Session) -> tuple[list[Fault], list[tuple[bool, str]]]:
    """Overrides that cannot be read at all; and the others, with whether they choose a file of a group.

    A sweep counts as several overrides, one for each of its values.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser

    loader: Any = hydra.hydra.config_loader
    parser = OverridesParser.create(config_loader=loader)
    faults: list[Fault] = []
    readable: list[tuple[bool, str]] = []
    for text in hydra.command.overrides:
        try:
            [override] = parser.parse_overrides([text])
            words = [text]
            if override.is_sweep_override():
                if not hydra.command.multirun:
                    faults.append(_needs_multirun(text, override))
                    continue
                words = [f"{override.get_key_element()}={value}" for value in override.sweep_string_iterator()]
                if not words:
                    faults.append(Fault("matches nothing.", typed(text)))
        except Exception as error:
            faults.append(translate(error, hydra, Place(text)))
            continue
        group = loader.repository.group_exists(override.key_or_group) and "{" not in text
        readable += [(group, word) for word in words]
    return faults, readable


def _needs_multirun(text: str, override: Any) -> Fault:
    key, _, value = text.partition("=")
    several = f"To build each in turn, add -m; for a list, write '{key}=[{value}]'."
    return Fault("has several values, and this is one build.", typed(text), several)


def _failure(hydra: Session, overrides: tuple[str, ...]) -> Exception | None:
    try:
        hydra.compose(overrides)
    except Exception as error:
        return error
    return None


def _faults_of_the_rest(command: Command) -> list[Fault]:
    """What is wrong besides: the configuration without the words that could not be used."""
    from expertbuild.compose.check import shape_faults
    from expertbuild.compose.composing import compose

    try:
        found = [fault for job in compose(command) for fault in shape_faults(job.config, Origins(job.command))]
    except ConfigMistake as mistake:
        return list(mistake.faults)
    return [fault for fault in found if not fault.what.startswith("which expert?")]


def _unresolved(node: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    keys: Any = range(len(node)) if isinstance(node, ListConfig) else list(node.keys())
    for key in keys:
        if key == "hydra" and not path:
            continue
        here = (*path, key)
        name = ".".join(str(step) for step in here)
        try:
            value = node[key]
        except MissingMandatoryValue:
            yield here, f"{name} must be given.", f"Add {name}=..."
        except InterpolationKeyError as error:
            yield here, f"{name} refers to a key that is not there: {_first_line(error)}.", ""
        except OmegaConfBaseException as error:
            yield here, f"{name} cannot be worked out: {_first_line(error)}.", ""
        else:
            if isinstance(value, (DictConfig, ListConfig)):
                yield from _unresolved(value, here)


def _first_line(error: Exception) -> str:
    return str(error.args[0] if error.args else error).strip().splitlines()[0].rstrip(".")
