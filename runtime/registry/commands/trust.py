"""The verb `trust`."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runtime.artifact.shown import shown, table
from runtime.registry.commands.words import print_json


def trust(argv: Sequence[str]) -> int:
    """Say who may sign in which namespace."""
    from runtime.registry.keys import load_public
    from runtime.registry.trust import Trust, add_keys, load_trust, remove_keys, trust_file

    words = argparse.ArgumentParser(prog="expertbuild trust", description=trust.__doc__)
    verbs = words.add_subparsers(dest="verb", required=True)
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", action="store_true", help="print JSON")
    add = verbs.add_parser("add", parents=[shared], help="let a key sign in a namespace")
    add.add_argument("namespace")
    add.add_argument("key", type=Path, nargs="+", help="a public key file (.pub)")
    add.add_argument("--threshold", type=int, help="how many of the namespace's keys must sign")
    add.add_argument("--note", default="", help="whose key it is, for you")
    remove = verbs.add_parser("remove", parents=[shared], help="forget a namespace, or one of its keys")
    remove.add_argument("namespace")
    remove.add_argument("key", nargs="?", help="the beginning of a key id; without it the whole namespace")
    verbs.add_parser("list", parents=[shared], help="show the trust file")
    said = words.parse_args(argv)
    known: Trust
    match said.verb:
        case "add":
            publics = [load_public(path) for path in said.key]
            known = add_keys(said.namespace, publics, threshold=said.threshold, note=said.note)
        case "remove":
            known = remove_keys(said.namespace, said.key)
        case _:
            known = load_trust()
    if said.json:
        return print_json(_trust_as_json(known))
    rows = [
        (name, key, entry.state, entry.origin, f"{space.threshold} of {len(space.keys)}", entry.note)
        for name, space in sorted(known.namespaces.items())
        for key, entry in sorted(space.keys.items())
    ]
    if rows:
        print(table([("NAMESPACE", "KEY", "STATE", "ORIGIN", "NEEDED", "NOTE"), *rows]))
    else:
        print(shown(f"Nobody is trusted yet ({trust_file()})."))
    return 0


def _trust_as_json(known: Any) -> dict[str, Any]:
    return {
        name: {
            "mode": space.mode,
            "threshold": space.threshold,
            "keys": {
                key: {"state": entry.state, "origin": entry.origin, "added": entry.added, "note": entry.note}
                for key, entry in space.keys.items()
            },
        }
        for name, space in known.namespaces.items()
    }
