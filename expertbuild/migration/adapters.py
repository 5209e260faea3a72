"""An adapter of an old manifest: its kind, its layers and its numbers, each where conf/adapter has it."""

import math
from typing import Any

from expertbuild.migration.fields import Found, Section
from expertbuild.migration.settling import keep_number

TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
SPELLED = {
    "r": ("rank", "r", "lora_rank", "lora_r"),
    "alpha": ("alpha", "lora_alpha"),
    "dropout": ("dropout", "lora_dropout"),
}
_KIND = ("type", "kind", "adapter_type", "peft_type", "method")
_KINDS = {each: each for each in ("lora", "rslora", "dora", "ia3", "loha", "lokr")} | {"(ia)3": "ia3"}
_NEARLY = {
    "qlora": ("lora", "lora: a build here trains on the base's full weights"),
    "qdora": ("dora", "dora: a build here trains on the base's full weights"),
    "adalora": ("lora", "lora: ranks are not moved between layers here"),
}
_LARGEST_RANK = {"loha": 32}


def kind_of(adapter: Section) -> str | None:
    """The kind of ours that an old adapter is of; one that does not say is a LoRA, None is one that is not built here."""
    said = adapter.text(*_KIND)
    text = said.value.strip().lower() if said is not None else "lora"
    kind = _NEARLY[text][0] if text in _NEARLY else _KINDS.get(text)
    if kind == "lora":
        for better in ("dora", "rslora"):
            flag = adapter.flag(f"use_{better}")
            if flag is not None and flag.value:
                return better
    return kind


def carry(adapter: Section, kind: str, fallback: Section, place: str) -> dict[str, Any]:
    """The adapter's numbers for `place`, a file and its key; `fallback`: where training says those it leaves out."""
    _carry_kind(adapter, kind)
    targets = _targets(adapter, place)
    values: dict[str, Any] = {"targets": targets} if targets else {}
    if kind == "ia3":
        if targets:
            values["feedforward"] = _feedforward(adapter, targets, place)
        for names in SPELLED.values():
            leave(adapter, names, "IA3 has no such number")
        return values
    rank = _number(adapter, fallback, "r", f"{place}.r", 1, _LARGEST_RANK.get(kind, 1024))
    alpha = _number(adapter, fallback, "alpha", f"{place}.alpha", 0, 100_000, above=True)
    dropout = _number(adapter, fallback, "dropout", f"{place}.dropout", 0, 0.99)
    values |= {key: value for key, value in (("r", rank), ("alpha", alpha), ("dropout", dropout)) if value is not None}
    if kind == "lokr":
        factor = keep_number(adapter.account, adapter.whole("factor", "decompose_factor"), f"{place}.factor", 1, 4096)
        values |= {} if factor is None else {"factor": factor}
    _scaling(adapter, kind, rank, alpha)
    return values


def leave(section: Section, names: tuple[str, ...], why: str) -> None:
    """Fields that have no place, as far as they are there and nobody spoke for them."""
    for name in names:
        if name in section.value and (*section.path, name) not in section.account:
            section.account.dropped((*section.path, name), why)


def _carry_kind(adapter: Section, kind: str) -> None:
    place = "expert.yaml: defaults: override /adapter"
    said = adapter.text(*_KIND)
    if said is None:
        adapter.account.added(place, kind, "the old manifest does not say which kind its adapter is")
    elif said.value == kind:
        adapter.account.carried(said.path, place)
    else:
        adapter.account.changed(said.path, place, _NEARLY.get(said.value.strip().lower(), ("", kind))[1])
    for better in ("dora", "rslora"):
        flag = adapter.flag(f"use_{better}")
        if flag is not None:
            adapter.account.changed(flag.path, place, f"the kind is {kind}")


def _number(
    adapter: Section, fallback: Section, key: str, place: str, least: float, most: float, *, above: bool = False
) -> Any:
    for section in (adapter, fallback):
        found: Found[Any] | None = section.number(*SPELLED[key]) if key != "r" else section.whole(*SPELLED[key])
        if found is not None:
            return keep_number(section.account, found, place, least, most, above=above)
    return None


def _targets(adapter: Section, place: str) -> list[str]:
    kept: list[str] = []
    for found in adapter.texts("target_modules", "targets", "modules", "target_layers"):
        name = found.value.strip().rsplit(".", 1)[-1]
        if name == "all-linear" and not kept:
            adapter.account.carried(found.path, f"{place}.targets")
            return ["all-linear"]
        if name not in TARGETS:
            adapter.account.doubted(found.path, f"no layer that is adapted here; there are {', '.join(TARGETS)}")
        elif name in kept:
            adapter.account.dropped(found.path, "named twice")
        else:
            kept.append(name)
            adapter.account.carried(found.path, f"{place}.targets")
    return kept


def _feedforward(adapter: Section, targets: list[str], place: str) -> list[str]:
    kept = []
    for found in adapter.texts("feedforward_modules", "feedforward"):
        if found.value in TARGETS and (found.value in targets or targets == ["all-linear"]):
            adapter.account.carried(found.path, f"{place}.feedforward")
            kept.append(found.value)
        else:
            adapter.account.doubted(found.path, "not among the targets")
    if kept:
        return list(dict.fromkeys(kept))
    return [name for name in ("down_proj",) if name in targets or targets == ["all-linear"]]


def _scaling(adapter: Section, kind: str, rank: int | None, alpha: float | None) -> None:
    found = adapter.number("scaling", "scale")
    if found is None:
        return
    if (
        rank
        and alpha
        and math.isclose(found.value, alpha / (math.sqrt(rank) if kind == "rslora" else rank), rel_tol=1e-3)
    ):
        adapter.account.dropped(found.path, "follows from rank and alpha")
    else:
        adapter.account.doubted(found.path, "is not what rank and alpha give, which is what a build uses")
