"""The verb `uninstall`."""

from collections.abc import Sequence

from runtime.artifact.shown import shown
from runtime.registry.commands.words import as_json, parser, print_json
from runtime.registry.store import Store


def uninstall(argv: Sequence[str]) -> int:
    """Remove what is installed."""
    words = parser("uninstall", uninstall.__doc__)
    words.add_argument("reference", nargs="+", help="NAME, PUBLISHER/NAME@VERSION, or 8 digits of an id")
    words.add_argument("--force", action="store_true", help="also what something else that is installed requires")
    said = words.parse_args(argv)
    gone = Store().uninstall_all(said.reference, force=said.force)
    if said.json:
        return print_json([as_json(installed) for installed in gone])
    for installed in gone:
        print(shown(f"Removed {installed.name} {installed.version}."))
    return 0
