"""What the user types, and nothing else.

expertbuild expert=NAME ...      a build; the words are Hydra's
expertbuild -m expert=A,B ...    several
expertbuild VERB ...             everything else: a first word that is a verb is not Hydra's
"""

import importlib
import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

from expertbuild.compose.command import read
from expertbuild.compose.ended import Ended
from expertbuild.compose.faults import did_you_mean
from expertbuild.compose.jobs import Job
from expertbuild.compose.launch import launch
from runtime.errors import Mistake, Problem

BUILD = "expertbuild.build:run"
SETTLE = "expertbuild.build:settle"

# Each is a function of the words after the verb that returns an exit code; imported when it is typed.
VERBS = {
    "why": "expertbuild.verbs.why:main",
    "dataset": "expertbuild.verbs.dataset:main",
    "cache": "expertbuild.verbs.cache:main",
    "export": "expertbuild.verbs.export:main",
    "migrate": "expertbuild.verbs.migrate:main",
    "synthesize": "expertbuild.verbs.synthesize:main",
    "new": "expertbuild.verbs.new:main",
    "install": "runtime.registry.commands.install:install",
    "update": "runtime.registry.commands.update:update",
    "lock": "runtime.registry.commands.lock:lock",
    "uninstall": "runtime.registry.commands.uninstall:uninstall",
    "list": "runtime.registry.commands.listing:list_installed",
    "info": "runtime.registry.commands.info:info",
    "verify": "expertbuild.verbs.verify:main",
    "keygen": "runtime.registry.commands.keygen:keygen",
    "sign": "runtime.registry.commands.sign:sign",
    "unpack": "runtime.registry.commands.unpack:unpack",
    "trust": "runtime.registry.commands.trust:trust",
    "publish": "runtime.registry.commands.publish:publish",
    "yank": "runtime.registry.commands.publish:yank",
    "index": "runtime.registry.commands.index:index",
    "search": "runtime.registry.commands.search:search",
    "route": "runtime.route:route",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; the exit code."""
    try:
        return at_the_edge(lambda: run(sys.argv[1:] if arguments is None else list(arguments)))
    except KeyboardInterrupt:
        print("Stopped. What was finished is kept; the same command goes on from here.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads any more
        return 141


def run(words: list[str]) -> int:
    """Decide what the words are, and do it."""
    if words == ["--version"]:
        return version()
    if words and words[0] in VERBS:
        return int(named(VERBS[words[0]])(words[1:]))
    if words and re.fullmatch(r"[a-z][a-z-]*", words[0]):
        raise no_such_verb(words[0])
    command = read(words)
    if command is None:
        return int(named("expertbuild.compose.questions:ask")(words))
    return launch(command, build, settle)


def build(jobs: Sequence[Job], *, apart: bool = False) -> Sequence[Ended]:
    """Some builds, in this process or in a launcher's."""
    ended: Sequence[Ended] = named(BUILD)(jobs, apart=apart)
    return ended


def settle(jobs: Sequence[Job]) -> Sequence[Ended]:
    """The end of builds that a launcher made elsewhere."""
    ended: Sequence[Ended] = named(SETTLE)(jobs)
    return ended


def version() -> int:
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        print(f"expertbuild {installed('expertbuild')}")
    except PackageNotFoundError:
        print("expertbuild, from a source tree that is not installed")
    return 0


def at_the_edge(work: Callable[[], int]) -> int:
    """Where every error is told, once: what, where, what to do."""
    try:
        return work()
    except Problem as problem:
        print(problem, file=sys.stderr)
        return problem.exit_code
    except BrokenPipeError:
        raise
    except Exception:
        import traceback

        traceback.print_exc()
        return 1


def no_such_verb(word: str) -> Mistake:
    from expertbuild.compose.places import expert_names

    if word in expert_names():
        return Mistake(f'there is no verb "{word}".', hint=f"Did you mean expert={word}?")
    hint = did_you_mean(word, VERBS) or f"Verbs: {', '.join(sorted(VERBS))}. Everything else is key=value."
    return Mistake(f'there is no verb "{word}".', hint=hint)


def named(place: str) -> Any:
    """The function behind `module:function`."""
    module, _, function = place.partition(":")
    return getattr(importlib.import_module(module), function)


if __name__ == "__main__":
    sys.exit(main())
