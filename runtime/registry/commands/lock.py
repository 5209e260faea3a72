"""The verb `lock`."""

from collections.abc import Sequence
from pathlib import Path

from runtime.artifact.shown import shown
from runtime.registry.commands.words import parser, print_json, source_words
from runtime.registry.store import Store


def lock(argv: Sequence[str]) -> int:
    """Write down exactly which packages, for `expertbuild install --locked` elsewhere."""
    from runtime.errors import Mistake
    from runtime.registry.asking import named_sources, read_names
    from runtime.registry.base import wanted_base
    from runtime.registry.lock import entry_of, lock_document, write_lock
    from runtime.registry.plan import make_plan
    from runtime.registry.relations import INSTALLED

    words = parser("lock", lock.__doc__)
    words.add_argument("name", nargs="*", help="NAME or NAME@RANGE, and what they require; nothing means all installed")
    source_words(words)
    words.add_argument("--out", type=Path, default=Path("expert.lock"), metavar="FILE", help="default: expert.lock")
    said = words.parse_args(argv)
    store = Store()
    installed = store.current()
    if said.name:
        sources = named_sources(said.sources)
        base = wanted_base(said.base) if said.base else None
        plan = make_plan(store, read_names(said.name, store, sources), sources, base=base)
        entries = [entry_of(installed[name] if one.source == INSTALLED else one) for name, one in plan.chosen.items()]
    else:
        entries = [entry_of(each) for each in installed.values()]
    if not entries:
        raise Mistake("There is nothing to lock: nothing is installed, and nothing was named.")
    write_lock(said.out, entries)
    if said.json:
        import json

        return print_json(json.loads(lock_document(entries)))
    print(shown(f"Locked {len(entries)} in {said.out}."))
    for entry in sorted(entries, key=lambda entry: entry.full_name):
        waived = f", installed with --{', --'.join(entry.flags)}" if entry.flags else ""
        print(shown(f"  {entry.full_name} {entry.version} {entry.id[:12]}{waived}"))
    return 0
