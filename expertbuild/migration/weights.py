"""Adapter weights of an old package: compared with their hashes, checked as tensors, and kept as a PEFT folder.

A build trains anew: nothing in it starts from these weights. They are kept so that the old adapter can still be loaded by
PEFT and compared with the new one. The adapter_config.json beside them is written from the manifest; one that lay in the
package is never read. Weights that are not what the manifest says are left behind or refused, never mended.
"""

import json
import mmap
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from expertbuild.migration.account import Account, FileNote, Outcome
from expertbuild.migration.fields import Found, Section
from expertbuild.migration.hashes import declared
from expertbuild.migration.sources import Source, is_pickle
from expertbuild.migration.staging import Staging
from expertbuild.migration.suspicion import local_path
from runtime.artifact.refusals import BadTensors
from runtime.artifact.tensors import Entry, read_header
from runtime.errors import Problem

FILE = "adapter_model.safetensors"
_PATH = ("path", "file", "weights", "weights_path", "weights_file", "filename")
_SIZE = ("file_size", "size", "size_bytes")
_NAME = re.compile(
    r"base_model\.model\.(?P<module>model\.layers\.\d{1,4}\.(?:self_attn\.[qkvo]_proj|mlp\.(?:gate|up|down)_proj))\.(?P<part>[a-zA-Z0-9_.]+)"
)
# The parts of each kind, and which of their two dimensions is the rank.
_LORA = {"lora_A.weight": 0, "lora_B.weight": 1}
_PARTS: dict[str, dict[str, int | None]] = {
    "lora": {**_LORA},
    "rslora": {**_LORA},
    "dora": {**_LORA, "lora_magnitude_vector": None},
    "ia3": {"ia3_l": None},
    "loha": {"hada_w1_a": 1, "hada_w1_b": 0, "hada_w2_a": 1, "hada_w2_b": 0},
}
_EXPONENTS = {"F32": ("<u4", 0x7F800000), "F16": ("<u2", 0x7C00), "BF16": ("<u2", 0x7F80)}


@dataclass(frozen=True)
class Kept:
    """Weights that go to `weights/BASE/`, and the configuration that PEFT reads them with."""

    base: str
    file: Path
    digest: str
    config: str


def keep_weights(
    source: Source,
    staging: Staging,
    base: str,
    adapter: Section,
    kind: str,
    values: Mapping[str, Any],
    sealed: Mapping[str, Found[str]],
    *,
    without: bool,
) -> Kept | None:
    """The weights of one adapter, or nothing; `sealed`: the hashes that the manifest's integrity section gives."""
    account = adapter.account
    path, size, digest = adapter.text(*_PATH), adapter.whole(*_SIZE), declared(adapter)
    name = _file_name(path.value, source) if path is not None else ""
    why = _absent(path, name, source, kind, values, without=without)
    kept = None
    if path is not None and not why:
        staged, found = staging.fetched(source, name)
        why = _mismatch(source.sizes[name], size, found, [digest, sealed.get(name)])
        if not why:
            kept = _checked(staged, found, name, base, kind, values)
            why = "" if kept else "its tensors are not named as PEFT names them"
        place = f"weights/{base}/{FILE}" if kept else ""
        note = "kept for PEFT and for comparison; a build trains anew"
        account.files.append(FileNote(name, Outcome.CARRIED if kept else Outcome.DOUBTED, place, why or note))
    _settle(account, path, size, digest, base, why, kept)
    return kept


def _settle(
    account: Account,
    path: Found[str] | None,
    size: Found[int] | None,
    digest: Found[str] | None,
    base: str,
    why: str,
    kept: Kept | None,
) -> None:
    if path is not None:
        if kept:
            account.changed(
                path.path, f"weights/{base}/{FILE}", "kept for PEFT and for comparison; a build trains anew"
            )
        else:
            account.doubted(path.path, why)
    for found in (size, digest):
        if found is None:
            continue
        if kept:
            account.dropped(found.path, "true of the file that was kept")
        else:
            account.doubted(found.path, why or "there is no file that it could be true of")


def _file_name(said: str, source: Source) -> str:
    """The file itself, or the one of PEFT's name in a folder."""
    name = said.removeprefix("./").rstrip("/")
    return f"{name}/{FILE}" if name not in source.sizes and f"{name}/{FILE}" in source.sizes else name


def _absent(
    path: Found[str] | None, name: str, source: Source, kind: str, values: Mapping[str, Any], *, without: bool
) -> str:
    """Why there is nothing to look at, or nothing."""
    if path is None:
        return "the manifest names no file of weights"
    if is_pickle(name):
        return "a pickle, which can carry code: never read"
    if local_path(name):
        return "a path of somebody's disk"
    if without:
        return "left behind, as --without-weights says"
    if name not in source.sizes:
        return "only the manifest was given" if source.kind == "manifest" else "the package has no such file"
    if not name.endswith(".safetensors"):
        return "not a safetensors file"
    if kind not in _PARTS:
        return f"weights of {kind} need settings that the old manifest does not have"
    needed = ("targets",) if kind == "ia3" else ("r", "alpha", "targets")
    missing = [key for key in needed if key not in values]
    return f"the manifest does not say its {', '.join(missing)}, without which they mean nothing" if missing else ""


