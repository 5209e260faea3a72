"""grammar: the grammar lets through every answer that the test set expects, shown before anything is trained.

Its output is the same whenever it lets through, so that another grammar by itself trains nothing anew.
"""

from expertbuild.actions.base import base_directory
from expertbuild.graph import Action, Context

GRAMMAR = Action(
    name="grammar",
    version=2,
    reads=("decoding.grammar", "decoding.bind", "decoding.system"),
    function="expertbuild.actions.grammar:grammar",
    libraries=("llguidance",),
)


def grammar(run: Context) -> None:
    """Read every expected answer with it."""
    from expertbuild.data.rows import read_rows
    from expertbuild.evaluation.expected import require_expected
    from runtime.engine.tokenizer import Tokenizer

    require_expected(
        run.files["grammar"].read_text(encoding="utf-8"),
        Tokenizer.load(base_directory(run)),
        list(read_rows(run.inputs["dataset"] / "test.jsonl")),
        run.config["decoding"]["grammar"],
        run.config["decoding"].get("bind"),
        run.config["decoding"]["system"],
    )
    (run.out / "passed").write_text("passed\n", encoding="utf-8")
