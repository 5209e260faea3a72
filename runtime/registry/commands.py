"""The verbs about what is installed and who is trusted: install, uninstall, list, info, verify, keygen, trust.

Each takes the words after the verb and returns an exit code; errors rise to the edge. `--json` prints one JSON document
and nothing else. The functions below say what is printed; what is done is in the modules that they call.
"""

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from runtime.artifact.shown import shown, table
from runtime.errors import Mistake
from runtime.registry.installed import Installed
from runtime.registry.store import Store

SHORT = 12


def install(argv: Sequence[str]) -> int:
    """Verify a package and keep it."""
    words = _parser("install", install.__doc__)
    words.add_argument("package", type=Path, nargs="+", help="a .expert file, or a folder it was unpacked to")
    words.add_argument(
        "--allow-unsigned", action="store_true", help="also what nobody signed; `list` will always say so"
    )
    words.add_argument("--trust-first-use", action="store_true", help="take the publisher's key on faith and pin it")
    words.add_argument("--replace", action="store_true", help="replace other bytes under the same version")
    said = words.parse_args(argv)
    done = [
        Store().install(
            path, allow_unsigned=said.allow_unsigned, trust_first_use=said.trust_first_use, replace=said.replace
        )
        for path in said.package
    ]
    if said.json:
        return _print_json([_as_json(installed) for installed in done])
    for installed in done:
        verb = "Installed" if installed.fresh else "Installed already:"
        bases = ", ".join(installed.variants)
        print(shown(f"{verb} {installed.name} {installed.version} for {bases} ({_trust_words(installed)})."))
    return 0


def uninstall(argv: Sequence[str]) -> int:
    """Remove what is installed."""
    words = _parser("uninstall", uninstall.__doc__)
    words.add_argument("reference", nargs="+", help="NAME, PUBLISHER/NAME@VERSION, or 8 digits of an id")
    said = words.parse_args(argv)
    gone = [Store().uninstall(reference) for reference in said.reference]
    if said.json:
        return _print_json([_as_json(installed) for installed in gone])
    for installed in gone:
        print(shown(f"Removed {installed.name} {installed.version}."))
    return 0


def list_installed(argv: Sequence[str]) -> int:
    """Show what is installed."""
    said = _parser("list", list_installed.__doc__).parse_args(argv)
    everything = Store().list()
    if said.json:
        return _print_json([_as_json(installed) for installed in everything])
    if not everything:
        print("Nothing is installed. Build an expert, or: expertbuild install FILE.expert")
        return 0
    heading = ("NAME", "VERSION", "BASES", "TRUST", "ID", "SUMMARY")
    rows = [
        (i.name, i.version, ", ".join(i.variants), _trust_words(i), i.id[:SHORT], i.record.summary) for i in everything
    ]
    print(table([heading, *rows]))
    return 0


def info(argv: Sequence[str]) -> int:
    """Show what a package says of itself, and why it is trusted or not."""
    from runtime.registry.info import describe, lines

    words = _parser("info", info.__doc__)
    words.add_argument("subject", help="an installed expert, or a .expert file")
    said = words.parse_args(argv)
    described = describe(_subject(said.subject))
    if said.json:
        return _print_json(described)
    print("\n".join(lines(described)))
    return 0


def verify(argv: Sequence[str]) -> int:
    """Read every byte again and compare it with what was signed."""
    from runtime.registry.audit import audit, prove

    words = _parser("verify", verify.__doc__)
    words.add_argument("subject", nargs="*", help="installed experts or .expert files; nothing means all installed")
    said = words.parse_args(argv)
    subjects = [_subject(text) for text in said.subject] if said.subject else Store().list()
    found = [prove(each) if isinstance(each, Path) else audit(Store(), each) for each in subjects]
    if said.json:
        _print_json([asdict(each) for each in found])
    elif not found:
        print("Nothing is installed.")
    else:
        for each in found:
            verdict = "not what was signed" if each.faults else f"whole and unchanged ({each.trust})"
            print(shown(f"{each.subject}: {verdict}"))
            for fault in each.faults:
                print(shown(f"  {fault}"))
    return 1 if any(each.faults for each in found) else 0


def keygen(argv: Sequence[str]) -> int:
    """Make a signing key."""
    from runtime.registry.keys import PASSPHRASE, key_folder
    from runtime.registry.keys import keygen as make

    words = _parser("keygen", keygen.__doc__)
    words.add_argument("name", help=f"NAME for a key in {key_folder()}, or a path that ends in .pem")
    words.add_argument("--encrypt", action="store_true", help=f"ask for a passphrase (or take it from {PASSPHRASE})")
    said = words.parse_args(argv)
    path = Path(said.name) if said.name.endswith(".pem") else key_folder() / f"{Path(said.name).name}.pem"
    passphrase = (os.environ.get(PASSPHRASE) or _ask_passphrase()) if said.encrypt else None
    made = make(path.absolute(), passphrase)
    public = path.with_suffix(".pub")
    if said.json:
        return _print_json({"id": made.id, "private": str(path), "public": str(public), "encrypted": said.encrypt})
    print(shown(f"Made the key {made.id}"))
    print(shown(f"  private: {path} (keep it; sign with package.key={path})"))
    print(shown(f"  public:  {public} (hand it out; others type: expertbuild trust add NAMESPACE {public.name})"))
    return 0


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
        return _print_json(_trust_as_json(known))
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


def _parser(verb: str, does: str | None) -> argparse.ArgumentParser:
    words = argparse.ArgumentParser(prog=f"expertbuild {verb}", description=does)
    words.add_argument("--json", action="store_true", help="print JSON")
    return words


def _subject(text: str) -> Installed | Path:
    """A path if it looks like one or leads to something that can be a package; otherwise what is installed."""
    path = Path(text)
    return path if path.suffix == ".expert" or path.is_file() else Store().find(text)


def _trust_words(installed: Installed) -> str:
    recorded = installed.record.trust
    if installed.trust in ("trusted", "first-use") and recorded.keys:
        return f"{installed.trust}, key {recorded.keys[0][:SHORT]}"
    return installed.trust


def _as_json(installed: Installed) -> dict[str, Any]:
    record = installed.record
    return {
        "name": installed.name,
        "version": installed.version,
        "id": installed.id,
        "summary": record.summary,
        "variants": {base: dict(digests) for base, digests in record.variants.items()},
        "trust": {"state": installed.trust, "keys": list(record.trust.keys), "flags": list(record.trust.flags)},
        "origin": record.origin,
        "installed": record.installed,
        "directory": str(installed.directory),
        "fresh": installed.fresh,
    }


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


def _print_json(value: Any) -> int:
    print(json.dumps(value, indent=2))  # ASCII: nothing in it reaches a terminal unescaped
    return 0


def _ask_passphrase() -> str:
    from getpass import getpass

    first = getpass("Passphrase: ")
    if not first or getpass("Again: ") != first:
        raise Mistake("The passphrase is empty, or the second time was different.")
    return first
