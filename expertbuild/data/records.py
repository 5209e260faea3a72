"""Records out of files: JSON lines, a JSON list, CSV, Parquet, text. One at a time, each with the number of its line.

UTF-8 with or without a byte-order mark, line ends of any kind. What cannot be read is an error that names the line.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

from expertbuild.data.errors import SourceMistake
from expertbuild.data.unpacked import File

LONGEST = 16 * 1024 * 1024  # characters of a line
LARGEST_DOCUMENT = 512 * 1024 * 1024  # bytes of a JSON list, which is held in memory as a whole
_AT_ONCE = 256  # records of a Parquet file

Records = Iterator[tuple[int, Any]]


def records(file: File, form: str) -> Records:
    """Every record of a file, and where in it it stands."""
    if form not in READERS:
        raise SourceMistake(
            f'"{form}" is not a format read here.', where=file.name, hint=f"Known: {', '.join(READERS)}."
        )
    return READERS[form](file)


def json_value(text: str, where: str) -> Any:
    """JSON as everybody reads it: no NaN, and no key twice in one object, of which readers would keep one or the other."""
    try:
        return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        said = str(error) if not isinstance(error, RecursionError) else "nested too deeply"
        raise SourceMistake(f"is not JSON ({said[:200]}).", where=where) from None


def whole_text(file: File, most: int = LARGEST_DOCUMENT) -> str:
    with file.open() as stream:
        data = stream.read(most + 1)
    if len(data) > most:
        raise SourceMistake(
            f"has more than {most:,} bytes, and is read as a whole.", where=file.name, hint="Write JSON lines."
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _not_utf8(file, data[: error.start].count(b"\n") + 1) from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f'the key "{twice[:80]}" stands twice in one object')
    return made


def _not_utf8(file: File, line: int) -> SourceMistake:
    return SourceMistake("is not UTF-8.", where=f"{file.name}:{line}", hint="Save it as UTF-8.")


def _lines(file: File, newline: str | None) -> Iterator[str]:
    """Lines of text; `newline` as `open` has it."""
    number = 0
    with file.open() as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline=newline)
        try:
            while line := text.readline(LONGEST + 1):
                number += 1
                if len(line) > LONGEST:
                    raise SourceMistake(f"is longer than {LONGEST:,} characters.", where=f"{file.name}:{number}")
                yield line
        except UnicodeDecodeError:
            raise _not_utf8(file, _bad_line(file)) from None


def _bad_line(file: File) -> int:
    """The line that is not UTF-8: looked for only when there is one."""
    with file.open() as stream:
        for number, line in enumerate(iter(lambda: stream.readline(LONGEST), b""), 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return number
    return 1


def _json_lines(file: File) -> Records:
    for number, line in enumerate(_lines(file, None), 1):
        if line.strip():
            yield number, json_value(line, f"{file.name}:{number}")


def _json_list(file: File) -> Records:
    found = json_value(whole_text(file), file.name)
    if not isinstance(found, list):
        raise SourceMistake("is not a list of records.", where=file.name)
    yield from enumerate(found, 1)


def _csv(file: File) -> Records:
    csv.field_size_limit(LONGEST)
    reader = csv.DictReader(_lines(file, ""), strict=True)
    try:
        names = list(reader.fieldnames or ())
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise SourceMistake(f'has the column "{twice}" twice.', where=f"{file.name}:1")
        for record in reader:
            if None in record or None in record.values():
                raise SourceMistake("has more or fewer fields than the header.", where=f"{file.name}:{reader.line_num}")
            yield reader.line_num, record
    except csv.Error as error:
        raise SourceMistake(f"is not CSV ({error}).", where=f"{file.name}:{reader.line_num}") from None


def _text(file: File) -> Records:
    yield 1, {"text": whole_text(file, LONGEST), "name": file.path.name, "path": file.name}


def _parquet(file: File) -> Records:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise SourceMistake("reading Parquet needs pyarrow.", hint="pip install 'expertbuild[train]'") from None
    if file.packed:
        raise SourceMistake(
            "is Parquet, which is packed inside; it is not read through another packing.", where=file.name
        )
    left, number = file.most, 0
    try:
        with parquet.ParquetFile(file.path) as opened:
            for batch in opened.iter_batches(batch_size=_AT_ONCE):
                left -= batch.nbytes
                if left < 0:
                    raise SourceMistake(
                        f"has more than {file.most // 1024**2:,} MB unpacked.",
                        where=file.name,
                        hint="If that is right, raise `megabytes` of this source.",
                    )
                for record in batch.to_pylist():
                    number += 1
                    yield number, record
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SourceMistake(f"is not Parquet that can be read ({said[:200]}).", where=file.name) from None


def column_kinds(file: File, form: str) -> Mapping[str, str]:
    """What the columns of a file are, where the file itself says so."""
    if form != "parquet":
        return {}
    try:
        import pyarrow
        from pyarrow import parquet

        return {field.name: str(field.type) for field in parquet.read_schema(file.path)}
    except (ImportError, OSError, pyarrow.ArrowException):
        return {}  # said when it is read


READERS: Mapping[str, Callable[[File], Records]] = {
    "jsonl": _json_lines,
    "ndjson": _json_lines,
    "json": _json_list,
    "csv": _csv,
    "parquet": _parquet,
    "text": _text,
    "txt": _text,
    "md": _text,
}
