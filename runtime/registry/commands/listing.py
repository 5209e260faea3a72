"""The verb `list`."""

from collections.abc import Sequence

from runtime.artifact.shown import shown, table
from runtime.registry.commands.words import SHORT, as_json, parser, print_json, trust_words
from runtime.registry.relations import as_candidate, current, faults
from runtime.registry.store import Store


def list_installed(argv: Sequence[str]) -> int:
    """Show what is installed."""
    said = parser("list", list_installed.__doc__).parse_args(argv)
    everything = Store().list()
    lacking = faults(current(map(as_candidate, everything)))
    if said.json:
        listed = [as_json(each) for each in everything]
        for each in listed:
            mine = [f for f in lacking if (f.by, f.version) == (each["name"], each["version"])]
            each["faults"] = [str(fault) for fault in mine]
        return print_json(listed)
    if not everything:
        print("Nothing is installed. Build an expert, or: expertbuild install FILE.expert")
        return 0
    heading = ("NAME", "VERSION", "BASES", "TRUST", "ID", "SUMMARY")
    rows = [
        (i.name, i.version, ", ".join(i.variants), trust_words(i), i.id[:SHORT], i.record.summary) for i in everything
    ]
    print(table([heading, *rows]))
    for fault in lacking:
        print(shown(fault))
    return 0
