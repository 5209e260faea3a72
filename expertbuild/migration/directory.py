"""The files of an expert directory, as a person would have written them; every word of a stranger goes through `yaml_text`."""

from html import escape
from typing import Any

from expertbuild.migration.asking import GRAMMAR
from expertbuild.migration.expert import Decoding, Expert, OnBase
from expertbuild.migration.weights import FILE, Kept
from expertbuild.migration.yaml_text import flow, listing, paragraph, scalar

ROWS = "data/rows.jsonl"
_CASES, _MARGIN = 300, 0.1


def files(expert: Expert) -> dict[str, str]:
    """Every file of the directory but MIGRATION.md and the weights, by its name in it."""
    made = {
        "expert.yaml": _expert(expert),
        "dataset.yaml": _dataset(expert),
        "evaluation.yaml": _evaluation(expert),
        "decoding.yaml": _decoding(expert.decoding),
        "README.md": _readme(expert),
    }
    if expert.data.generator is None:
        made[ROWS] = ""
    if expert.decoding.grammar is not None:
        made[GRAMMAR] = expert.decoding.grammar
    for base in expert.learning.bases:
        if base.adapter or base.train or base.name != expert.learning.base:
            made[f"bases/{base.name}.yaml"] = _on_base(expert, base)
    return made


def _expert(expert: Expert) -> str:
    who, routing, learning = expert.identity, expert.routing, expert.learning
    lines = [
        "# @package _global_",
        f"# Migrated from an older manifest (schema {expert.schema}); MIGRATION.md tells what became of every field of it.",
        "#",
        f"#   expertbuild expert={who.name}",
        "",
        "defaults:",
        *(f"  - {who.name}/{part}@{part}" for part in ("dataset", "evaluation", "decoding")),
        "  - _self_",
    ]
    if learning.base:
        lines.append(f"  - override /base: {scalar(learning.base)}")
    if learning.kind:
        lines.append(f"  - override /adapter: {learning.kind}")
    if learning.seed is not None:
        lines += ["", f"seed: {learning.seed}"]
    lines += [
        "",
        "expert:",
        f"  name: {scalar(who.name)}",
        f"  version: {scalar(who.version)}",
        f"  summary: {scalar(who.summary)}",
        *paragraph("description", who.description, 2),
        f"  license: {scalar(who.license)}",
        *listing("capabilities", who.capabilities, 2),
        "  routing:",
        *listing("keywords", routing.keywords, 4),
        *listing("exclude_keywords", routing.exclude_keywords, 4),
        f"    priority: {scalar(routing.priority)}",
        *_relations("requires", routing.requires),
        *_relations("conflicts", routing.conflicts),
        *listing("limitations", who.limitations, 2),
    ]
    return _text(lines)


def _relations(key: str, relations: Any) -> list[str]:
    if not relations:
        return [f"  {key}: {{}}"]
    return [f"  {key}:", *(f"    {name}: {scalar(versions)}" for name, versions in relations.items())]


def _on_base(expert: Expert, base: OnBase) -> str:
    lines = [f"# What was tuned on {base.name}, and holds for it alone."]
    if not base.known:
        lines.append(f"# It is read as soon as there is a conf/base/{base.name}.yaml.")
    lines += ["#", f"#   expertbuild expert={expert.identity.name} base={base.name}"]
    for part, values in (("adapter", base.adapter), ("train", base.train)):
        if values:
            lines += ["", f"{part}:"]
            lines += [
                f"  {key}: {flow(value) if isinstance(value, list) else scalar(value)}"
                if value != ["all-linear"]
                else f"  {key}: all-linear"
                for key, value in values.items()
            ]
    return _text(lines)


def _dataset(expert: Expert) -> str:
    name = expert.identity.name
    if expert.data.generator is not None:
        return _text(
            [
                f"# What {name} learns from. The old manifest holds no rows: these are of the project's own generator.",
                "",
                "offline:",
                "  sources:",
                f"    - {{kind: generator, name: {expert.data.generator}, rows: 12000}}",
                "  test_sources:",
                f"    - {{kind: generator, name: {expert.data.generator}, rows: 200, words: held_out, part: new words}}",
                f"    - {{kind: generator, name: {expert.data.generator}, rows: 100, phrasings: held_out, part: new phrasings}}",
                "  transforms:",
                "    - {kind: dedup_exact}",
                "    - {kind: length, most: 512}",
                "    - {kind: decontaminate}",
                "  split: {validation: 200}",
            ]
        )
    return _text(
        [
            f"# What {name} learns from. The old manifest holds no rows: put yours into {ROWS}, one a line,",
            '#   {"messages": [{"role": "user", "content": "the question"}], "answer": "the answer"}',
            "# or name other columns; docs/configuration.md has every kind of source.",
            "",
            "offline:",
            "  sources:",
            f"    - {{kind: files, path: {ROWS}}}",
            "  split: {test: 0.1, validation: 0.05}",
        ]
    )


def _evaluation(expert: Expert) -> str:
    return _text(
        [
            "# The old manifest does not say how an answer is judged; its scores are claims, and were not taken over.",
            "",
            f"scorer: {{kind: {expert.data.scorer}}}",
            f"cases: {_CASES}",
            f"margin: {_MARGIN}               # the lower end of the interval of (expert - base) must be above this",
            "confidence: 0.95",
        ]
    )


def _decoding(decoding: Decoding) -> str:
    def drawn(key: str, value: float | None) -> str:
        return f"{key}: {scalar(value) if value is not None else f'${{generation.{key}}}'}"

    lines = [
        "# How the expert is asked. It travels in the package: wherever it is served, it is asked like this.",
        "",
        *(paragraph("system", decoding.system, 0) if decoding.system else ["system: null"]),
        f"grammar: {GRAMMAR if decoding.grammar is not None else 'null'}",
        drawn("temperature", decoding.temperature),
        drawn("top_p", decoding.top_p),
        drawn("top_k", decoding.top_k),
        f"max_tokens: {decoding.max_tokens}",
        *listing("stop", decoding.stop, 0),
    ]
    return _text(lines)


def _readme(expert: Expert) -> str:
    who = expert.identity
    lines = [f"# {who.name}", "", *(escape(line, quote=False) for line in who.description.split("\n")), ""]
    by = f" by {escape(who.author, quote=False)}" if who.author else ""
    lines += [
        "```",
        f"expertbuild expert={who.name}",
        "```",
        "",
        f"Migrated from an older manifest{by}; [MIGRATION.md](MIGRATION.md) tells what became of every field of it.",
    ]
    if expert.data.generator is None:
        lines += [
            f"Before it can be built, it needs rows: [dataset.yaml](dataset.yaml) reads `{ROWS}`, which is empty."
        ]
    return _text(lines)


def weights_readme(kept: list[Kept]) -> str:
    """What lies in `weights/`, and what does not happen to it."""
    lines = [
        "# Weights of the old adapter",
        "",
        "Kept as they came, checked against the manifest and for sound tensors. Nothing in a build starts from them:",
        "`expertbuild` trains anew. PEFT reads each folder; its `adapter_config.json` was written from the old manifest.",
        "",
        *(f"- `{each.base}/{FILE}`: sha256 `{each.digest}`" for each in kept),
    ]
    return _text(lines)


def _text(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"
