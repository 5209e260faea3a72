"""Leave out rows that are too long, in tokens of the base, with the chat format around them.

- {kind: length, most: 512}
- {kind: length, most: 512, answer: 200}
"""

from collections.abc import Iterable, Iterator

from expertbuild.data.errors import RecipeMistake
from expertbuild.data.rows import Row
from expertbuild.data.transforms import Bench, Spec


def apply(rows: Iterable[Row], spec: Spec, bench: Bench) -> Iterator[Row]:
    most, answer_most = spec.get("most"), spec.get("answer")
    if not isinstance(most, int) or most < 1:
        raise RecipeMistake("the transform length needs `most`, a number of tokens.")
    for row in rows:
        prompt, answer = bench.tokens(row)
        if prompt + answer > most:
            bench.drop("length", f"longer than {most} tokens", row)
        elif answer_most is not None and answer > answer_most:
            bench.drop("length", f"an answer longer than {answer_most} tokens", row)
        else:
            yield row
