"""The base's own chat template around each row: can it say this row, and does the row try to speak for the template?

- {kind: chat}
- {kind: chat, system: "You write SQL.", control: drop}

A row is left out when the base's template refuses it (roles in an order it does not know, text that is no Unicode).
Text that spells a control token of the base, such as the end of a turn, is harmless: it becomes the letters' tokens and
never the token (`control: keep`); `control: drop` leaves such rows out, `control: space` puts a blank into the spelling.
`system` goes in front of rows that have no system message. A base without a template is refused, as it is by the server.
"""

import re
from pathlib import Path

from expertbuild.data.errors import RecipeMistake
from expertbuild.data.rows import Row
from expertbuild.data.transforms import Bench, CountedRow, Look, Spec
from runtime.errors import Problem

OPTIONS = ("system", "control")
WAYS = ("keep", "drop", "space")
# What chat formats mark their turns with, whether or not this base has it: data travels between bases.
MARKS = re.compile(r"<\|[a-z0-9_]{1,40}\|>|\[/?INST\]|<</?SYS>>|</?s>|<(?:start|end)_of_turn>", re.IGNORECASE)
SPELLS = "spells a control token of a chat format"


def check(spec: Spec, directory: Path) -> None:
    if spec.get("control", "keep") not in WAYS:
        raise RecipeMistake(f"`control` must be one of {', '.join(WAYS)}.", where="control")
    if not isinstance(spec.get("system", ""), str):
        raise RecipeMistake("`system` must be text.", where="system")


def look(spec: Spec, bench: Bench) -> Look:
    system, control = spec.get("system"), spec.get("control", "keep")

    def judge(row: Row) -> Row | str:
        if system and row["messages"][0]["role"] != "system":
            row = CountedRow({**row, "messages": [{"role": "system", "content": system}, *row["messages"]]})
        if control != "keep" and any(MARKS.search(text) for text in _texts(row)):
            if control == "drop":
                return SPELLS
            spaced = [{**message, "content": _spaced(message["content"])} for message in row["messages"]]
            row = CountedRow({**row, "messages": spaced, "answer": _spaced(row["answer"])})
        try:
            bench.tokens(row)
        except Problem as refusal:
            return f"the chat template refuses it: {refusal.what}"[:200]
        return row

    return judge


def _texts(row: Row) -> list[str]:
    return [row["answer"], *(message["content"] for message in row["messages"])]


def _spaced(text: str) -> str:
    return MARKS.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text)
