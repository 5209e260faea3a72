"""The verb `verify`."""

from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from runtime.artifact.shown import shown
from runtime.errors import Mistake
from runtime.registry.commands.words import parser, print_json, subject
from runtime.registry.store import Store


def verify_words(does: str | None) -> ArgumentParser:
    """What may be typed; the compiler adds words of its own."""
    words = parser("verify", does)
    words.add_argument("subject", nargs="*", help="installed experts or .expert files; nothing means all installed")
    words.add_argument("--p256", type=Path, metavar="KEY.pub", help="packages must be co-signed by this key, too")
    return words


def verify(argv: Sequence[str]) -> int:
    """Read every byte again and compare it with what was signed."""
    from runtime.registry.audit import audit, prove
    from runtime.registry.cosigner import load_public_p256

    said = verify_words(verify.__doc__).parse_args(argv)
    cosigner = load_public_p256(said.p256) if said.p256 else None
    subjects = [subject(text) for text in said.subject] if said.subject else Store().list()
    found = [prove(each, cosigner) if isinstance(each, Path) else audit(Store(), each) for each in subjects]
    if cosigner and (kept := next((each for each in subjects if not isinstance(each, Path)), None)):
        raise Mistake(f"{kept.reference} is installed, and the store keeps no co-signatures.", hint="Name the file.")
    if said.json:
        print_json([asdict(each) for each in found])
    elif not found:
        print("Nothing is installed.")
    else:
        for each in found:
            print(shown(f"{each.subject}: {verdict(each.whole, each.trust, bool(each.faults))}"))
            for fault in each.faults:
                print(shown(f"  {fault}"))
    return 1 if any(each.faults for each in found) else 0


def verdict(whole: bool, trust: str, faults: bool) -> str:
    """What heads the faults of one package, or says that there are none."""
    if not whole:
        return "not what was signed"
    return "whole and unchanged, but no longer trusted" if faults else f"whole and unchanged ({trust})"
