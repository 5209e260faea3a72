"""All experts of a folder on one page, from the documents that lie there: whoever built them, and in whatever order."""

from collections.abc import Mapping, Sequence
from typing import Any

from expertbuild.display import seconds, size
from expertbuild.pages import page as pages
from expertbuild.pages.page import label
from expertbuild.pages.plots import intervals
from expertbuild.report.figures import WHO, adapter, mark, percent, span, took, whisker


def overview(reports: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """The page; each report comes with the file name of its own page."""
    ordered = sorted(reports, key=lambda pair: (pair[1]["expert"]["name"], pair[1]["expert"]["version"]))
    built = sum(document["state"] == "built" for _, document in ordered)
    said = f"{len(ordered)} built into this folder, {built} with a package."
    return pages.page("Experts", [f"<p>{label(said, 100)}</p>", *(_card(*pair) for pair in ordered)])


def _card(link: str, document: Mapping[str, Any]) -> str:
    expert = document["expert"]
    title = label(f"{expert['name']} {expert['version']}", 150)
    return (
        f'<div class="card"><h2><a href="{label(link, 300)}">{title}</a>{mark(document["state"])}</h2>'
        f"<p>{label(expert['summary'], 200)}</p>"
        + "".join(f'<p class="bad">{label(each["what"], 400)}</p>' for each in document["failures"])
        + "".join(_variant(base, variant) for base, variant in document["variants"].items())
        + f'<p class="quiet">{label(_facts(document), 200)}</p></div>'
    )


def _variant(base: str, variant: Mapping[str, Any]) -> str:
    about = f"{adapter(variant)}, on {base}"
    if not variant["evaluation"]:
        return f'<p class="quiet">{label(about, 100)}: not measured</p>'
    overall = variant["evaluation"]["overall"]
    said = f"{percent(overall['base'])} → {percent(overall['expert'])}"
    better = (
        f"{percent(overall['expert'])} ({span(overall['expert'])}), its base {percent(overall['base'])} "
        f"({span(overall['base'])}); better by {overall['difference']['value'] * 100:.1f} points "
        f"({span(overall['difference'])}), n = {overall['n']:,}, {variant['evaluation']['scorer']['kind']}"
    )
    drawn = intervals([(about, said, [whisker(overall[who]) for who in WHO])], WHO)
    return f"{drawn}<p>{label(better, 300)}</p>"


def _facts(document: Mapping[str, Any]) -> str:
    package = document["package"]
    told = [f"package {size(package['size'])}"] if package else ["no package"]
    told += [f"built in {seconds(took(document))}"] if document["steps"] else []
    return ", ".join(told)
