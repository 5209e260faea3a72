"""A base model as files: where it lies, which files count, and its digests.

A base is a Hugging Face model directory. Only data is ever read from it: JSON, safetensors, a chat template.
Python files, pickles and `auto_map` in a directory are not looked at. Tensors are not this module's business.
"""

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

from runtime.engine.errors import BaseRefused, BaseUnavailable

TOKENIZER_FILES = (
    "added_tokens.json",
    "chat_template.jinja",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
)
MODEL_FILES = ("config.json", "generation_config.json", "model.safetensors.index.json")

_SHIPPED = Path(__file__).resolve().parent.parent / "bases"
_FILE_DIGESTS: dict[tuple[str, int, int, int], str] = {}


def base_digest(directory: Path | str) -> str:
    """The identity of a base: SHA-256 over every file that can change an answer, tokenizer and template included."""
    root = Path(directory)
    weights = [path.name for path in weight_files(root)]
    present = [name for name in MODEL_FILES + TOKENIZER_FILES if (root / name).is_file()]
    return _digest(root, weights + present)


def tokenizer_digest(directory: Path | str) -> str:
    """The identity of the tokenizer and chat template alone: what decides which ids a text becomes."""
    root = Path(directory)
    present = [name for name in TOKENIZER_FILES if (root / name).is_file()]
    if not present:
        raise BaseRefused(f"the base directory {root} holds no tokenizer files.")
    return _digest(root, present)


def weight_files(directory: Path | str) -> list[Path]:
    """The safetensors files of a base, sharded or not, in name order."""
    root = Path(directory)
    index = root / "model.safetensors.index.json"
    if index.is_file():
        places = read_json(index).get("weight_map", {})
        named = list(places.values()) if isinstance(places, dict) else []
        strange = [name for name in named if not isinstance(name, str) or Path(name).name != name]
        if strange or not named:
            raise BaseRefused("weight_map does not name files beside it.", where=str(index))
        names = sorted(set(named))
    elif (root / "model.safetensors").is_file():
        names = ["model.safetensors"]
    else:
        names = sorted(path.name for path in root.glob("*.safetensors"))
    if not names:
        pickles = any(root.glob("*.bin")) or any(root.glob("*.pt"))
        hint = "Pickled weights are never read; convert them to safetensors." if pickles else ""
        raise BaseRefused(f"the base directory {root} holds no safetensors weights.", hint=hint)
    missing = [name for name in names if not (root / name).is_file()]
    if missing:
        raise BaseRefused(f"weight file {missing[0]} of the base {root} is missing.")
    return [root / name for name in names]


def read_json(path: Path) -> dict[str, Any]:
    """One JSON object of a base directory."""
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise BaseRefused(f"cannot be read: {error.strerror}.", where=str(path)) from error
    except (ValueError, RecursionError) as error:
        raise BaseRefused("is not JSON.", where=str(path)) from error
    if not isinstance(document, dict):
        raise BaseRefused("is not a JSON object.", where=str(path))
    return document


def locate(source: str) -> Path:
    """The directory of `package:NAME` (shipped), `path:DIRECTORY` or `hub:REPOSITORY@REVISION`."""
    kind, _, rest = source.partition(":")
    if kind not in _LOCATORS or not rest:
        raise BaseRefused(
            f"{source!r} names no base.",
            hint="Write package:NAME, path:DIRECTORY or hub:REPOSITORY@REVISION.",
        )
    return _LOCATORS[kind](rest)


def _shipped(name: str) -> Path:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise BaseRefused(f"{name!r} is not the name of a shipped base.")
    directory = _SHIPPED / name
    if not (directory / "config.json").is_file():
        there = sorted(path.parent.name for path in _SHIPPED.glob("*/config.json"))
        raise BaseRefused(
            f"no base {name!r} is shipped with this installation.",
            hint=f"Shipped: {', '.join(there) or 'none'}.",
        )
    return directory


def _directory(name: str) -> Path:
    directory = Path(name).expanduser().absolute()
    if not (directory / "config.json").is_file():
        raise BaseRefused(f"{directory} is not a base directory: it has no config.json.")
    return directory


def _hub(name: str) -> Path:
    repository, _, revision = name.partition("@")
    if not repository or not revision:
        raise BaseRefused(
            f"hub:{name} does not say which revision.",
            hint="Write hub:REPOSITORY@REVISION.",
        )
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import LocalEntryNotFoundError
    except ImportError as error:
        raise BaseUnavailable(
            f"fetching {repository} needs huggingface_hub.",
            hint="pip install huggingface_hub",
        ) from error
    wanted = [*MODEL_FILES, *TOKENIZER_FILES, "*.safetensors"]

    def fetch(*, offline: bool) -> Path:
        found = snapshot_download(
            repository,
            revision=revision,
            allow_patterns=wanted,
            local_files_only=offline,
        )
        return Path(found)

    try:
        found = fetch(offline=True)
        weight_files(found)
        return found
    except (LocalEntryNotFoundError, BaseRefused, OSError):
        pass  # not here yet, or only in part
    try:
        return fetch(offline=False)
    except Exception as error:  # the hub client raises whatever its transport raises
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise BaseUnavailable(
            f"{repository} at {revision} could not be fetched ({reason})",
            hint="Check the network, or use a base that is already here: path:DIRECTORY.",
        ) from error


_LOCATORS = {"package": _shipped, "path": _directory, "hub": _hub}


def _digest(root: Path, names: list[str]) -> str:
    listing = "".join(f"{_file_digest(root / name)}  {name}\n" for name in sorted(names))
    return hashlib.sha256(listing.encode()).hexdigest()


def _file_digest(path: Path) -> str:
    """SHA-256 of a file, remembered within this process while its size, time and inode stay."""
    try:
        stat = os.stat(path)
        key = (str(path.absolute()), stat.st_size, stat.st_mtime_ns, stat.st_ino)
        if key not in _FILE_DIGESTS:
            with open(path, "rb") as file:
                _FILE_DIGESTS[key] = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BaseRefused(f"cannot be read: {error.strerror}.", where=str(path)) from error
    return _FILE_DIGESTS[key]
