"""`expertbuild dataset`: looking at data. preview, stats, validate, diff.

expertbuild dataset preview expert=expert-sql --rows 3     rows before and after each transform
expertbuild dataset stats expert=expert-sql                the figures of a dataset; built first where it is not
expertbuild dataset stats FOLDER                           of one that lies somewhere
expertbuild dataset validate FILE...                       every line that is no row
expertbuild dataset diff OLD NEW                           two folders beside each other
expertbuild dataset diff expert=expert-sql                 the last two builds of one
"""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from expertbuild.compose.command import read
from expertbuild.compose.jobs import Job, jobs
from expertbuild.verbs.side_by_side import changes, columns
from runtime.artifact.shown import shown
from runtime.errors import Mistake
from runtime.registry.commands.words import print_json

FIGURES = (
    "rows.",
    "drawn.",
    "dropped.",
    "measures.strata.train.groups",
    "measures.tokens.train",
    "measures.vocabulary",
)


def main(argv: Sequence[str]) -> int:
    """Look at data: preview, stats, validate, diff."""
    words = list(argv)
    if words[:1] in (["-h"], ["--help"]):
        print(__doc__)
        return 0
    if not words or words[0] not in VERBS:
        from expertbuild.compose.faults import did_you_mean

        near = did_you_mean(words[0], VERBS) if words else ""
        said = f'`dataset` has no verb "{shown(words[0], 40)}".' if words else "`dataset` needs a verb."
        raise Mistake(said, hint=near or f"There are: {', '.join(VERBS)}.")
    return VERBS[words[0]](words[1:])


def preview(argv: Sequence[str]) -> int:
    """Rows before and after each transform, side by side."""
    parser = _parser("preview", preview)
    parser.add_argument("--rows", type=int, default=3, help="rows of each source; 3 by default")
    said = parser.parse_args(list(argv))
    if not 1 <= said.rows <= 1000:
        raise Mistake("--rows takes a number from 1 to 1000.")
    job = _job(said.words)
    from expertbuild.data.preview import preview as previewed
    from expertbuild.evaluation.scorers import scorer
    from expertbuild.located import lines_of
    from runtime.engine.base import locate
    from runtime.engine.tokenizer import Tokenizer

    assert job.directory is not None
    dataset = job.config["dataset"]
    tokenizer = Tokenizer.load(locate(job.config["base"]["source"]))
    with lines_of(job):
        steps = previewed(
            dataset[dataset["use"]],
            tokenizer=tokenizer,
            seed=job.config["seed"],
            directory=job.directory,
            rows=said.rows,
            judge=scorer,
        )
    if said.json:
        return print_json({"steps": steps})
    for step in steps:
        _show_step(step)
    last = [each["after"] for each in steps[-1]["rows"] if each["after"]]
    for row in last[:1]:
        print("\nas the base reads it:")
        print("\n".join(f"  {shown(line)}" for line in tokenizer.render(row["messages"]).split("\n")))
    return 0


def _show_step(step: Mapping[str, Any]) -> None:
    rows = step["rows"]
    if step["transform"] == "drawn":
        print(f"drawn: {len(rows)} rows")
        for each in rows:
            print(columns("", json.dumps(each["after"], ensure_ascii=False, indent=1)))
        return
    gone = [each for each in rows if each["after"] is None]
    changed = [each for each in rows if each["after"] is not None and each["after"] != each["before"]]
    print(f"\n{step['transform']}: {len(rows)} rows, {len(gone)} left out, {len(changed)} changed")
    for each in gone:
        print(columns(json.dumps(each["before"], ensure_ascii=False, indent=1), f"left out: {each['reason']}"))
    for each in changed:
        print(changes(each["before"], each["after"]))


def stats(argv: Sequence[str]) -> int:
    """What a dataset is like; by the words of a build, or a folder."""
    said = _parser("stats", stats).parse_args(list(argv))
    if len(said.words) == 1 and Path(said.words[0]).is_dir():
        from expertbuild.data.describe import describe_folder

        document = describe_folder(Path(said.words[0]))
        where = Path(said.words[0])
    else:
        where = _built(_job([*said.words, "target=dataset"]))
        document = json.loads((where / "report.json").read_text(encoding="utf-8"))
    if said.json:
        return print_json(document)
    from expertbuild.data.report.screen import screen

    print(screen(document))
    if (where / "report.html").is_file():
        print(f"report     {where / 'report.html'}")
    return 0


def _built(job: Job) -> Path:
    """The folder of the report, made now if it is not there."""
    from expertbuild.build import steps_of
    from expertbuild.display import listener
    from expertbuild.graph import Cache, build
    from expertbuild.graph.action import in_order
    from expertbuild.located import located

    steps = steps_of(job)
    with listener("auto") as listen:
        outcome = build(
            steps,
            Cache(job.config["paths"]["cache"]),
            jobs=job.config["jobs"],
            listener=located(listen, dict.fromkeys([step.id for step in in_order(steps)], job)),
        )
    [name] = [step.id for step in steps if step.action.name == "report"][:1]
    if outcome[name].record is None:
        outcome.check()
    return outcome[name].path()


