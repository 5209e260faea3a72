"""`expertbuild verify`: the registry's verb, and with --evaluate the builder's figures made once more here."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from expertbuild.evaluation.errors import EvaluationMistake
from runtime.artifact.shown import shown, table
from runtime.errors import Mistake
from runtime.registry.commands.verify import verdict, verify, verify_words
from runtime.registry.commands.words import print_json, subject
from runtime.registry.installed import Installed
from runtime.registry.store import Store


def main(argv: Sequence[str]) -> int:
    """Read every byte again and compare it with what was signed; with --evaluate also make the builder's figures again."""
    said = _words().parse_args(argv)
    if not said.evaluate:
        for word in ("cases", "dataset", "base"):
            if getattr(said, word) is not None:
                raise Mistake(f"--{word} says how to evaluate again.", hint="Say --evaluate too.")
        return verify(argv)
    if len(said.subject) != 1:
        raise Mistake("--evaluate takes one expert.", hint="Evaluating takes minutes: say which.")
    if said.p256:
        raise Mistake("--p256 is a question of its own.", hint="Ask it without --evaluate.")
    if said.cases is not None and said.cases < 1:
        raise Mistake("--cases takes a number above 0.")
    done = _evaluate(said)
    if said.json:
        print_json(done)
    else:
        _show(done)
    return 1 if done["faults"] else 0


def _words() -> ArgumentParser:
    words = verify_words(main.__doc__)
    words.add_argument("--evaluate", action="store_true", help="also evaluate again here, on the builder's own cases")
    words.add_argument("--cases", type=int, help="so many of them, taken evenly; all by default")
    words.add_argument("--dataset", type=Path, help="the builder's test.jsonl, or the folder of the whole dataset")
    words.add_argument("--base", help="the base to run on: a name, or path:DIRECTORY; the variant's by default")
    return words


def _evaluate(said: Namespace) -> dict[str, Any]:
    from runtime.registry.audit import audit

    with _installed(said.subject[0]) as (store, installed):
        audited = audit(store, installed)
        document: dict[str, Any] = asdict(audited) | {"evaluation": None}
        if not audited.faults:
            made = _again(said, installed)
            document |= {"evaluation": made, "faults": tuple(made.pop("faults"))}
    return document


def _again(said: Namespace, installed: Installed) -> dict[str, Any]:
    from expertbuild.cases import Wanted, find_cases
    from expertbuild.evaluation.again import again, claim, spread
    from expertbuild.graph import Cache
    from runtime.service.bases import find_base

    variant = _variant(installed, said.base)
    claimed = claim(installed, variant)
    base = find_base(said.base or variant)
    rows = find_cases(Wanted(claimed.cases, claimed.dataset), said.dataset, Cache())
    chosen = spread(rows, claimed, said.cases)
    made = again(installed, claimed, base, chosen, report=_progress)
    return {
        "variant": variant,
        "base": base.name,
        "scorer": dict(claimed.scorer),
        "confidence": claimed.confidence,
        "cases": claimed.cases,
        "builder": dict(claimed.overall),
        "here": dict(made.overall),
        "faults": made.faults,
    }


def _variant(installed: Installed, base: str | None) -> str:
    there = sorted(installed.variants)
    if base in there:
        return str(base)
    if len(there) == 1:
        return there[0]
    raise EvaluationMistake(f"{installed.reference} has several variants.", hint=f"Say --base {' or '.join(there)}.")


@contextmanager
def _installed(text: str) -> Iterator[tuple[Store, Installed]]:
    """What is meant; a file is installed aside, by the same rules, and forgotten again."""
    meant = subject(text)
    if isinstance(meant, Installed):
        yield Store(), meant
        return
    with TemporaryDirectory(prefix="expertbuild-verify-") as folder:
        store = Store(Path(folder) / "store")
        installed = store.install(meant, allow_unsigned=True)
        try:
            yield store, installed
        finally:
            store.uninstall(installed.reference)  # read-only folders are opened again first


def _progress(*, step: int, total: int, message: str) -> None:
    print(shown(f"{step}/{total}: {message}"), file=sys.stderr, flush=True)


def _show(done: dict[str, Any]) -> None:
    made = done["evaluation"]
    if made is None:
        print(shown(f"{done['subject']}: {verdict(done['whole'], done['trust'], bool(done['faults']))}"))
    else:
        print(shown(f"{done['subject']}: whole and unchanged ({done['trust']})"))
        print(shown(f"On {made['base']}, judged by {made['scorer']['kind']}; {made['confidence']:.0%} intervals:"))
        heading = ("", "N", "EXPERT", "BASE", "DIFFERENCE")
        print(table([heading, _row("measured by the builder", made["builder"]), _row("re-run here", made["here"])]))
        if not done["faults"]:
            print("The builder's figures lie within the intervals of those made here.")
    for fault in done["faults"]:
        print(shown(f"  {fault}"))


def _row(who: str, overall: dict[str, Any]) -> tuple[str, ...]:
    figures = (overall[name] for name in ("expert", "base", "difference"))
    return (who, str(overall["n"]), *(f"{f['value']:.3f} ({f['interval'][0]:.3f} to {f['interval'][1]:.3f})" for f in figures))  # fmt: skip
