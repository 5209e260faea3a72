"""Leave out rows that are too long, in tokens of the base, with the chat format around them.

- {kind: length, most: 512}
- {kind: length, most: 512, answer: 200}
"""

from expertbuild.data.errors import RecipeMistake
from expertbuild.data.rows import Row, question
from expertbuild.data.transforms import Bench, Look, Spec

OPTIONS = ("most", "answer")

# No vocabulary has a token of more characters (runs of blanks are the longest, 128 in Llama's), so a text of more than
# this many for each token that may be is too long without being cut into tokens: a row of 10 MB costs nothing.
LONGEST_TOKEN = 256


def look(spec: Spec, bench: Bench) -> Look:
    most, answer_most = spec.get("most"), spec.get("answer")
    if not isinstance(most, int) or isinstance(most, bool) or most < 1:
        raise RecipeMistake("the transform length needs `most`, a number of tokens.")
    too_long, answer_too_long = f"longer than {most} tokens", f"an answer longer than {answer_most} tokens"

    def judge(row: Row) -> Row | str:
        if len(question(row)) + len(row["answer"]) > most * LONGEST_TOKEN:
            return too_long
        prompt, answer = bench.tokens(row)
        if prompt + answer > most:
            return too_long
        if answer_most is not None and answer > answer_most:
            return answer_too_long
        return row

    return judge
