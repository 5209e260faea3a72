"""`expertbuild new expert-NAME --data FILE`: a directory that builds, of a table with questions and answers."""

import argparse
import json
import re
import shutil
import tempfile
from pathlib import Path

from expertbuild.starting import example
from expertbuild.starting.directory import Fresh, files
from expertbuild.starting.errors import StartMistake
from expertbuild.starting.guess import Guess, guess
from expertbuild.starting.table import Table, read
from runtime.artifact.shown import shown

NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
FOLDER = Path("experts")


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="expertbuild new",
        description="Write the directory of a new expert. What can be told from the data is not asked; what was told is said.",
    )
    parser.add_argument("name", help="its name: expert-tickets")
    parser.add_argument("--data", type=Path, help="a CSV, JSON or JSONL file with a question and an answer in each row")
    parser.add_argument("--prompt", help='the column with the question, or a template: "{subject} {body}"')
    parser.add_argument("--answer", help="the column with the answer, likewise")
    parser.add_argument("--summary", help="one line on what it does")
    parser.add_argument("--json", action="store_true", help="print JSON")
    asked = parser.parse_args(words)
    if not NAME.fullmatch(asked.name) or len(asked.name) > 63:
        raise StartMistake(
            f"{shown(asked.name)!r} is no name for an expert.",
            hint="Lower-case letters, digits and dashes, such as expert-tickets.",
        )
    if asked.data is None and (asked.prompt or asked.answer):
        raise StartMistake("--prompt and --answer name columns of a file.", hint="Say --data FILE too.")
    directory = FOLDER / asked.name
    if directory.exists():
        raise StartMistake("is there already.", where=str(directory), hint="Remove it, or choose another name.")
    table = _table(asked.data, asked.prompt, asked.answer)
    found = guess(table.rows)
    source = table.path.name if asked.data else "an example"
    summary = asked.summary or f"Answers as the {len(table.rows)} rows of {source} do."
    fresh = Fresh(asked.name, summary[:120], f"data/rows{table.path.suffix.lower()}", table.columns, found)
    written = _write(directory, fresh, table)
    if asked.json:
        print(json.dumps(_document(fresh, table, written), indent=2))
    else:
        print("\n".join(map(shown, _lines(fresh, table, written, asked.data is None))))
    return 0


def _table(data: Path | None, prompt: str | None, answer: str | None) -> Table:
    if data is not None:
        return read(data, prompt, answer)
    with tempfile.TemporaryDirectory(prefix="expertbuild-new-") as folder:
        path = Path(folder, "rows.csv")
        path.write_text(example.table(), encoding="utf-8")
        return read(path, None, None)


def _write(directory: Path, fresh: Fresh, table: Table) -> list[str]:
    """All of it or nothing: the directory appears when it is whole."""
    directory.parent.mkdir(exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    try:
        contents = files(fresh)
        for name, text in contents.items():
            (made / name).write_text(text, encoding="utf-8")
        (made / fresh.data).parent.mkdir()
        if table.path.is_file():
            shutil.copyfile(table.path, made / fresh.data)
        else:
            (made / fresh.data).write_text(example.table(), encoding="utf-8")
        made.chmod(0o755)
        made.rename(directory)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return [*sorted(contents), fresh.data]


def _lines(fresh: Fresh, table: Table, written: list[str], is_example: bool) -> list[str]:
    found = fresh.guess
    told = [f"written    {FOLDER / fresh.name}: {', '.join(written)}"]
    if is_example:
        told.append(
            f"rows       {len(table.rows)}, an example (names and their initials): put your own into {fresh.data}"
        )
    else:
        told.append(f"rows       {len(table.rows)} from {table.path.name}, copied to {fresh.data}")
    columns = table.columns or {"messages": "messages", "answer": "answer"}
    told.append(f"columns    {', '.join(f'{part}: {name!r}' for part, name in columns.items())}")
    told.append(f"judged by  {found.scorer}, since {found.why}")
    if found.classes:
        told.append(f"grammar    one of {len(found.classes)} answers: {', '.join(found.classes)}"[:200])
    told.append(f"tested on  {found.test} rows; answers of up to {found.max_tokens} tokens")
    told += _warnings(found)
    told.append(f"next       expertbuild expert={fresh.name}")
    return told


def _warnings(found: Guess) -> list[str]:
    told = []
    if found.test < 50:
        told.append(f"note       {found.test} test rows leave wide intervals: the gate may need more rows to be sure")
    if found.long_rows:
        told.append(f"note       {found.long_rows} rows are long; training leaves out what exceeds train.length tokens")
    return told


def _document(fresh: Fresh, table: Table, written: list[str]) -> dict[str, object]:
    found = fresh.guess
    return {
        "name": fresh.name,
        "directory": str(FOLDER / fresh.name),
        "written": written,
        "rows": len(table.rows),
        "columns": table.columns,
        "scorer": found.scorer,
        "classes": list(found.classes),
        "max_tokens": found.max_tokens,
        "test": found.test,
        "validation": found.validation,
    }
