"""Which base: a name in conf/base, a source (`package:`, `path:`, `hub:`), or a directory."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.engine.base import locate
from runtime.engine.errors import BaseRefused
from runtime.errors import Mistake
from runtime.home import declared


@dataclass(frozen=True)
class Base:
    """A base on this machine. The digests are what its content must have; None: whatever it has."""

    name: str
    directory: Path
    digest: str | None = None
    tokenizer_digest: str | None = None

    def expect(self, digest: str, tokenizer_digest: str) -> None:
        """Refuse a base that is not the one its configuration names."""
        for what, wanted, found in (
            ("content", self.digest, digest),
            ("tokenizer", self.tokenizer_digest, tokenizer_digest),
        ):
            if wanted is not None and wanted != found:
                raise BaseRefused(
                    f"the {what} of base {self.name} has the digest {found[:12]}, not {wanted[:12]}.",
                    where=str(self.directory),
                    hint="If another base is meant: base.digest=null base.tokenizer_digest=null.",
                )


def find_base(base: str | Path) -> Base:
    """The base of this name, source or directory, located on this machine."""
    if isinstance(base, Path):
        return Base(base.name, locate(f"path:{base}"))
    if ":" in base:
        directory = locate(base)
        return Base(directory.name, directory)
    return base_of(_declared(base))


def base_of(entry: Mapping[str, Any]) -> Base:
    """The base that an entry of conf/base describes."""
    return Base(entry["name"], locate(entry["source"]), entry.get("digest"), entry.get("tokenizer_digest"))


def _declared(name: str) -> dict[str, Any]:
    import yaml

    known = declared("base")
    if name not in known:
        raise Mistake(
            f"There is no base {name!r}.",
            hint=f"Known: {', '.join(sorted(known)) or 'none'}; a directory is written path:DIRECTORY.",
        )
    entry = yaml.safe_load(known[name].read_text(encoding="utf-8"))
    if not isinstance(entry, dict) or not {"name", "source"} <= entry.keys():
        raise Mistake("A base needs `name` and `source`.", where=str(known[name]))
    return entry
