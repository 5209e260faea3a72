"""What a rule of a grammar may say in one conversation: sources by name, which read it and list the names or the text.

    decoding: {grammar: grammar.gbnf, bind: {relation: sql_tables, field: sql_columns}}

A small model that copies a name sometimes copies half of it, or writes one like it. Bound to its conversation, a rule cannot:
it says a name that is there. Where a source finds nothing to read, the rule stays as it is written.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from runtime.binding import code, cypher, sql, text
from runtime.checks import told
from runtime.engine.gbnf_narrowed import Said

SOURCES: Mapping[str, Callable[[Sequence[str]], Said]] = {
    "camel_names": code.camel_names,
    "cypher_labels": cypher.labels,
    "cypher_properties": cypher.properties,
    "cypher_relationships": cypher.relationships,
    "cypher_variables": cypher.variables,
    "json_text": text.json_text,
    "pascal_first": code.pascal_first,
    "pascal_names": code.pascal_names,
    "snake_names": code.snake_names,
    "sql_columns": sql.columns,
    "sql_tables": sql.tables,
}
TEXTS = ("json_text",)  # of which a rule says runs: it has to be a loop


def said(bind: Mapping[str, str], messages: Sequence[Mapping[str, Any]]) -> dict[str, Said]:
    """What each bound rule may say behind this conversation."""
    heard = told(messages)
    found = {source: SOURCES[source](heard) for source in set(bind.values())}
    return {rule: found[source] for rule, source in bind.items()}
