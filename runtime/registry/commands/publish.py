"""The verbs `publish` and `yank`: what an index's publisher types."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.artifact.shown import shown
from runtime.errors import Mistake
from runtime.registry.commands.words import SHORT, parser, print_json
from runtime.registry.keyfile import key_folder
from runtime.registry.keys import PrivateKey, load_private

if TYPE_CHECKING:
    from runtime.registry.index.publish import Outcome
    from runtime.registry.index.roles import Keys


def publish(argv: Sequence[str]) -> int:
    """Put packages into an index: a folder that any file server can serve."""
    words = _parser("publish", publish.__doc__)
    words.add_argument("package", type=Path, nargs="*", help=".expert files, signed")
    words.add_argument("--refresh", action="store_true", help="add nothing, vouch for the index once more")
    words.add_argument(
        "--replace-key", action="store_true", help="with --refresh and --root-key: from now on --key signs the index"
    )
    said = words.parse_args(argv)
    if bool(said.package) == said.refresh or (said.replace_key and not (said.refresh and said.root_key)):
        raise Mistake("Give the packages to publish, or --refresh; --replace-key goes with --refresh and --root-key.")
    from runtime.registry.index import publish as index

    keys = _keys(said)
    if said.refresh:
        done = index.refresh(said.index, keys, replace_key=said.replace_key)
    else:
        done = index.publish(said.index, said.package, keys)
    return _told(done, said, "Published")


def yank(argv: Sequence[str]) -> int:
    """Let nobody newly take a version from an index; whoever has it in a lock file still gets it, with a warning."""
    words = _parser("yank", yank.__doc__)
    words.add_argument("reference", help="PUBLISHER/NAME@VERSION")
    reason = words.add_mutually_exclusive_group(required=True)
    reason.add_argument("--why", help="what is wrong with it, for those who have it")
    reason.add_argument("--undo", action="store_true", help="let it be taken again")
    said = words.parse_args(argv)
    if not said.undo and not said.why.strip():
        raise Mistake("Say what is wrong with it: --why TEXT")
    from runtime.registry.index import publish as index

    done = index.yank(said.index, said.reference, "" if said.undo else said.why.strip(), _keys(said))
    return _told(done, said, "No longer yanked:" if said.undo else "Yanked")


def _parser(verb: str, does: str | None) -> argparse.ArgumentParser:
    words = parser(verb, does)
    words.add_argument("--index", type=Path, required=True, metavar="FOLDER", help="the folder of the index")
    words.add_argument("--key", required=True, help="the key that signs the index: a NAME in the key folder, or a .pem")
    words.add_argument("--root-key", help="another key for the root, needed when it is made and once a year")
    return words


def _keys(said: argparse.Namespace) -> "Keys":
    from runtime.registry.index.roles import Keys

    return Keys(_private(said.key), _private(said.root_key) if said.root_key else None)


def _private(text: str) -> PrivateKey:
    path = Path(text).expanduser()
    return load_private(path if path.suffix == ".pem" or path.is_file() else key_folder() / f"{path.name}.pem")


def _told(done: "Outcome", said: argparse.Namespace, verb: str) -> int:
    if said.json:
        return print_json({**asdict(done), "index": str(said.index)})
    for named in done.changed:
        print(shown(f"{verb} {named}"))
    for named in done.known:
        print(shown(f"{named} is in the index already, with the same bytes"))
    if done.version == 1:
        root = said.index / "root.json"
        print(shown(f"This is a new index. Hand out {root}, whose key is {done.keys[0][:SHORT]}; others type:"))
        print(shown("  expertbuild index add NAME URL --root root.json"))
    print(
        shown(f"Release {done.version} of {said.index}, good until {done.expires}; its root until {done.root_expires}.")
    )
    return 0