def validate(argv: Sequence[str]) -> int:
    """Every line of a JSON lines file that is no row, and why."""
    parser = argparse.ArgumentParser(prog="expertbuild dataset validate", description=validate.__doc__)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--schema", type=Path, help="a JSON Schema that every answer has to follow")
    parser.add_argument("--json", action="store_true", help="print JSON")
    said = parser.parse_args(list(argv))
    from expertbuild.data.checking import check_file

    for path in [*said.files, *([said.schema] if said.schema else [])]:
        if not path.is_file():
            raise Mistake("there is no such file.", where=shown(path))
    found = [check_file(path, said.schema) for path in said.files]
    if said.json:
        print_json({"files": found})
    else:
        for each in found:
            name = shown(each["file"])
            for fault in each["faults"][:20]:
                print(f"{name}:{fault['line']}: {shown(fault['what'], 300)}")
            if each["wrong"] > 20:
                print(f"{name}: and {each['wrong'] - 20:,} further lines")
            notes = "".join(f"; {count:,} {what}" for what, count in each["notes"].items())
            print(f"{name}: {each['rows']:,} rows, {each['wrong']:,} of them wrong{notes}")
    return 1 if any(each["wrong"] or not each["rows"] for each in found) else 0


def diff(argv: Sequence[str]) -> int:
    """Two builds of a dataset beside each other: two folders, or the last two builds of an expert's."""
    said = _parser("diff", diff).parse_args(list(argv))
    if len(said.words) == 2 and all(Path(word).is_dir() for word in said.words):
        old, new = map(Path, said.words)
    elif said.words and all("=" in word for word in said.words):
        old, new = _last_two(_job([*said.words, "target=dataset"]))
    else:
        raise Mistake("diff takes two folders, or the words of a build.", hint="expertbuild dataset diff OLD NEW")
    from expertbuild.data.compare import compare

    document = {"old": str(old), "new": str(new), **compare(old, new)}
    if said.json:
        return print_json(document)
    counts = ", ".join(f"{document[what]:,} {what}" for what in ("added", "removed", "changed", "moved", "same"))
    print(f"rows: {counts}")
    for what, examples in document["examples"].items():
        for each in examples:
            _show_pair(what, each)
    from runtime.artifact.shown import table

    told: list[tuple[str, ...]] = [("", "OLD", "NEW")]
    for path, (left, right) in document["figures"].items():
        if (left != right or path.startswith("rows.")) and path.startswith(FIGURES):
            told.append((path.removeprefix("measures."), _figure(left), _figure(right)))
    print(table(told))
    return 0


def _show_pair(what: str, each: Mapping[str, Any]) -> None:
    sides = [each[side] for side in ("before", "after")]
    print(f"\n{what}: {shown(each['id'], 60)} ({' -> '.join(side['split'] if side else 'nowhere' for side in sides)})")
    if what == "changed":
        print(changes(sides[0]["row"], sides[1]["row"]))
    elif what != "moved":
        row = (sides[0] or sides[1])["row"]
        print(f"  {shown(row['messages'][-1]['content'], 200)}\n  -> {shown(row['answer'], 200)}")


def _figure(value: Any) -> str:
    return "-" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def _last_two(job: Job) -> tuple[Path, Path]:
    """The outputs of the last two different builds of the dataset that are still in the cache."""
    from expertbuild.build import steps_of
    from expertbuild.graph import Cache
    from expertbuild.graph.contents import results

    cache = Cache(job.config["paths"]["cache"])
    [step] = [step for step in steps_of(job) if step.action.name == "dataset"][:1]
    trees = list(dict.fromkeys(past.tree for past in reversed(cache.history.of(step.id))))[:2]
    held = {result.record.tree: result.record.outputs for result in results(cache) if result.record.tree in trees}
    if len(trees) < 2 or len(held) < 2:
        raise Mistake(f"the cache holds no two different builds of {step.id}.", hint="Name two folders instead.")
    new, old = trees
    return cache.tree(held[old]), cache.tree(held[new])


def _job(words: Sequence[str]) -> Job:
    command = read(list(words))
    if command is None:
        raise Mistake("these are no words of a build.", hint="For example: expert=expert-sql dataset=files")
    [job, *others] = jobs(command)
    if others or job.directory is None:
        raise Mistake("one expert at a time.", hint="For example: expert=expert-sql")
    return job


def _parser(verb: str, function: Callable[..., int]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"expertbuild dataset {verb}", description=function.__doc__)
    parser.add_argument("words", nargs="*", metavar="WORD", help="words of a build: expert=expert-sql dataset=files")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


VERBS: dict[str, Callable[[Sequence[str]], int]] = {
    "preview": preview,
    "stats": stats,
    "validate": validate,
    "diff": diff,
}
