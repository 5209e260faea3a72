"""The verb `verify`."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from runtime.artifact.shown import shown
from runtime.registry.commands.words import parser, print_json, subject
from runtime.registry.store import Store


def verify(argv: Sequence[str]) -> int:
    """Read every byte again and compare it with what was signed."""
    from runtime.registry.audit import audit, prove

    words = parser("verify", verify.__doc__)
    words.add_argument("subject", nargs="*", help="installed experts or .expert files; nothing means all installed")
    said = words.parse_args(argv)
    subjects = [subject(text) for text in said.subject] if said.subject else Store().list()
    found = [prove(each) if isinstance(each, Path) else audit(Store(), each) for each in subjects]
    if said.json:
        print_json([asdict(each) for each in found])
    elif not found:
        print("Nothing is installed.")
    else:
        for each in found:
            verdict = "not what was signed" if each.faults else f"whole and unchanged ({each.trust})"
            print(shown(f"{each.subject}: {verdict}"))
            for fault in each.faults:
                print(shown(f"  {fault}"))
    return 1 if any(each.faults for each in found) else 0
