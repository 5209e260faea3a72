"""One migration, from what was named by hand to an expert directory: read, understood, written, in this order.

Nothing is written before everything is understood. A directory that has something in it is left alone unless replacing
was asked for; then the files that a migration writes are replaced one by one, and what else lies there stays.
"""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from expertbuild.migration.account import Account, FileNote, Outcome
from expertbuild.migration.asking import ask
from expertbuild.migration.claims import doubt_claims, learn_from, leave_prompts, seals, settle_seals
from expertbuild.migration.directory import ROWS, files, weights_readme
from expertbuild.migration.expert import Expert
from expertbuild.migration.identity import identify
from expertbuild.migration.learning import learn
from expertbuild.migration.older import Old, read_old
from expertbuild.migration.refusals import OutputMistake
from expertbuild.migration.routing import route
from expertbuild.migration.sources import MANIFEST_CAP, Source, open_source, refuse_pickles
from expertbuild.migration.staging import Staging, staging
from expertbuild.migration.suspicion import settle_the_rest
from expertbuild.migration.telling import page
from expertbuild.migration.weights import FILE, Kept, keep_weights
from runtime.artifact.manifest import NAME

EXPERTS = Path("experts")
PAGE = "MIGRATION.md"


@dataclass(frozen=True)
class Migrated:
    """What came of it: the directory, the files that were written, and those that lay there and stayed."""

    expert: Expert
    account: Account
    directory: Path
    written: tuple[str, ...]
    stayed: tuple[str, ...]


def migrate(
    subject: Path, output: Path | None = None, *, replace: bool = False, without_weights: bool = False
) -> Migrated:
    """Migrate a manifest, a folder or an archive; `output`: the expert directory, by default experts/NAME."""
    named = _named(output)
    source = open_source(subject)
    old = read_old(source.manifest, "manifest.json" if source.kind != "manifest" else subject.name, MANIFEST_CAP)
    if not without_weights:
        refuse_pickles(source)
    with staging(Path.cwd() if output is None else output.absolute().parent) as stage:
        expert, kept = understand(old, source, stage, named, without_weights=without_weights)
        directory = output if output is not None else EXPERTS / expert.identity.name
        stayed = _expect_room(directory, replace=replace)
        made = files(expert)
        if ROWS in stayed:
            made.pop(ROWS, None)  # rows that somebody put there meanwhile
        if kept:
            made["weights/README.md"] = weights_readme(kept)
        moved = {f"weights/{each.base}/{FILE}": each.file for each in kept}
        made |= {f"weights/{each.base}/adapter_config.json": each.config for each in kept}
        made[PAGE] = page(old.account, expert.identity.name, old.schema)
        _write(directory, made, moved)
    written = (*moved, *made)
    return Migrated(expert, old.account, directory, written, tuple(sorted(set(stayed) - set(written))))


def understand(
    old: Old, source: Source, stage: Staging, directory: str | None, *, without_weights: bool = False
) -> tuple[Expert, list[Kept]]:
    """The expert that an old manifest describes, with every leaf of the manifest accounted for."""
    identity = identify(old, directory)
    routing = route(old, identity.name)
    learning, taken = learn(old)
    sealed = seals(old)
    decoding = ask(old, source, stage)
    kept = []
    for base in learning.bases:
        if base.name in taken and learning.kind is not None:
            adapter = taken[base.name]
            weights = keep_weights(
                source, stage, base.name, adapter, learning.kind, base.adapter, sealed, without=without_weights
            )
            kept += [weights] if weights is not None else []
    settle_seals(old, sealed, stage.digests)
    doubt_claims(old)
    leave_prompts(old)
    data = learn_from(old, identity.capabilities)
    settle_the_rest(old.account)
    _note_files(old.account, source)
    return Expert(identity, routing, learning, decoding, data, old.schema), kept


def _named(output: Path | None) -> str | None:
    """The expert's name, where the directory gives it."""
    if output is None:
        return None
    name = output.absolute().name
    if not NAME.fullmatch(name):
        what = f"{name!r} is no name for an expert directory: lower-case letters, digits and dashes."
        raise OutputMistake(what, where="--output", hint="For example: --output experts/expert-sql")
    return name


def _expect_room(directory: Path, *, replace: bool) -> list[str]:
    """The files that lie in the directory already; without leave to replace there must be none."""
    if directory.is_symlink() or (directory.exists() and not directory.is_dir()):
        raise OutputMistake("this is a link or a file, not a folder.", where=str(directory))
    if not directory.is_dir():
        return []
    there = sorted(directory.rglob("*"))
    if there and not replace:
        hint = "--replace writes over what a migration writes; --output names another place."
        raise OutputMistake("there is something in this folder already.", where=str(directory), hint=hint)
    for path in there:
        if path.is_symlink():
            raise OutputMistake("this is a link; nothing is written through it.", where=str(path))
    return [path.relative_to(directory).as_posix() for path in there if path.is_file()]


def _write(directory: Path, made: dict[str, str], moved: dict[str, Path]) -> None:
    """Every file whole or not at all; the page that tells of the migration comes last."""
    try:
        for name, staged in moved.items():
            with _whole(directory / name) as partial:
                shutil.copyfile(staged, partial)
        for name, text in made.items():
            with _whole(directory / name) as partial:
                partial.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise OutputMistake(f"this can not be written: {error.strerror}.", where=str(directory)) from None


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A place beside the file, which becomes the file when everything went well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _note_files(account: Account, source: Source) -> None:
    """Files of the package that nobody asked for."""
    spoken_for = {note.name for note in account.files}
    for name in source.sizes:
        if name in spoken_for:
            continue
        why = "the manifest does not name it as something that is taken over"
        if name.endswith("adapter_config.json"):
            why = "never read; where weights are kept, it is written anew from the manifest"
        account.files.append(FileNote(name, Outcome.DROPPED, why=why))
