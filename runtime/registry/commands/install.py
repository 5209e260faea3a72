"""The verb `install`."""

from collections.abc import Sequence
from pathlib import Path

from runtime.artifact.shown import shown
from runtime.registry.commands.words import as_json, parser, print_json, trust_words
from runtime.registry.store import Store


def install(argv: Sequence[str]) -> int:
    """Verify a package and keep it."""
    words = parser("install", install.__doc__)
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
        return print_json([as_json(installed) for installed in done])
    for installed in done:
        verb = "Installed" if installed.fresh else "Installed already:"
        bases = ", ".join(installed.variants)
        print(shown(f"{verb} {installed.name} {installed.version} for {bases} ({trust_words(installed)})."))
    return 0
