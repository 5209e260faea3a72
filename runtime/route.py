"""`python -m runtime.route PROMPT`: which installed expert would answer, and why. No model is loaded.

python -m runtime.route "Which customers have not paid?"
python -m runtime.route --json - < prompt.txt
"""

import argparse
import json
import sys
from collections.abc import Sequence

from runtime.artifact.shown import shown
from runtime.errors import Mistake, Problem
from runtime.registry.store import Store
from runtime.router.profile import Profile
from runtime.router.router import Decision, Router


def route(argv: Sequence[str]) -> int:
    """The words after the verb; the exit code."""
    parser = argparse.ArgumentParser("route", description="Which installed expert would answer a prompt, and why.")
    parser.add_argument("prompt", nargs="+", help="the prompt; - reads it from standard input")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    parser.add_argument("--encoder", choices=("hashed", "minilm"), default="hashed", help="minilm: ask embeddings too")
    wanted = parser.parse_args(list(argv))
    prompt = sys.stdin.read() if wanted.prompt == ["-"] else " ".join(wanted.prompt)
    if not prompt.strip():
        raise Mistake("The prompt is empty.")
    router = installed_router(Store(), wanted.encoder)
    decision = router.decide(prompt)
    print(as_json(decision) if wanted.json else as_text(decision, router))
    return 0


def installed_router(store: Store, encoder: str = "hashed") -> Router:
    """A router over the newest version of everything in a store that may be loaded."""
    router = Router(encoder=encoder)
    for installed in store.current().values():
        if installed.trust in ("trusted", "first-use", "unsigned"):
            router.add(Profile.load(installed.directory, installed.name))
    return router


def as_json(decision: Decision) -> str:
    return json.dumps(
        {
            "expert": decision.expert,
            "probability": decision.probability,
            "reasons": decision.reasons,
            "scores": dict(decision.scores),
        }
    )


def as_text(decision: Decision, router: Router) -> str:
    lines = [decision.expert or "no expert: the base answers", *(f"  {reason}" for reason in decision.reasons)]
    lines += [f"  {chance:6.3f}  {name}" for name, chance in decision.scores.items()]
    lines += [f"  note: {name}: {note}" for name, notes in router.notes.items() for note in notes]
    return "\n".join(shown(line) for line in lines)


def main() -> int:
    try:
        return route(sys.argv[1:])
    except Problem as problem:
        print(shown(problem), file=sys.stderr)
        return problem.exit_code


if __name__ == "__main__":
    sys.exit(main())
