"""`expertbuild synthesize expert=...`: ask the language models of a recipe what no locked answer answers yet.

The one place where this project spends money. A build only reads what was locked here.
"""

import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from expertbuild.compose.command import read as read_command
from expertbuild.compose.jobs import Job, jobs
from expertbuild.data.sources import Place
from expertbuild.data.synthesis.budget import Budget, most_tokens
from expertbuild.data.synthesis.locked import Locked, lock_path, writing
from expertbuild.data.synthesis.requests import key_of, pairs, request
from expertbuild.data.synthesis.run import Progress, run
from expertbuild.data.synthesis.spec import read, read_calls
from expertbuild.evaluation.scorers import scorer
from runtime.artifact.shown import shown
from runtime.errors import Mistake
from runtime.registry.commands.words import print_json

EVERY = 5.0  # seconds between two lines of progress


def main(words: list[str]) -> int:
    """0 when everything is answered, 1 when something is not."""
    parser = ArgumentParser(prog="expertbuild synthesize", description=__doc__)
    parser.add_argument("--dry-run", action="store_true", help="say what would be asked and what it could cost at most")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    said, rest = parser.parse_known_args(words)
    command = read_command(rest)
    if command is None:
        raise Mistake("`synthesize` takes the words of a build", hint="For example: expertbuild synthesize expert=NAME")
    done = [each for job in jobs(command) for each in _job(job, said.dry_run, said.json)]
    if said.json:
        print_json(done)
    return 0 if all(each["missing"] == 0 for each in done) or said.dry_run else 1


def _job(job: Job, dry: bool, quiet: bool) -> Iterator[dict[str, Any]]:
    recipe = job.config["dataset"][job.config["dataset"]["use"]]
    specs = [spec for role in ("sources", "test_sources") for spec in recipe.get(role) or ()]
    specs = [each for spec in specs for each in _asking(spec)]
    if not specs or job.directory is None:
        raise Mistake("this recipe asks no language model.", hint="A source of `kind: synthesis` does.")
    names = [spec["name"] for spec in specs]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise Mistake(f'two sources are called "{twice}".', hint="Each has its own file of answers, by its name.")
    for spec in specs:
        done = _look(spec, job.directory) if dry else _ask(spec, job.directory, quiet)
        if not quiet:
            print(shown(_sentence(done)))
        yield done


def _asking(spec: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A source that asks, after those among its seeds that do."""
    if spec.get("kind") == "synthesis":
        for seed in spec.get("seeds") or ():
            yield from _asking(seed)
        yield spec


def _look(spec: Mapping[str, Any], directory: Path) -> dict[str, Any]:
    """What would be asked first, and the most it could cost."""
    wanted, calls = read(spec), read_calls(spec)
    locked = Locked(lock_path(directory, wanted.name), mend=False)
    asked, known, read_most, written_most = 0, 0, 0, 0
    for pair in pairs(wanted, Place("", directory, scorer)):
        document = request(wanted, pair, 0)
        if key_of(document) in locked:
            known += 1
            continue
        asked += 1
        most = most_tokens(document)
        read_most, written_most = read_most + most[0], written_most + most[1]
    price = Budget(calls).price((read_most, written_most)) if calls.prices else None
    return {
        "name": wanted.name,
        "model": wanted.model,
        "dry_run": True,
        "missing": asked,
        "known": known,
        "most_tokens": [read_most, written_most],
        "most_money": price,
    }


def _ask(spec: Mapping[str, Any], directory: Path, quiet: bool) -> dict[str, Any]:
    wanted, calls = read(spec), read_calls(spec)
    last = time.monotonic()

    def report(progress: Progress) -> None:
        nonlocal last
        if not quiet and time.monotonic() - last >= EVERY:
            last = time.monotonic()
            retried = f", {progress.retried.total():,} asked again" if progress.retried else ""
            print(
                f"{wanted.name}: {progress.asked:,} answered{retried}, {_cost(progress)}", file=sys.stderr, flush=True
            )

    with writing(lock_path(directory, wanted.name)) as journal:
        done = run(wanted, calls, journal, Place("", directory, scorer), report)
    locked = Locked(journal.path)
    missing = sum(1 for pair in pairs(wanted, Place("", directory)) if key_of(request(wanted, pair, 0)) not in locked)
    return {
        "name": wanted.name,
        "model": wanted.model,
        "dry_run": False,
        "missing": missing,
        "known": done.known,
        "asked": done.asked,
        "rows": done.rows,
        "rejected": dict(done.rejected),
        "retried": dict(done.retried),
        "given_up": dict(done.given_up),
        "tokens": list(done.tokens),
        "money": round(done.money, 6) if calls.prices else None,
        "seconds": round(done.seconds, 2),
        "stopped": done.stopped,
    }


def _cost(progress: Progress) -> str:
    money = f", {progress.money:.4f} in money" if progress.money else ""
    return f"{sum(progress.tokens):,} tokens{money}"


def _sentence(done: Mapping[str, Any]) -> str:
    if done["dry_run"]:
        money = "" if done["most_money"] is None else f", {done['most_money']:.2f} in money"
        return (
            f"{done['name']}: {done['missing']:,} to ask {done['model']}, {done['known']:,} locked; "
            f"at most {sum(done['most_tokens']):,} tokens{money} if each is asked once"
        )
    parts = [f"{done['asked']:,} answered, {done['known']:,} locked before, {done['rows']:,} rows"]
    for word in ("rejected", "retried", "given_up"):
        if done[word]:
            why = ", ".join(
                f"{reason} {count:,}" for reason, count in sorted(done[word].items(), key=lambda p: -p[1])[:3]
            )
            parts.append(f"{sum(done[word].values()):,} {word.replace('_', ' ')} ({why})")
    money = "" if done["money"] is None else f", {done['money']:.4f} in money"
    parts.append(f"{sum(done['tokens']):,} tokens{money} in all")
    if done["missing"]:
        parts.append(f"{done['missing']:,} not answered" + (f": {done['stopped']}" if done["stopped"] else ""))
    return f"{done['name']}: {'; '.join(parts)}."
