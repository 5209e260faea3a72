"""Candidates without files, and a source that has them: for what is decided before anything is fetched."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from runtime.registry.candidate import Candidate
from runtime.registry.relations import INSTALLED

NANO = {"nano": {"base": "1" * 64, "tokenizer": "2" * 64}}
QWEN = {"qwen": {"base": "3" * 64, "tokenizer": "4" * 64}}


def expert(name, version="1.0.0", requires=(), conflicts=(), variants=NANO, **more):
    """acme/NAME; `requires` and `conflicts` are mappings without the publisher."""
    identity = hashlib.sha256(f"{name} {version} {more}".encode()).hexdigest()
    said = {
        word: {f"acme/{other}": text for other, text in dict(relation).items()}
        for word, relation in (("requires", requires), ("conflicts", conflicts))
    }
    return Candidate("acme", name, version, identity, "shelf", variants=variants, **said, **more)


def put_in(*ones):
    """As they look when they are installed: what a source says of them, such as that they were yanked, is not known."""
    return {one.full_name: replace(one, source=INSTALLED, yanked="") for one in ones}


@dataclass
class Shelf:
    ones: list[Candidate]
    title: str = "shelf"
    asked: list[str] = field(default_factory=list)

    def candidates(self, publisher: str, name: str) -> Iterable[Candidate]:
        self.asked.append(f"{publisher}/{name}")
        return [one for one in self.ones if (one.publisher, one.name) == (publisher, name)]

    def publishers(self, name: str) -> Iterable[str]:
        return sorted({one.publisher for one in self.ones if one.name == name})

    def search(self, words: str) -> Iterable[Candidate]:
        return self.ones
