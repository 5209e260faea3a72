"""The verb `info`."""

from collections.abc import Sequence

from runtime.registry.commands.words import parser, print_json, subject


def info(argv: Sequence[str]) -> int:
    """Show what a package says of itself, and why it is trusted or not."""
    from runtime.registry.info import describe, lines

    words = parser("info", info.__doc__)
    words.add_argument("subject", help="an installed expert, or a .expert file")
    said = words.parse_args(argv)
    described = describe(subject(said.subject))
    if said.json:
        return print_json(described)
    print("\n".join(lines(described)))
    return 0
