"""A dataset's report as one HTML page. What pages of this project look like, and how they are kept safe, is in pages/."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from expertbuild.data.gates import sentence
from expertbuild.pages import page as pages
from expertbuild.pages.page import folded, label, preformatted, section, table, tiles
from expertbuild.pages.plots import bars, histogram

SPLITS = ("train", "validation", "test")
STEP = 16  # tokens to one bar, as the measure counts them


def page(document: Mapping[str, Any]) -> str:
    """The whole page."""
    document = in_order(document)
    sections = (section(name, body) for name, body in _sections(document))
    return pages.page(document["title"], [_tiles(document), *sections])


def in_order(value: Any) -> Any:
    """The same with training first wherever splits stand beside each other: JSON keeps keys sorted."""
    if isinstance(value, Mapping):
        keys = sorted(value, key=lambda key: SPLITS.index(key) if key in SPLITS else len(SPLITS))
        return {key: in_order(value[key]) for key in keys}
    return value


def _sections(document: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    measures = document["measures"]
    yield "Bounds", _gates(document["gates"])
    yield "Where rows came from", bars(list(document["drawn"].items()))
    yield "What was left out, and why", _drops(document)
    yield "Kinds of rows", _strata(measures["strata"])
    yield "Length in tokens", _tokens(measures["tokens"])
    yield "Difficulty", _difficulty(measures["difficulty"])
    yield "Diversity", _diversity(measures)
    yield "Nearly the same", _nearness(measures)
    yield "Words", _vocabulary(measures.get("vocabulary", {}))
    yield "Rows to look at", _examples(document["examples"])


def _tiles(document: Mapping[str, Any]) -> str:
    measures = document["measures"]
    size = sum(each["bytes"] for each in measures["sizes"].values())
    told = [(f"{count:,}", f"{split} rows") for split, count in document["rows"].items()]
    told += [
        (f"{measures['drops']['share']:.1%}", f"of {measures['drops']['drawn']:,} drawn were left out"),
        (f"{measures['near_duplicates']['share']:.1%}", "of training nearly repeats"),
        (f"{measures['leaks']['share']:.1%}", "of the test is nearly trained on"),
        (f"{size / 1e6:,.1f} MB", "of rows"),
    ]
    return tiles(told)


def _gates(gates: Iterable[Mapping[str, Any]]) -> str:
    lines = []
    for each in gates:
        about = f"{each['measure']} ({each['of']}) is {each['found']:.6g}: {each['bound']} {each['value']:.6g} holds."
        said = about if each["holds"] else sentence(each)
        lines.append(f"<li>{label(said, 300)}</li>" if each["holds"] else f'<li class="bad">{label(said, 300)}</li>')
    return f"<ul>{''.join(lines)}</ul>" if lines else ""


def _drops(document: Mapping[str, Any]) -> str:
    dropped = sorted(document["dropped"], key=lambda each: -each["rows"])
    if not dropped:
        return "<p>Nothing was.</p>"
    parts = [bars([(f"{each['transform']}: {each['reason']}", each["rows"]) for each in dropped[:20]])]
    for each in dropped:
        heading = f"{each['rows']:,} by {each['transform']}: {each['reason']}"
        parts.append(folded(heading, _row(each["example"])))
    return "".join(parts)


def _strata(strata: Mapping[str, Any]) -> str:
    parts = []
    for split, found in strata.items():
        most = sorted(found["strata"].items(), key=lambda pair: (-pair[1], pair[0]))
        parts.append(f"<h3>{label(split)}: {found['rows']:,} rows in {found['groups']:,} groups</h3>{bars(most[:25])}")
        if len(most) > 25:
            parts.append(f"<small>and {len(most) - 25:,} further kinds</small>")
    return "".join(parts)


def _tokens(tokens: Mapping[str, Any]) -> str:
    parts = []
    for side in ("prompt", "answer"):
        series = {split: found[side]["histogram"] for split, found in tokens.items()}
        parts.append(f"<h3>{side}</h3>{histogram(series, 'tokens', STEP)}")
    names = ("total", "median", "p95", "longest")
    rows = [
        [f"{split}, {side}", *(f"{found[side][name]:,}" for name in names)]
        for split, found in tokens.items()
        for side in ("prompt", "answer")
    ]
    return "".join(parts) + table(["", *names], rows)


def _difficulty(found: Mapping[str, Any]) -> str:
    splits = {split: each for split, each in found.items() if split != "bounds"}
    series = {split: each["histogram"] for split, each in splits.items()}
    rows = [[split, *(f"{each[name]:.1%}" for name in ("easy", "medium", "hard"))] for split, each in splits.items()]
    note = (
        "<small>Told from the text alone: length of the answer, how much of it is new, how deeply it is nested.</small>"
    )
    return histogram(series, "difficulty", 0.5) + table(["", "easy", "medium", "hard"], rows) + note


def _diversity(measures: Mapping[str, Any]) -> str:
    vectors = {split: each for split, each in measures["diversity"].items() if split != "encoder"}
    rows = [[split, f"{each['distance']:.3f}", f"{each['kinds']:,.1f}", f"{each['rows']:,}"] for split, each in vectors.items()]  # fmt: skip
    runs = [
        [f"{split}, {side}", *(f"{found[side][length]:.3f}" for length in ("1", "2", "3", "4"))]
        for split, found in measures["ngrams"].items()
        for side in ("question", "answer")
    ]
    encoder = f"<small>Vectors: {label(measures['diversity']['encoder'])}.</small>"
    return (
        table(["", "mean distance", "kinds (Vendi)", "rows looked at"], rows)
        + encoder
        + table(["different runs of words", "1", "2", "3", "4"], runs)
    )


def _nearness(measures: Mapping[str, Any]) -> str:
    near, leaks = measures["near_duplicates"], measures["leaks"]
    parts = [
        f"<p>{near['found']:,} of {near['rows']:,} questions to train on share {near['threshold']:.0%} of their runs of "
        f"characters with an earlier one; {leaks['found']:,} of {leaks['test rows']:,} test questions with one to train on.</p>"
    ]
    parts += [preformatted(f"{left}\n\n{right}") for left, right in near["examples"]]
    parts += [preformatted(each) for each in leaks["examples"]]
    return "".join(parts)


def _vocabulary(found: Mapping[str, Any]) -> str:
    rows = [[split, f"{each['words']:,}", f"{each['unseen in training']:.1%}"] for split, each in found.items()]
    return table(["", "different words", "unseen in training"], rows) if rows else ""


def _examples(examples: Mapping[str, Any]) -> str:
    return "".join(folded(f"{split}: {row['id']}", _row(row)) for split, rows in examples.items() for row in rows)


def _row(row: Mapping[str, Any]) -> str:
    turns = [f"{message['role']}: {message['content']}" for message in row["messages"]]
    facts = [json.dumps(row["facts"], ensure_ascii=False)] if row.get("facts") else []
    texts = [*turns, f"answer: {row['answer']}", f"stratum: {row['stratum']}", *facts]
    return "".join(preformatted(text) for text in texts)
