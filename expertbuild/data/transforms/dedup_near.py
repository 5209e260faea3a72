"""Leave out rows that are nearly the same as an earlier one, by MinHash.

- {kind: dedup_near}
- {kind: dedup_near, threshold: 0.7, of: answer}

`of` is the part of a row that is compared: question (when nothing is said), answer, both, or another part. Similarity is
the share of runs of five bytes that two texts have in common; with `threshold` 0.8 a row goes that shares four fifths
with one that stays. The estimate has a standard error of 0.035 there, and one pair in fifty just at the threshold is
overlooked. Rows and signatures lie on the disk meanwhile; memory holds some 300 bytes for each row.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np

from expertbuild.data.errors import RecipeMistake
from expertbuild.data.minhash import PERMUTATIONS, Keys, Signatures, band_keys, leaders, signatures
from expertbuild.data.ordered import in_threads
from expertbuild.data.parts import check_part, part
from expertbuild.data.rows import Row, question
from expertbuild.data.spool import Spool
from expertbuild.data.transforms import Bench, Spec

OPTIONS = ("threshold", "of")
BATCH = 500  # rows signed at a time
REASON = "nearly the same as an earlier row"


def check(spec: Spec, directory: Path) -> None:
    threshold = spec.get("threshold", 0.8)
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0.3 <= threshold <= 1:
        raise RecipeMistake("`threshold` must be a number from 0.3 to 1.", where="threshold")
    if spec.get("of") != "both":
        check_part(spec.get("of", "question"), "of")


def apply(rows: Iterable[Row], spec: Spec, bench: Bench) -> Iterator[Row]:
    threshold, of = float(spec.get("threshold", 0.8)), spec.get("of", "question")

    def signed(texts: list[str]) -> tuple[Signatures, Keys]:
        made = signatures(texts)
        return made, band_keys(made, threshold)

    with Spool(bench.work) as spool, TemporaryFile(dir=bench.work) as file:
        keys = []
        texts = (compared(row, of) for row in spool.fill(rows))
        batches = iter(lambda: list(islice(texts, BATCH)), [])
        for made, own in in_threads(signed, batches, bench.workers):
            file.write(made.tobytes())
            keys.append(own)
        if not spool.rows:
            return
        file.flush()
        every = np.memmap(file, np.uint32, "r", shape=(spool.rows, PERMUTATIONS))
        joined = np.concatenate(keys)
        keys.clear()
        stands = leaders(every, joined, threshold)
        del joined
        for number, row in enumerate(spool):
            if stands[number] == number:
                yield row
            else:
                bench.drop("dedup_near", REASON, row)


def compared(row: Row, of: str) -> str:
    """The text of a row that is compared."""
    if of == "both":
        return f"{question(row)}\n{row['answer']}"
    value = part(row, of)
    return value if isinstance(value, str) else "" if value is None else str(value)
