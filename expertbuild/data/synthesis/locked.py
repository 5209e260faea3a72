"""The file of locked answers: a line for each, under the SHA-256 of its request.

While answers come in, lines are added at the end, each in one write, so that a kill at any moment loses at most a line
that is cut short, and that one is set right by the next run. When a run ends, the file is put in order of keys, so that
the same answers give the same bytes. Every line holds its whole request: whoever reads the file can check the key.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from expertbuild.data.synthesis.errors import LockRefused
from expertbuild.data.synthesis.requests import key_of
from runtime.artifact.refusals import BadJson
from runtime.artifact.strict_json import canonical
from runtime.artifact.strict_json import read as read_json

FORMAT = "synthesis-answer/1"
FOLDER = "synthesis"
LONGEST_LINE = 16 * 1024 * 1024
_FIELDS = {"format", "key", "request", "model", "tokens"}
_REQUEST = {"protocol", "model", "messages", "options", "sample", "try"}


@dataclass(frozen=True)
class Answer:
    """What was answered to one request; `refused` is said instead of a text where the endpoint will not answer it."""

    request: Mapping[str, Any]
    text: str
    finish: str
    model: str
    tokens: tuple[int, int]
    refused: str = ""

    def line(self) -> bytes:
        document: dict[str, Any] = {"format": FORMAT, "key": key_of(self.request), "request": self.request}
        document |= {"model": self.model, "tokens": list(self.tokens)}
        document |= {"refused": self.refused} if self.refused else {"text": self.text, "finish": self.finish}
        return canonical(document) + b"\n"


def lock_path(directory: Path, name: str) -> Path:
    """Where the answers of a source lie: beside the recipe, and nowhere else."""
    path = directory / FOLDER / f"{name}.jsonl"
    if not path.resolve().is_relative_to(directory.resolve()):
        raise LockRefused("leads outside the expert's directory.", where=f"{FOLDER}/{name}.jsonl")
    return path


class Locked:
    """The answers of one file, by key: where each lies is held in memory, the answers are not."""

    def __init__(self, path: Path, *, mend: bool = False) -> None:
        self.path = path
        self._places: dict[str, tuple[int, int]] = {}
        self.spent = (0, 0)
        if path.exists():
            self._index(mend)

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def __len__(self) -> int:
        return len(self._places)

    def get(self, key: str) -> Answer | None:
        place = self._places.get(key)
        if place is None:
            return None
        with self.path.open("rb") as file:
            file.seek(place[0])
            return parse(file.read(place[1]), self.path.name)

    def _index(self, mend: bool) -> None:
        start, whole = 0, 0
        for number, line in enumerate(_lines(self.path), 1):
            where = f"{self.path.name}:{number}"
            if not line.endswith(b"\n"):
                if not mend:
                    raise LockRefused(
                        "is cut short.", where=where, hint="Run expertbuild synthesize: it goes on from there."
                    )
                break
            whole = start + len(line)
            answer = parse(line, where)
            self._note(answer, start, len(line))
            start = whole
        if mend and whole != self.path.stat().st_size:
            os.truncate(self.path, whole)

    def _note(self, answer: Answer, start: int, length: int) -> None:
        key = key_of(answer.request)
        if key not in self._places:
            self._places[key] = (start, length)
            self.spent = (self.spent[0] + answer.tokens[0], self.spent[1] + answer.tokens[1])


class Journal(Locked):
    """The same, open for adding. One at a time: `writing` holds the folder."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, mend=True)
        self._file = path.open("ab", buffering=0)
        self._end = path.stat().st_size

    def add(self, answer: Answer) -> None:
        line = answer.line()
        self._file.write(line)
        self._note(answer, self._end, len(line))
        self._end += len(line)

    def sync(self) -> None:
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Put the lines in order of keys."""
        self.sync()
        self._file.close()
        if self._end == 0:
            self.path.unlink()
            return
        partial = self.path.with_name(f".{self.path.name}.partial")
        with self.path.open("rb") as source, partial.open("wb") as target:
            for key in sorted(self._places):
                start, length = self._places[key]
                source.seek(start)
                target.write(source.read(length))
            target.flush()
            os.fsync(target.fileno())
        os.replace(partial, self.path)


@contextmanager
def writing(path: Path) -> Iterator[Journal]:
    """The journal of a lock, held by this process alone."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = os.open(path.parent, os.O_RDONLY)
    except OSError as error:
        raise LockRefused(f"cannot be written: {error.strerror}.", where=str(path)) from None
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise LockRefused("is being written by another run.", where=str(path), hint="Wait for it to end.") from None
        try:
            journal = Journal(path)
        except OSError as error:
            raise LockRefused(f"cannot be written: {error.strerror}.", where=str(path)) from None
        try:
            yield journal
        finally:
            journal.close()
    finally:
        os.close(folder)


def parse(line: bytes, where: str) -> Answer:
    """One line, or a refusal that names it; a key that is not its request's is a line that somebody changed."""
    try:
        document = read_json(line, where, cap=LONGEST_LINE)
    except BadJson as error:
        raise LockRefused(f"cannot be read ({error.what.removeprefix(where).strip()[:200]})", where=where) from None
    said = {"refused"} if isinstance(document, dict) and "refused" in document else {"text", "finish"}
    if not isinstance(document, dict) or set(document) != _FIELDS | said or document["format"] != FORMAT:
        raise LockRefused("is no locked answer.", where=where)
    request, tokens = document["request"], document["tokens"]
    texts = [document[name] for name in ("key", "model", *said)]
    good = isinstance(request, dict) and set(request) == _REQUEST and all(isinstance(text, str) for text in texts)
    if not good or not isinstance(tokens, list) or len(tokens) != 2 or any(type(n) is not int or n < 0 for n in tokens):
        raise LockRefused("is no locked answer.", where=where)
    if key_of(request) != document["key"]:
        raise LockRefused("has a key that is not its request's: somebody changed it.", where=where)
    text, finish, refused = (document.get(name, "") for name in ("text", "finish", "refused"))
    return Answer(request, text, finish, document["model"], (tokens[0], tokens[1]), refused)


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while line := file.readline(LONGEST_LINE + 1):
                yield line
    except OSError as error:
        raise LockRefused(f"cannot be read: {error.strerror}.", where=str(path)) from None
