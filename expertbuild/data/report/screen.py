"""The report on one screen of a terminal: what there is, what went and why, and what to look at."""

from collections.abc import Mapping
from typing import Any

from expertbuild.data.gates import sentence
from runtime.artifact.shown import shown, table

SPLITS = ("train", "validation", "test")
MOST = 8  # lines of one table


def screen(document: Mapping[str, Any]) -> str:
    """At most two dozen lines, or a few more where many bounds are set."""
    measures = document["measures"]
    lines = [
        shown(document["title"], 120),
        _splits(document),
        f"drawn {measures['drops']['drawn']:,}, left out {measures['drops']['rows']:,} ({measures['drops']['share']:.1%})"
        + (":" if document["dropped"] else ""),
        *_drops(document["dropped"]),
        f"diversity {measures['diversity']['train']['distance']:.3f} ({measures['diversity']['encoder']}), "
        f"near-duplicates left {measures['near_duplicates']['share']:.1%}, "
        f"test questions nearly trained on {measures['leaks']['share']:.1%}",
    ]
    for each in document["gates"]:
        held = f"  holds   {each['measure']} {each['bound']} {each['value']:.6g}: {each['found']:.6g}"
        lines.append(shown(held if each["holds"] else f"  BROKEN  {sentence(each)}", 160))
    return "\n".join(lines)


def _splits(document: Mapping[str, Any]) -> str:
    tokens, difficulty = document["measures"]["tokens"], document["measures"]["difficulty"]
    rows: list[tuple[str, ...]] = [("", "ROWS", "QUESTION p50/p95/max", "ANSWER p50/p95/max", "EASY/MEDIUM/HARD")]
    for split in SPLITS:
        count = document["rows"][split]
        if split not in tokens:
            rows.append((split, f"{count:,}", "", "", ""))
            continue
        lengths = ("/".join(str(tokens[split][side][name]) for name in ("median", "p95", "longest")) for side in ("prompt", "answer"))  # fmt: skip
        thirds = "/".join(f"{difficulty[split][name]:.0%}" for name in ("easy", "medium", "hard"))
        rows.append((split, f"{count:,}", *lengths, thirds))
    return table(rows)


def _drops(dropped: list[Mapping[str, Any]]) -> list[str]:
    most = sorted(dropped, key=lambda each: -each["rows"])
    lines = [shown(f"  {each['rows']:>8,}  {each['transform']}: {each['reason']}", 110) for each in most[:MOST]]
    if len(most) > MOST:
        lines.append(f"  and {len(most) - MOST} further reasons")
    return lines
