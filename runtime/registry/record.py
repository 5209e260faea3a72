"""The store's note about one installed version: what it is, why it was let in, and how its files looked then.

Records are written by the store alone and checked against their schema when they are written; reading one is kept
cheap, because listing reads them all. `verify` is what finds a record that somebody changed.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from runtime.artifact.schema import check
from runtime.artifact.strict_json import canonical
from runtime.registry.refusals import StoreBroken

FORMAT = "expert-store-record/1"
_WRITTEN = re.compile(rb'"folder":"([0-9a-f]{64}(?:\.[0-9]{1,4})?)"')  # quotes inside JSON text are always escaped
_FOLDER = re.compile(r"[0-9a-f]{64}(\.[0-9]{1,4})?")


@dataclass(frozen=True)
class MemberRecord:
    """A file as it was when it was verified."""

    size: int
    mtime_ns: int
    sha256: str
    blake3: str


@dataclass(frozen=True)
class TrustRecord:
    """Why a version was let in: the verdict, whose signatures counted, and which flags a person gave."""

    state: str  # trusted, first-use, unsigned
    keys: tuple[str, ...]
    flags: tuple[str, ...]  # allow-unsigned, trust-first-use
    basis: str  # SHA-256 of the trust file
    needed: int = 1  # how many signatures it took


@dataclass(frozen=True)
class Record:
    """One installed version. `folder` lies below packages/ and is named after the digests of what is in it."""

    publisher: str
    name: str
    version: str
    id: str
    folder: str
    summary: str
    trust: TrustRecord
    origin: str
    installed: str
    variants: Mapping[str, Mapping[str, str]]  # base -> {base, tokenizer}: SHA-256
    members: Mapping[str, MemberRecord]
    requires: Mapping[str, str] | None = None  # None in records of before they were noted: the manifest has them
    conflicts: Mapping[str, str] | None = None
    source: str = ""  # who offered it, where it came by name

    @property
    def full_name(self) -> str:
        return f"{self.publisher}/{self.name}"


def write_record(record: Record) -> bytes:
    plain = replace(record, variants=dict(record.variants), members=dict(record.members))
    document = json.loads(json.dumps({"format": FORMAT, **asdict(plain)}))  # tuples become lists
    document = {field: value for field, value in document.items() if value is not None}
    check(document, "store-record", "the store record")
    return canonical(document)


def read_record(path: Path) -> Record:
    """A record from the store, or `FileNotFoundError`."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StoreBroken(f"The record can not be read: {error.strerror}.", where=str(path)) from None
    try:
        value: dict[str, Any] = json.loads(data)
        if value.pop("format") != FORMAT or not _FOLDER.fullmatch(value["folder"]):
            raise ValueError("unknown format or folder")
        value["trust"] = TrustRecord(
            **{**value["trust"], "keys": tuple(value["trust"]["keys"]), "flags": tuple(value["trust"]["flags"])}
        )
        value["members"] = {name: MemberRecord(**member) for name, member in value["members"].items()}
        record = Record(**value)
        if path.parts[-3:] != (record.publisher, record.name, f"{record.version}.json"):
            raise ValueError("the record of another version")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StoreBroken(
            f"The record is damaged: {error}.", where=str(path), hint="Install the package again."
        ) from None
    return record


def folder_in(path: Path) -> str:
    """Only the folder of a record, found without taking the record apart: eight times cheaper."""
    written = _WRITTEN.findall(path.read_bytes())
    return written[0].decode("ascii") if len(written) == 1 else read_record(path).folder
