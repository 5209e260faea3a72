"""Text from outside, made safe to print: what a terminal would obey is shown instead.

Everything that came out of a package, a file name or a trust file goes through `shown` before it reaches a person.
"""


def shown(text: object, most: int = 2000) -> str:
    """One line of visible text: ESC becomes \\x1b, and what is too long is cut.

    Printable, as Python has it, leaves out control and format characters (bidirectional overrides, zero-width signs),
    surrogates, private and unassigned code points, and every line break.
    """
    plain = str(text)
    visible = "".join(c if c.isprintable() else _escaped(c) for c in plain[:most])
    return visible + "..." if len(plain) > most else visible


def table(rows: list[tuple[str, ...]]) -> str:
    """Rows of visible text in columns, the first row being the heading."""
    safe = [tuple(shown(cell, 200) for cell in row) for row in rows]
    widths = [max(len(row[i]) for row in safe) for i in range(len(safe[0]))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in safe)
    return "\n".join(line.rstrip() for line in lines)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
