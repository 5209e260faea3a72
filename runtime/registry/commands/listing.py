"""The verb `list`."""

from collections.abc import Sequence

from runtime.artifact.shown import table
from runtime.registry.commands.words import SHORT, as_json, parser, print_json, trust_words
from runtime.registry.store import Store


def list_installed(argv: Sequence[str]) -> int:
    """Show what is installed."""
    said = parser("list", list_installed.__doc__).parse_args(argv)
    everything = Store().list()
    if said.json:
        return print_json([as_json(installed) for installed in everything])
    if not everything:
        print("Nothing is installed. Build an expert, or: expertbuild install FILE.expert")
        return 0
    heading = ("NAME", "VERSION", "BASES", "TRUST", "ID", "SUMMARY")
    rows = [
        (i.name, i.version, ", ".join(i.variants), trust_words(i), i.id[:SHORT], i.record.summary) for i in everything
    ]
    print(table([heading, *rows]))
    return 0
