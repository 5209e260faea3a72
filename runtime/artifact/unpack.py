"""Taking a package apart: its members as files in a folder, each of them verified on the way.

All or nothing: the files appear together, in a folder that was not there or was empty. Nothing but members is written,
and names were checked when the package was opened. Whom the signatures belong to is not asked here.
"""

import os
import secrets
import shutil
from pathlib import Path

from runtime.artifact.container import sync_folder
from runtime.artifact.members import check_form
from runtime.artifact.package import Package
from runtime.errors import Mistake, Problem


def unpack(package: Package, folder: Path) -> None:
    """Write the members of an open package to `folder`."""
    folder = folder.absolute()
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise Mistake("There is something else than a folder.", where=str(folder))
    if folder.is_dir() and any(folder.iterdir()):
        raise Mistake("The folder is not empty.", where=str(folder), hint="Name one that is not there yet.")
    staged = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    try:
        staged.mkdir(parents=True)
        for name in package.members:
            _write(staged / name, package, name)
        os.replace(staged, folder)  # takes the place of an empty folder, and of nothing else
        sync_folder(folder.parent)
    except OSError as error:
        raise Problem(f"The package could not be unpacked: {error.strerror}.", where=str(folder)) from error
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _write(path: Path, package: Package, name: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "xb") as out:
        for piece in package.chunks(name):  # the last step compares the digest
            out.write(piece)
        out.flush()
        os.fsync(out.fileno())
    check_form(name, package.view(name))
