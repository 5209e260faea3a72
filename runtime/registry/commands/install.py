"""The verb `install`."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from runtime.artifact.shown import shown
from runtime.errors import Mistake
from runtime.registry.commands.words import (
    as_json,
    parser,
    print_json,
    show_plan,
    source_words,
    trust_words,
)
from runtime.registry.installed import Installed
from runtime.registry.store import Store


def install(argv: Sequence[str]) -> int:
    """Verify packages and keep them, with everything that they require."""
    words = parser("install", install.__doc__)
    words.add_argument(
        "subject",
        nargs="*",
        help="NAME, PUBLISHER/NAME, either with @RANGE; a .expert file, or a folder with its members; git+URL@COMMIT",
    )
    source_words(words)
    words.add_argument("--locked", type=Path, metavar="FILE", help="exactly what this lock file lists")
    words.add_argument(
        "--allow-unsigned", action="store_true", help="also what nobody signed; `list` will always say so"
    )
    words.add_argument(
        "--trust-first-use", action="store_true", help="take the publisher's key on faith and pin it; for files only"
    )
    words.add_argument("--replace", action="store_true", help="replace other bytes of the same version; for files only")
    words.add_argument("--force", action="store_true", help="whatever is required, and whatever conflicts")
    words.add_argument("--dry-run", action="store_true", help="only say what would be installed")
    said = words.parse_args(argv)
    if said.locked and (said.base or said.dry_run or said.replace or said.trust_first_use):
        raise Mistake("A lock file says all there is to say: only --from, --allow-unsigned and --force go with it.")
    if bool(said.locked) == bool(said.subject):
        raise Mistake("Say what to install: names and files, or --locked FILE.", hint="See: expertbuild install --help")
    return _locked(said) if said.locked else _asked(said)


def _asked(said: argparse.Namespace) -> int:
    from runtime.registry.asking import (
        is_path,
        met_already,
        named_sources,
        read_addresses,
        read_files,
        read_names,
        tell_notes,
    )
    from runtime.registry.base import wanted_base
    from runtime.registry.carrying import Allowed, carry_out
    from runtime.registry.plan import Plan, make_plan
    from runtime.registry.sources import names_repository

    store = Store()
    paths = [Path(word).expanduser() for word in said.subject if is_path(word)]
    for flag, given in (("--trust-first-use", said.trust_first_use), ("--replace", said.replace)):
        if given and not paths:
            raise Mistake(f"{flag} is for package files that are named by hand.")
    files = read_files(paths, store, allow_unsigned=said.allow_unsigned)
    words = [word for word in said.subject if not is_path(word)]
    repositories, found = read_addresses([word for word in words if names_repository(word)])
    sources = [*repositories, *named_sources(said.sources)]
    names = read_names([word for word in words if not names_repository(word)], store, sources)
    wants = [*names, *found, *files.wants]
    base = wanted_base(said.base) if said.base else None
    if base is None and met_already(wants, store):
        plan = Plan({want.name: store.current()[want.name] for want in wants})
    else:
        plan = make_plan(store, wants, sources, by_hand=files.candidates, base=base, loose=said.force)
    tell_notes(sources)
    if said.dry_run:
        return show_plan(plan, as_document=said.json)
    allowed = Allowed(said.allow_unsigned, said.trust_first_use, said.replace, said.force)
    fresh = carry_out(store, plan, allowed, files)
    told = {installed.reference for installed in fresh}
    kept = [store.current()[want.name] for want in wants if want.name in plan.chosen.keys() - plan.changed]
    unchanged = [installed for installed in kept if installed.reference not in told]
    return _told([*fresh, *files.there, *unchanged], said.json, {change.one.id: change.why for change in plan.changes})


def _locked(said: argparse.Namespace) -> int:
    from runtime.registry.asking import named_sources
    from runtime.registry.carrying import install_locked
    from runtime.registry.lock import read_lock

    done, warnings = install_locked(
        Store(),
        read_lock(said.locked),
        named_sources(said.sources),
        allow_unsigned=said.allow_unsigned,
        force=said.force,
    )
    for warning in warnings:
        print(shown(warning), file=sys.stderr)
    return _told(done, said.json, {})


def _told(done: Iterable[Installed], as_document: bool, why: dict[str, str]) -> int:
    if as_document:
        return print_json([as_json(installed) for installed in done])
    for installed in done:
        verb = "Installed" if installed.fresh else "Installed already:"
        bases = ", ".join(installed.variants)
        reason = "" if why.get(installed.id, "asked for") == "asked for" else f", because {why[installed.id]}"
        print(shown(f"{verb} {installed.name} {installed.version} for {bases} ({trust_words(installed)}){reason}."))
    meant = Store().current()
    for installed in done:
        counts = meant[installed.name].version
        if counts != installed.version:
            print(shown(f"  {installed.name} still means {counts}; this one is {installed.reference}."))
    return 0