def _mismatch(actual: int, size: Found[int] | None, found: str, hashes: list[Found[str] | None]) -> str:
    if any(each is not None and each.value != found for each in hashes):
        return "its hash is not the one that the manifest declares"
    if size is not None and size.value != actual:
        return f"it has {actual:,} bytes, not the {size.value:,} that the manifest declares"
    return ""


def _checked(staged: Path, digest: str, name: str, base: str, kind: str, values: Mapping[str, Any]) -> Kept | None:
    """The file, sound in every tensor; None where it is sound but not in PEFT's layout."""
    with open(staged, "rb") as file:
        if not staged.stat().st_size:
            raise BadTensors(f"{name} is empty.")
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        with mapped, memoryview(mapped) as data:
            entries, _ = read_header(data, name)
            if not entries or not all(_NAME.fullmatch(each) for each in entries):
                return None
            modules = dict(_modules(entries, name, kind, values))
            for entry in entries.values():
                _expect_finite(data, entry, name)
    return Kept(base, staged, digest, _config(kind, values, modules))


def _modules(
    entries: Mapping[str, Entry], name: str, kind: str, values: Mapping[str, Any]
) -> Iterator[tuple[str, dict[str, Entry]]]:
    """The adapted layers and their tensors, each as the kind, the rank and the targets of the manifest ask for."""
    layers: dict[str, dict[str, Entry]] = {}
    for entry in entries.values():
        found = _NAME.fullmatch(entry.name)
        assert found is not None
        layers.setdefault(found["module"], {})[found["part"]] = entry
    wanted = _PARTS[kind]
    for module, parts in sorted(layers.items()):
        target = module.rsplit(".", 1)[-1]
        if set(parts) != set(wanted):
            raise _not_so(name, f"{module} has {', '.join(sorted(parts))}, which is no {kind} adapter")
        if target not in values["targets"] and values["targets"] != ["all-linear"]:
            raise _not_so(name, f"it changes {module}, which is not among the targets of the manifest")
        for part, entry in parts.items():
            if entry.dtype not in _EXPONENTS or 0 in entry.shape:
                raise _not_so(name, f"{module}.{part} is {list(entry.shape)} of {entry.dtype}")
            rank = wanted[part]
            if rank is not None and (len(entry.shape) != 2 or entry.shape[rank] != values["r"]):
                raise _not_so(name, f"{module}.{part} is {list(entry.shape)}, not of rank {values['r']}")
        yield module, parts


def _expect_finite(data: memoryview, entry: Entry, name: str) -> None:
    try:
        import numpy
    except ImportError:
        hint = "pip install 'expertbuild[serve]', or migrate the rest with --without-weights."
        raise Problem("checking weights needs numpy.", where=name, hint=hint) from None
    kind, mask = _EXPONENTS[entry.dtype]
    bits = numpy.frombuffer(bytes(data[entry.begin : entry.end]), dtype=kind)
    if bool(((bits & mask) == mask).any()):
        raise _not_so(name, f"{entry.name} has values that are not finite")


def _not_so(name: str, what: str) -> BadTensors:
    return BadTensors(f"{name}: {what}.", hint="--without-weights migrates the rest.")


def _config(kind: str, values: Mapping[str, Any], modules: Mapping[str, Mapping[str, Entry]]) -> str:
    """What PEFT needs to read the weights, from the manifest and nothing else."""
    targets = sorted({module.rsplit(".", 1)[-1] for module in modules})
    config: dict[str, Any] = {
        "task_type": "CAUSAL_LM",
        "inference_mode": True,
        "base_model_name_or_path": None,
        "target_modules": targets,
    }
    if kind == "ia3":
        inputs = {module.rsplit(".", 1)[-1] for module, parts in modules.items() if parts["ia3_l"].shape[0] == 1}
        config |= {"peft_type": "IA3", "feedforward_modules": sorted(inputs)}
    elif kind == "loha":
        config |= {"peft_type": "LOHA", "r": values["r"], "alpha": values["alpha"]}
    else:
        config |= {"peft_type": "LORA", "r": values["r"], "lora_alpha": values["alpha"], "bias": "none"}
        config |= {"lora_dropout": values.get("dropout", 0.0)}
        config |= {"use_dora": kind == "dora", "use_rslora": kind == "rslora"}
    return json.dumps(config, indent=2, sort_keys=True) + "\n"
