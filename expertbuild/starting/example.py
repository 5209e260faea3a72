"""Rows for an expert that has none yet, so that its directory builds as it stands: names, and their initials."""

import csv
import io
import random

from expertbuild.data.generators.words import full_name

ROWS = 400


def table() -> str:
    """A CSV of some hundred rows, the same for everybody."""
    rng = random.Random("example")
    names = sorted({full_name(rng) for _ in range(2 * ROWS)})[:ROWS]
    written = io.StringIO()
    rows = csv.writer(written, lineterminator="\n")
    rows.writerow(("prompt", "answer"))
    for name in names:
        first, last = name.split()
        rows.writerow((f"Write the initials of {name}.", f"{first[0]}. {last[0]}."))
    return written.getvalue()
