"""The report of a build as one HTML page. What pages look like, and how strangers' text is kept from being obeyed, is in pages/."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from expertbuild.display import seconds, size
from expertbuild.pages import page as pages
from expertbuild.pages.page import facts, folded, label, preformatted, section, table, tiles
from expertbuild.pages.plots import bars, curve, intervals
from expertbuild.report.figures import WHO, adapter, mark, percent, span, took, whisker

SHOWN = 8  # kinds of cases before the reader has to ask for more


def page(document: Mapping[str, Any], overview: str) -> str:
    """The whole page; `overview` is the file, beside it, that lists all experts."""
    expert = document["expert"]
    parts = [
        f"<p>{label(expert['summary'], 300)}</p>",
        f'<p>{mark(document["state"])} <span class="quiet">{label(_when(document), 100)}</span></p>',
        _failures(document),
    ]
    for base, variant in document["variants"].items():
        of = "" if len(document["variants"]) == 1 else f", on {base}"
        parts.append(section(f"On {base}", " ") if of else "")
        parts.append(_tiles(document, variant))
        parts += [section(f"{name}{of}", body) for name, body in _sections(variant)]
    parts += [
        section("Beside other experts", _company(document["company"])),
        section("Sizes", _sizes(document)),
        section("Times", _times(document)),
        section("Limitations", _list(expert["limitations"])),
        section("Where it comes from", _provenance(document)),
        f'<p><a href="{label(overview, 200)}">All experts in this folder</a></p>',
    ]
    return pages.page(f"{expert['name']} {expert['version']}", parts)


def _when(document: Mapping[str, Any]) -> str:
    finished = document["finished"]
    return f"made {finished[:10]} {finished[11:16]} UTC" if finished else ""


def _failures(document: Mapping[str, Any]) -> str:
    if document["state"] == "built" and not document["failures"]:
        return ""
    said = "".join(
        f"<p><b>{label(each['step'], 100)}</b> {label(' '.join((each['what'], each['hint'])), 1000)}</p>"
        for each in document["failures"]
    )
    if document["state"] != "built":
        said += "<p>No package came of this build. One that lies here under this name is from an earlier build.</p>"
    return f'<div class="note">{said}</div>'


def _tiles(document: Mapping[str, Any], variant: Mapping[str, Any]) -> str:
    told = []
    if variant["evaluation"]:
        overall = variant["evaluation"]["overall"]
        told += [
            (percent(overall["expert"]), f"right ({span(overall['expert'])})"),
            (percent(overall["base"]), f"its base ({span(overall['base'])})"),
            (f"{overall['difference']['value'] * 100:+.1f}", f"points better ({span(overall['difference'])})"),
        ]
    if document["package"]:
        told.append((size(document["package"]["size"]), "the package"))
    told.append((seconds(took(document)), "to build, all steps together"))
    told.append((adapter(variant), f"on {variant['base']['name']}"))
    return tiles(told)


def _sections(variant: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    evaluation = variant["evaluation"]
    yield "Scores", _scores(evaluation, variant) if evaluation else ""
    yield "What the grammar adds", _grammar(variant) if evaluation else ""
    yield "Good outputs", _examples(variant["examples"]["good"])
    yield "Bad outputs", _examples(variant["examples"]["bad"])
    yield "How it learned", _learned(variant) if variant["curve"] else ""
    yield "What it learned from", _data(variant["data"]) if variant["data"] else ""
    yield "How it was made", _recipe(variant)


def _scores(evaluation: Mapping[str, Any], variant: Mapping[str, Any]) -> str:
    judge = f", judged by {evaluation['engine']}" if "engine" in evaluation else ""
    said = (
        f"{evaluation['overall']['n']:,} cases that neither was trained on, scored by {evaluation['scorer']['kind']}{judge}. "
        f"Intervals hold with {evaluation['confidence']:.0%} confidence. The gate wants the lower end of the difference "
        f"above {variant['measured']['margin'] * 100:.1f} points."
    )
    kinds = dict(sorted(evaluation["strata"].items(), key=lambda pair: (pair[1]["expert"]["value"], pair[0])))
    worst, others = dict(list(kinds.items())[:SHOWN]), dict(list(kinds.items())[SHOWN:])
    parts = [f"<p>{label(said, 400)}</p>", _compared({"all cases": evaluation["overall"]}), _form(evaluation)]
    parts.append(_released(variant["released"]))
    if evaluation["parts"]:
        parts.append(f"<h3>By part of the test</h3>{_compared(evaluation['parts'])}")
    if len(kinds) > 1:
        parts.append(f"<h3>By kind of case, the hardest first</h3>{_compared(worst)}")
    if others:
        parts.append(folded(f"the other {len(others)} kinds", _compared(others)))
    return "".join(parts)


def _form(evaluation: Mapping[str, Any]) -> str:
    found = evaluation.get("well_formed")
    if not found:
        return ""
    told = ", ".join(f"{percent(found[who])} ({span(found[who])}) of the {who}'s" for who in WHO)
    return f"<p>Well formed, right or wrong, are {label(told, 200)} answers.</p>"


def _released(found: Mapping[str, Any] | None) -> str:
    """The last release on the same cases."""
    if found is None:
        return "<p>There is no earlier release to compare with.</p>"
    if "unlike" in found:
        said = f"Not compared with release {found['version']}: {found['unlike']}"
        return f"<p>{label(said, 400)}</p>"
    changed, apart = found["changed"], found["difference"]
    said = (
        f"Against release {found['version']} on the same {found['n']:,} cases: {apart['value'] * 100:+.1f} points "
        f"({span(apart)}); {changed['better']} got better and {changed['worse']} worse."
    )
    return f"<p>{label(said, 400)}</p>"


def _company(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return ""
    own = found["own"]
    told: list[tuple[str, object]] = [("its own cases that reach it", f"{own['reached']:,} of {own['n']:,}")]
    told += [
        (f"cases it takes from {name}", f"{loss['taken']:,} of {loss['n']:,}") for name, loss in found["others"].items()
    ]
    told += [(f"cases of {name}", "not here") for name in found["unmeasured"]]
    return facts(told)


def _compared(compared: Mapping[str, Any]) -> str:
    """Expert and base as dots with intervals, and the same in figures."""
    drawn = [
        (name, f"{percent(each['base'])} → {percent(each['expert'])}", [whisker(each[who]) for who in WHO])
        for name, each in compared.items()
    ]
    rows = [
        [
            name,
            f"{each['n']:,}",
            *(f"{percent(each[who])} ({span(each[who])})" for who in WHO),
            f"{each['difference']['value'] * 100:+.1f} ({span(each['difference'])})",
        ]
        for name, each in compared.items()
    ]
    figures = table(["", "n", "expert", "base", "difference, points"], rows)
    return intervals(drawn, WHO) + folded("in figures", figures)


def _grammar(variant: Mapping[str, Any]) -> str:
    found = variant["unguided"]
    if not variant["evaluation"]["grammar"]:
        return "<p>Nothing: this expert has none.</p>"
    if not found:
        return "<p>Not measured in this build.</p>"
    names = ("with", "without")
    told = {
        f"{who}, {what}": figures
        for who in WHO
        for what, figures in (("right", found[who]), ("keeps the format", found[who]["format_kept"]))
    }
    drawn = [
        (name, f"{percent(each['without'])} → {percent(each['with'])}", [whisker(each[side]) for side in names])
        for name, each in told.items()
    ]
    gains = ", ".join(
        f"the {who} scores {found[who]['difference']['value'] * 100:+.1f} points ({span(found[who]['difference'])})"
        for who in WHO
    )
    rows = [[name, *(f"{percent(each[side])} ({span(each[side])})" for side in names)] for name, each in told.items()]
    said = f"The first {found['n']:,} cases, asked once more without it. With it {gains}."
    return f"<p>{label(said, 400)}</p>" + intervals(drawn, names) + folded("in figures", table(["", *names], rows))


def _examples(cases: Sequence[Mapping[str, Any]]) -> str:
    if not cases:
        return "<p>None.</p>"
    return "".join(_example(case, unfolded=number == 0) for number, case in enumerate(cases))


def _example(case: Mapping[str, Any], *, unfolded: bool) -> str:
    said = case["expert"]
    same = said["answered"] == case["expected"]
    texts = [
        ("asked", case["asked"]),
        *([] if same else [("wanted", case["expected"])]),
        ("answered, as wanted" if same else "answered", said["answered"]),
        (f"its base ({case['base']['reason']})", case["base"]["answered"]),
    ]
    body = "".join(f"<small>{label(name, 300)}</small>{preformatted(text)}" for name, text in texts)
    score = "" if said["score"] in (0, 1) else f" ({said['score']:.2f})"
    return folded(f"{case['stratum']}: {said['reason']}{score}", body, unfolded=unfolded)


def _learned(variant: Mapping[str, Any]) -> str:
    found = variant["curve"]
    drawn = curve({"training": found["training"], "rows never trained on": found["validation"]}, "steps")
    told = [
        ("steps", f"{found['steps']:,}"),
        ("tokens", f"{found['tokens']:,}"),
        ("learning rate", f"{found['learning_rate']:g}"),
        ("last loss, training", f"{found['training'][-1][1]:.4f}" if found["training"] else "none"),
        ("last loss, rows never trained on", f"{found['validation'][-1][1]:.4f}" if found["validation"] else "none"),
    ]
    return drawn + "<small>Loss in nats a token; the height is its logarithm.</small>" + facts(told)


def _data(data: Mapping[str, Any]) -> str:
    rows = [
        (f"{split} rows", f"{data['rows'][split]:,}")
        for split in ("train", "validation", "test")
        if split in data["rows"]
    ]
    rows += [(f"drawn from {source}", f"{count:,}") for source, count in data["drawn"].items()]
    most = sorted(data["dropped"], key=lambda each: -each["rows"])
    dropped = [(f"{each['transform']}: {each['reason']}", f"{each['rows']:,}") for each in most]
    strata = sorted(data["strata"].items(), key=lambda pair: (-pair[1], pair[0]))
    names = ("median", "p95", "longest", "total")
    tokens = [[side, *(f"{found[name]:,}" for name in names)] for side, found in data["tokens"].items()]
    return (
        facts(rows)
        + (f"<h3>Left out</h3>{facts(dropped)}" if dropped else "<p>Nothing was left out.</p>")
        + folded(f"{len(strata)} kinds of training rows", bars(strata[:40]))
        + folded("lengths in tokens", table(["", *names], tokens))
    )


def _recipe(variant: Mapping[str, Any]) -> str:
    groups = {
        "adapter": variant["adapter"],
        "training": variant["train"],
        "data": variant["recipe"],
        "compression": variant["compile"],
        "how it is asked": variant["decoding"],
        "how it is measured": variant["measured"],
    }
    told = "".join(folded(name, facts(_flat(values))) for name, values in groups.items())
    base = [*variant["base"].items(), ("seed", variant["seed"])]
    return facts(base) + told


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, object]]:
    """Every single value with its dotted path, as it would be typed."""
    if isinstance(value, Mapping) and value:
        for name, item in value.items():
            yield from _flat(item, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list | tuple) and any(isinstance(item, Mapping | list | tuple) for item in value):
        for number, item in enumerate(value):
            yield from _flat(item, f"{path}.{number}")
    elif isinstance(value, list | tuple):
        yield path, ", ".join(map(str, value)) or "none"
    else:
        yield path, "none" if value is None else str(value).lower() if isinstance(value, bool) else value


def _sizes(document: Mapping[str, Any]) -> str:
    told: list[tuple[str, object]] = []
    for base, variant in document["variants"].items():
        if variant["trained_size"] is not None:
            told.append((f"adapter as trained, {base}", size(variant["trained_size"])))
        if variant["compiled"]:
            found = variant["compiled"]
            stored = found["compression"]
            told.append((f"adapter as stored, {base} ({stored['kind']})", size(found["bytes"])))
            differs = f"{stored['difference']:.2g} on {stored['prompts']} prompts, {stored['tolerance']:g} allowed"
            told.append((f"largest difference to PEFT's logits, {base}", differs))
    if not document["package"]:
        return facts(told) if told else ""
    told.append(("package", size(document["package"]["size"])))
    members = sorted(document["package"]["members"].items(), key=lambda pair: -pair[1])
    return facts(told) + bars(members, "bytes", [size(count) for _, count in members])


def _times(document: Mapping[str, Any]) -> str:
    steps = [(step["id"], step["seconds"]) for step in document["steps"]]
    note = "Each step as long as it took when its result was made; a build takes what is there already."
    drawn = bars(steps, "seconds", [seconds(taken) for _, taken in steps])
    return drawn + f"<small>{note}</small>" if steps else ""


def _provenance(document: Mapping[str, Any]) -> str:
    package = document["package"]
    told: list[tuple[str, object]] = [
        ("publisher", document["expert"]["publisher"]),
        ("licence", document["expert"]["license"]),
    ]
    if package:
        told += [("package id", package["id"]), ("signed by the key", package["signed_by"])]
    keys = [(step["id"], step["key"]) for step in document["steps"]]
    return (
        facts(told)
        + folded("keys of the steps", facts(keys))
        + folded("made with", facts(document["libraries"].items()))
    )


def _list(lines: Iterable[str]) -> str:
    points = "".join(f"<li>{label(line, 500)}</li>" for line in lines)
    return f"<ul>{points}</ul>" if points else ""
