"""Task generators by name: each writes questions with their answers, without end, from a seed.

A file here provides `draw(rng, words, phrasings, **options) -> Row`, one row at a time. `words` and `phrasings` say
which side of the vocabulary and of the question forms to use: "train" or "held_out". The base's corpus is written by
other generators, in `corpus/`, and knows no task.
"""

from expertbuild.catalogue import Catalogue

GENERATORS = Catalogue(
    "generator",
    {
        name: f"expertbuild.data.generators.{name}"
        for name in (
            *("code_repair", "json_repair", "json_schema_of", "json_style", "json_transform", "text_to_cypher"),
            *("text_to_function", "text_to_json", "text_to_sql"),
            *("types_from_json", "types_from_text"),
        )
    },
)
