"""The verb `update`."""

from collections.abc import Sequence

from runtime.artifact.shown import shown
from runtime.registry.commands.words import parser, plan_as_json, print_json, show_plan, source_words
from runtime.registry.store import Store


def update(argv: Sequence[str]) -> int:
    """Bring what is installed to the newest versions that fit everybody's requirements."""
    from runtime.registry.asking import named_sources, tell_notes
    from runtime.registry.base import wanted_base
    from runtime.registry.carrying import Allowed, carry_out
    from runtime.registry.offers import Want
    from runtime.registry.plan import keeping_only_new, make_plan

    words = parser("update", update.__doc__)
    words.add_argument("name", nargs="*", help="installed experts; nothing means all of them")
    source_words(words)
    words.add_argument("--keep", action="store_true", help="keep the versions that are replaced beside the new ones")
    words.add_argument("--allow-unsigned", action="store_true", help="also what nobody signed")
    words.add_argument("--dry-run", action="store_true", help="only say what would change")
    said = words.parse_args(argv)
    store = Store()
    names = sorted({store.find(name).name for name in said.name} if said.name else store.current())
    base = wanted_base(said.base) if said.base else None
    wants = [Want(name, keep=True) for name in names]
    sources = named_sources(said.sources)
    plan = make_plan(store, wants, sources, base=base, renew=names)
    tell_notes(sources)
    plan = plan if said.keep else keeping_only_new(plan)
    if said.dry_run:
        return show_plan(plan, as_document=said.json)
    if plan.changes:
        carry_out(store, plan, Allowed(unsigned=said.allow_unsigned))
    if said.json:
        return print_json(plan_as_json(plan))
    if not plan.changes:
        print(f"Nothing to update: {len(names)} looked at.")
    for change in plan.changes:
        print(shown(f"Updated {change}" if change.before else f"Installed {change}"))
    for gone in plan.retire:
        print(shown(f"Removed {gone.publisher}/{gone.name} {gone.version}."))
    for reason in plan.held:
        print(shown(reason))
    return 0
