"""The files of a new expert, as a person would have written them: short, and with a word on what to change."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from expertbuild.migration.yaml_text import listing, scalar
from expertbuild.starting.guess import Guess


@dataclass(frozen=True)
class Fresh:
    """A new expert: its name, what it says of itself, where its rows lie and how they become rows."""

    name: str
    summary: str
    data: str
    columns: Mapping[str, Any] | None
    guess: Guess


def files(fresh: Fresh) -> dict[str, str]:
    """Every file but the data, by its name."""
    made = {
        "expert.yaml": _expert(fresh),
        "dataset.yaml": _dataset(fresh),
        "evaluation.yaml": _evaluation(fresh),
        "decoding.yaml": _decoding(fresh),
        "README.md": _readme(fresh),
    }
    return made | ({"grammar.gbnf": _grammar(fresh)} if fresh.guess.classes else {})


def _expert(fresh: Fresh) -> str:
    words = [word for word in fresh.name.removeprefix("expert-").split("-") if len(word) > 2]
    return _text(
        "# @package _global_",
        f"#   expertbuild expert={fresh.name}",
        "",
        "defaults:",
        *(f"  - {fresh.name}/{part}@{part}" for part in ("dataset", "evaluation", "decoding")),
        "  - _self_",
        "  - override /adapter: dora       # adapter=... on the command line wins",
        "",
        "expert:",
        f"  name: {fresh.name}",
        "  version: 0.1.0",
        f"  summary: {scalar(fresh.summary)}",
        f"  description: {scalar(fresh.summary)}   # for somebody who decides whether to install it",
        "  license: LicenseRef-Private    # an SPDX name such as Apache-2.0, if you give it away",
        *listing("capabilities", ["-".join(words) or fresh.name], 2),
        "  routing:                       # words that speak for it and against it; the rest is learned from its rows",
        *listing("keywords", words, 4),
        "    exclude_keywords: []",
        "    fences: []",
        "    priority: 0.5",
        "  requires: {}",
        "  conflicts: {}",
        "  limitations: []                # what it does badly, once you have measured it",
    )


def _dataset(fresh: Fresh) -> str:
    mapping = [] if fresh.columns is None else ["      columns:", *(f"        {key}: {scalar(value)}" for key, value in fresh.columns.items())]  # fmt: skip
    return _text(
        f"# What {fresh.name} learns from. More files: path: data/*.csv; other sources: docs/configuration.md.",
        "",
        "offline:",
        "  sources:",
        "    - kind: files",
        f"      path: {scalar(fresh.data)}",
        *mapping,
        "  transforms:",
        "    - {kind: dedup_exact}",
        "    - {kind: decontaminate}",
        f"  split: {{test: {fresh.guess.test}, validation: {fresh.guess.validation}}}",
    )


def _evaluation(fresh: Fresh) -> str:
    return _text(
        f"# {fresh.guess.scorer}, since {fresh.guess.why}; docs/scorers.md has the others.",
        "",
        f"scorer: {{kind: {fresh.guess.scorer}}}",
        f"cases: {fresh.guess.test}",
        "margin: 0.1               # the lower end of the interval of (expert - base) must be above this",
        "regression: 0             # how far below the last installed release it may surely lie",
        "compatibility: 0.02       # share of another expert's test cases that it may take when both are installed",
        "confidence: 0.95",
    )


def _decoding(fresh: Fresh) -> str:
    return _text(
        "# How the expert is asked. It travels in the package: wherever it is served, it is asked like this.",
        "",
        "system: null",
        f"grammar: {'grammar.gbnf     # one of the answers it has learned, whatever happens' if fresh.guess.classes else 'null'}",
        "temperature: ${generation.temperature}",
        "top_p: ${generation.top_p}",
        "top_k: ${generation.top_k}",
        f"max_tokens: {fresh.guess.max_tokens}             # the longest answer seen, and some",
        "stop: []",
    )


def _readme(fresh: Fresh) -> str:
    return _text(
        f"# {fresh.name}",
        "",
        "What it does, for whom, and what it does not: in your words.",
        "",
        "```",
        f"expertbuild expert={fresh.name}",
        "python -m runtime.serve",
        "```",
        "",
        "What it learns from and how it is measured stand in [dataset.yaml](dataset.yaml) and [evaluation.yaml](evaluation.yaml).",
        f"`expertbuild info {fresh.name}` prints what it scored against its base.",
    )


def _grammar(fresh: Fresh) -> str:
    """One of the classes: what JSON escapes in a text, GBNF escapes in the same way."""
    written = [json.dumps(each, ensure_ascii=False) for each in fresh.guess.classes]
    return _text("# One of the answers in the data, and nothing else.", "", f"root ::= {' | '.join(written)}")


def _text(*lines: str) -> str:
    return "\n".join(lines) + "\n"
