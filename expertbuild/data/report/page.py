"""The report as one HTML page that needs nothing else: no script, no font, no picture from anywhere.

Rows are strangers' text, so everything that comes out of them is escaped, and a content policy in the page forbids
scripts and any request should that ever fail. It is written for a phone first and grows with the screen.
"""

import json
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from expertbuild.data.gates import sentence
from expertbuild.data.report.plots import bars, histogram, label
from runtime.artifact.shown import shown

SPLITS = ("train", "validation", "test")
STEP = 16  # tokens to one bar, as the measure counts them
_STYLE = """
:root{color-scheme:light dark;--ink:#1c2430;--paper:#fff;--soft:#f2f4f7;--edge:#d5dbe3;--a:#3b6fb6;--b:#d1702b;--c:#3f8f5a;--bad:#b3261e}
@media(prefers-color-scheme:dark){:root{--ink:#e3e8ee;--paper:#14181d;--soft:#1e242b;--edge:#38414c;--a:#7fabe6;--b:#eba06a;--c:#7cc796;--bad:#ff8a80}}
*{box-sizing:border-box}body{margin:0 auto;max-width:46rem;padding:1rem;font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper)}
h1{font-size:1.4rem;margin:.2rem 0}h2{font-size:1.1rem;margin:2rem 0 .4rem;border-bottom:1px solid var(--edge)}h3{font-size:1rem;margin:1rem 0 .2rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(8rem,1fr));gap:.5rem;margin:1rem 0}.tile{background:var(--soft);border-radius:.4rem;padding:.5rem .7rem}.tile b{display:block;font-size:1.25rem}
.tile span,small{color:var(--ink);opacity:.75;font-size:.85rem}.bad{color:var(--bad);font-weight:600}
svg{width:100%;max-width:36rem;height:auto;display:block;margin:.3rem 0}svg text{font:13px system-ui,sans-serif;fill:var(--ink)}svg rect{fill:var(--a)}svg path{fill:none;stroke-width:2.5}
.line1{stroke:var(--b)}.line2{stroke:var(--c)}.key0{fill:var(--a)}.key1{fill:var(--b)}.key2{fill:var(--c)}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.9rem}td,th{text-align:left;padding:.2rem .8rem .2rem 0;border-bottom:1px solid var(--edge);vertical-align:top}td.n{text-align:right;font-variant-numeric:tabular-nums}
pre{background:var(--soft);padding:.6rem;border-radius:.4rem;white-space:pre-wrap;overflow-wrap:anywhere;font-size:.82rem;margin:.3rem 0}details{margin:.2rem 0}summary{cursor:pointer;overflow-wrap:anywhere}
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def page(document: Mapping[str, Any]) -> str:
    """The whole page."""
    document = in_order(document)
    title = label(document["title"], 200)
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{title}</h1>",
        _tiles(document),
        *(f"<h2>{label(name)}</h2>{body}" for name, body in _sections(document) if body),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


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
    return '<div class="tiles">' + "".join(f'<div class="tile"><b>{label(figure)}</b><span>{label(what)}</span></div>' for figure, what in told) + "</div>"  # fmt: skip


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
        parts.append(f"<details><summary>{label(heading, 200)}</summary>{_row(each['example'])}</details>")
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
    return "".join(parts) + _table(["", *names], rows)


def _difficulty(found: Mapping[str, Any]) -> str:
    splits = {split: each for split, each in found.items() if split != "bounds"}
    series = {split: each["histogram"] for split, each in splits.items()}
    rows = [[split, *(f"{each[name]:.1%}" for name in ("easy", "medium", "hard"))] for split, each in splits.items()]
    note = (
        "<small>Told from the text alone: length of the answer, how much of it is new, how deeply it is nested.</small>"
    )
    return histogram(series, "difficulty", 0.5) + _table(["", "easy", "medium", "hard"], rows) + note


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
        _table(["", "mean distance", "kinds (Vendi)", "rows looked at"], rows)
        + encoder
        + _table(["different runs of words", "1", "2", "3", "4"], runs)
    )


def _nearness(measures: Mapping[str, Any]) -> str:
    near, leaks = measures["near_duplicates"], measures["leaks"]
    parts = [
        f"<p>{near['found']:,} of {near['rows']:,} questions to train on share {near['threshold']:.0%} of their runs of "
        f"characters with an earlier one; {leaks['found']:,} of {leaks['test rows']:,} test questions with one to train on.</p>"
    ]
    parts += [f"<pre>{_text(left)}\n\n{_text(right)}</pre>" for left, right in near["examples"]]
    parts += [f"<pre>{_text(each)}</pre>" for each in leaks["examples"]]
    return "".join(parts)


def _vocabulary(found: Mapping[str, Any]) -> str:
    rows = [[split, f"{each['words']:,}", f"{each['unseen in training']:.1%}"] for split, each in found.items()]
    return _table(["", "different words", "unseen in training"], rows) if rows else ""


def _examples(examples: Mapping[str, Any]) -> str:
    return "".join(
        f"<details><summary>{label(split)}: {label(row['id'])}</summary>{_row(row)}</details>"
        for split, rows in examples.items()
        for row in rows
    )


def _row(row: Mapping[str, Any]) -> str:
    turns = [f"{message['role']}: {message['content']}" for message in row["messages"]]
    facts = [json.dumps(row["facts"], ensure_ascii=False)] if row.get("facts") else []
    texts = [*turns, f"answer: {row['answer']}", f"stratum: {row['stratum']}", *facts]
    return "".join(f"<pre>{_text(text)}</pre>" for text in texts)


def _text(text: str) -> str:
    """Lines of a stranger's text: what a terminal or a browser would obey is shown."""
    return "\n".join(escape(shown(line, 2100)) for line in text[:4200].split("\n")[:80])


def _table(heading: list[str], rows: list[list[str]]) -> str:
    head = "".join(f"<th>{label(cell)}</th>" for cell in heading)
    body = "".join(
        f"<tr><td>{label(row[0])}</td>{''.join(f'<td class=n>{label(cell)}</td>' for cell in row[1:])}</tr>"
        for row in rows
    )
    return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'
