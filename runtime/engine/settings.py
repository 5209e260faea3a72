"""Settings, checked before anything is loaded: what means nothing, and what this machine does not have, is refused by name."""

from collections.abc import Collection

import torch

from runtime.engine.errors import SettingRefused
from runtime.engine.sampler import shown


def check_whole(name: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise SettingRefused(f"{name} is {shown(value)}; it must be a whole number, {least} or more.")


def check_share(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1:  # NaN is between nothing
        raise SettingRefused(f"{name} is {shown(value)}; it must be a number between 0 and 1.")


def check_known(name: str, value: object, known: Collection[str]) -> None:
    if not isinstance(value, str) or value not in known:
        raise SettingRefused(f"{name} is {shown(value)}; it must be one of {', '.join(known)}.")


def device_of(name: str) -> torch.device:
    """The device of this name, if it is there."""
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (AssertionError, RuntimeError, TypeError) as error:  # as torch says that it was built without CUDA
        reason = str(error).split("\n", 1)[0][:160].rstrip(".")
        raise SettingRefused(f"device {shown(name)} cannot be used here ({reason}).", hint="Try device=cpu.") from error
    return device
