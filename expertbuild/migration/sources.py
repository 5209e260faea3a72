"""What is migrated: a manifest alone, a folder with its files, or a tar.gz; each gives the manifest's bytes and files by name.

A manifest alone stays alone: files beside it are not looked at, whatever it says. In a folder, links are not followed
and nothing outside of it is read.
"""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from expertbuild.migration.archive import CHUNK, LARGEST_MEMBER, is_archive, members
from expertbuild.migration.refusals import FileChanged, NoManifest
from runtime.artifact.layout import MOST_MEMBERS
from runtime.artifact.refusals import BeyondCap, ForbiddenMember, NotAPlainFile, Refused
from runtime.errors import Mistake

MANIFEST = "manifest.json"
MANIFEST_CAP = 4 * 1024 * 1024
_PICKLES = frozenset({"pt", "pth", "bin", "ckpt", "pkl", "pickle", "joblib", "npy", "npz", "dill", "h5"})

Copy = Callable[[str, Path], None]


@dataclass(frozen=True)
class Source:
    """An old package: its manifest, and its other files by the names that the manifest uses for them."""

    kind: str  # "manifest", "folder", "archive"
    manifest: bytes
    sizes: Mapping[str, int] = field(default_factory=dict)
    copy: Copy = lambda name, target: None  # write one of the files to a place of ours

    def digest(self, name: str, target: Path) -> str:
        """Copy a file; the SHA-256 of what arrived."""
        self.copy(name, target)
        with open(target, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def open_source(path: Path) -> Source:
    """Look at what was named by hand. Everything that can be refused without reading payloads is refused here."""
    try:
        if path.is_dir():
            return _folder(path)
        if not stat.S_ISREG(path.stat().st_mode):
            raise Mistake("That is neither a file nor a folder.", where=str(path))
        return _archive(path) if is_archive(path) else Source("manifest", _read(path, path.name))
    except OSError as error:
        raise Mistake(f"This can not be read: {error.strerror}.", where=str(path)) from None
    except Refused as error:
        error.where = error.where or str(path)
        raise


def is_pickle(name: str) -> bool:
    return name.rsplit(".", 1)[-1].lower() in _PICKLES


def refuse_pickles(source: Source) -> None:
    """A pickle runs code when it is read, so it is not even copied."""
    for name in source.sizes:
        if is_pickle(name):
            raise ForbiddenMember(
                f"{name} is of a kind that can carry code; it is never read.",
                hint="Save the tensors as safetensors, or migrate the rest with --without-weights.",
            )


def _archive(path: Path) -> Source:
    found: dict[str, int] = {}
    manifests: dict[str, bytes] = {}
    with open(path, "rb") as file:
        for member in members(file):
            found[member.name] = member.size
            if _may_be_the_manifest(member.name):
                _check_manifest_size(member.name, member.size)
                manifests[member.name] = b"".join(member.chunks)
    folder = _folder_of(_the_manifest(manifests))

    def copy(name: str, target: Path) -> None:
        with open(path, "rb") as file:
            for member in members(file):
                if member.name == folder + name:
                    if member.size != found[member.name]:
                        break
                    _write(member.chunks, target)
                    return
        raise FileChanged(f"The archive changed while it was read: {name} is another.", where=str(path))

    return Source("archive", manifests[folder + MANIFEST], _inside(found, folder), copy)


def _folder(path: Path) -> Source:
    found = dict(_listed(path))
    candidates = [name for name in found if _may_be_the_manifest(name)]
    manifest = _the_manifest(candidates)
    _check_manifest_size(manifest, found[manifest])
    folder = _folder_of(manifest)

    def copy(name: str, target: Path) -> None:
        with _opened(path / folder / name) as file:
            _write(_pieces(file), target)

    return Source("folder", _read(path / manifest, manifest), _inside(found, folder), copy)


def _listed(top: Path) -> Iterator[tuple[str, int]]:
    count = 0
    for root, folders, files in os.walk(top):
        for name in sorted([*folders, *files]):
            path = Path(root, name)
            state = path.lstat()
            inside = path.relative_to(top).as_posix()
            if stat.S_ISREG(state.st_mode):
                count += 1
                if count > MOST_MEMBERS:
                    raise BeyondCap(f"The folder has more than {MOST_MEMBERS:,} files.")
                yield inside, state.st_size
            elif not stat.S_ISDIR(state.st_mode):
                raise NotAPlainFile(f"{inside} is a link or a device, not a plain file.")


def _may_be_the_manifest(name: str) -> bool:
    """At the top, or in the one folder that everything lies in."""
    return PurePosixPath(name).name == MANIFEST and name.count("/") <= 1


def _the_manifest(candidates: list[str] | dict[str, bytes]) -> str:
    if MANIFEST in candidates:
        return MANIFEST
    if len(candidates) == 1:
        return next(iter(candidates))
    if not candidates:
        raise NoManifest(f"There is no {MANIFEST} in it.")
    raise NoManifest(f"There are {len(candidates)} manifests in it: {', '.join(sorted(candidates))[:200]}.")


def _folder_of(manifest: str) -> str:
    return manifest.removesuffix(MANIFEST)


def _inside(found: Mapping[str, int], folder: str) -> dict[str, int]:
    """Files by their names relative to the manifest; what lies beside its folder keeps its whole name."""
    named = {name.removeprefix(folder): size for name, size in sorted(found.items())}
    del named[MANIFEST]
    return named


def _check_manifest_size(name: str, size: int) -> None:
    if size > MANIFEST_CAP:
        raise BeyondCap(f"{name} has {size:,} bytes; at most {MANIFEST_CAP:,} are read.")


def _read(path: Path, name: str) -> bytes:
    with _opened(path) as file:
        _check_manifest_size(name, os.fstat(file.fileno()).st_size)
        data = file.read(MANIFEST_CAP + 1)
    _check_manifest_size(name, len(data))
    return data


def _opened(path: Path) -> BinaryIO:
    """A plain file, and no link in its place."""
    try:
        return open(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb")
    except OSError as error:
        raise Mistake(f"This can not be read: {error.strerror}.", where=str(path)) from None


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    count = 0
    while piece := file.read(CHUNK):
        count += len(piece)
        if count > LARGEST_MEMBER:
            raise BeyondCap(f"A file of the folder has more than {LARGEST_MEMBER:,} bytes.")
        yield piece


def _write(chunks: Iterator[bytes], target: Path) -> None:
    with open(target, "xb") as out:
        for piece in chunks:
            out.write(piece)
