"""The files of one commit, fetched with a git that can do nothing else.

Nothing is ever checked out, so there is no working tree whose hooks, filters, submodules or links could act: the
objects are fetched into an empty bare repository, listed, and plain files are read out one by one. Git sees an
environment and a configuration that are made here and nothing of the user's; one protocol is open, redirects are not
followed, and what it may write and how long it may take is bounded by the system. `ssh` keeps the user's own keys and
known hosts.
"""

import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from runtime.errors import Problem
from runtime.registry.refusals import RepositoryRefused, RepositoryTooLarge, RepositoryTooSlow

_PLAIN = re.compile(r"100(?:644|755|664) blob ([0-9a-f]{40,64}) +([0-9]+)\t(.+)", re.S)
_POINTER = b"version https://git-lfs.github.com/spec/"
_LISTING_CAP = 16 * 1024 * 1024
_SAID_CAP = 64 * 1024

# What the user's, the machine's or the repository's configuration could otherwise say.
_SETTINGS = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.askPass": "",
    "core.symlinks": "false",
    "core.bigFileThreshold": "1m",  # larger objects are streamed, not held and not used for deltas
    "credential.helper": "",
    "fetch.fsckObjects": "true",
    "fetch.unpackLimit": "1",  # one pack, one file: the limit on a file is the limit on the commit
    "fetch.recurseSubmodules": "false",
    "submodule.recurse": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "http.followRedirects": "false",
    "protocol.version": "2",
    "protocol.allow": "never",
}


@dataclass(frozen=True)
class Limits:
    """`bytes` for the commit as it is fetched and for all that is read out of it, `seconds` for all of it together."""

    bytes: int = 2 * 1024**3
    memory: int = 4 * 1024**3
    seconds: float = 600.0


@dataclass(frozen=True)
class Blob:
    """A plain file of a commit."""

    path: str
    size: int
    digest: str


class Commit:
    """One commit of a repository, in a folder that goes when this object goes."""

    def __init__(self, url: str, scheme: str, commit: str, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._deadline = time.monotonic() + self._limits.seconds
        self._scheme, self._where = scheme, f"{url}@{commit[:12]}"
        self._git = shutil.which("git")
        if self._git is None:
            raise Problem("Reading a repository needs git, which is not installed.", where=self._where)
        self._held = tempfile.TemporaryDirectory(prefix="expertbuild-")
        self.folder = Path(self._held.name)
        self._read = 0
        form = "sha256" if len(commit) == 64 else "sha1"
        self._run("init", "--quiet", "--bare", "--template=", f"--object-format={form}", "objects.git", at=None)
        self._run(
            "fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head",
            "--no-auto-maintenance", "--", url, commit,
        )  # fmt: skip
        if (kind := self._run("cat-file", "-t", commit).read_text("ascii", "replace").strip()) != "commit":
            raise RepositoryRefused(f"What has this id is a {kind[:20]}, not a commit.", where=self._where)
        self._commit = commit

    def blobs(self) -> Iterator[Blob]:
        """Its plain files. Links, submodules and names that are not UTF-8 are passed over."""
        listing = self._run("ls-tree", "-r", "-z", "-l", "--full-tree", self._commit, most=_LISTING_CAP).read_bytes()
        for line in listing.split(b"\0"):
            with suppress(UnicodeDecodeError):
                if found := _PLAIN.fullmatch(line.decode("utf-8")):
                    yield Blob(found[3], int(found[2]), found[1])

    def read(self, blob: Blob, target: Path) -> None:
        """Write a file of the commit to `target`, byte for byte: no filter and no conversion sees it."""
        self._read += blob.size
        if self._read > self._limits.bytes:
            raise RepositoryTooLarge(
                f"What is read of it has more than {self._limits.bytes:,} bytes.",
                where=self._where,
                hint="Name one of them: ...@COMMIT#PATH",
            )
        content = self._run("cat-file", "blob", blob.digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(content, target)

    def _run(self, *words: str, at: str | None = "objects.git", most: int | None = None) -> Path:
        """Run git and return the file with what it printed."""
        assert self._git is not None
        out, err = self.folder / "printed", self.folder / "said"
        settings = [w for k, v in {**_SETTINGS, f"protocol.{self._scheme}.allow": "always"}.items() for w in ("-c", f"{k}={v}")]  # fmt: skip
        place = [f"--git-dir={at}"] if at else []
        most = most or self._limits.bytes

        def confined() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
            resource.setrlimit(resource.RLIMIT_AS, (self._limits.memory, self._limits.memory))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

        with open(out, "wb") as printed, open(err, "wb") as said:
            running = subprocess.Popen(
                [self._git, *settings, *place, *words],
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=said,
                cwd=self.folder,
                env=self._environment(),
                start_new_session=True,
                preexec_fn=confined,
            )
            try:
                code = running.wait(max(0.0, self._deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                seconds = f"{self._limits.seconds:g}"
                raise RepositoryTooSlow(f"The repository takes more than {seconds} s.", where=self._where) from None
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(running.pid, signal.SIGKILL)  # its children too, if any is left
                running.wait()
        if code:
            raise self._failed(code, most, err.read_bytes()[-_SAID_CAP:].decode("utf-8", "replace"))
        return out

    def _failed(self, code: int, most: int, said: str) -> Problem:
        full = any(path.stat().st_size >= most for path in self.folder.rglob("*") if path.is_file())
        if full or code == -signal.SIGXFSZ or "File too large" in said:
            return RepositoryTooLarge(f"The commit has more than {most:,} bytes.", where=self._where)
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        told = next((line for line in lines if line.startswith(("fatal:", "error:"))), lines[-1] if lines else f"exit code {code}")  # fmt: skip
        return RepositoryRefused(f"git can not fetch it: {told[:300]}.", where=self._where)

    def _environment(self) -> dict[str, str]:
        """All that git gets to know."""
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.folder),
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_SYSTEM": "/dev/null",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_ALLOW_PROTOCOL": self._scheme,
            "GIT_PROTOCOL_FROM_USER": "0",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_LFS_SKIP_SMUDGE": "1",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_CEILING_DIRECTORIES": str(self.folder),
        }
        if self._scheme == "ssh":
            environment["GIT_SSH_COMMAND"] = "ssh -oBatchMode=yes -oStrictHostKeyChecking=yes"
            environment["GIT_SSH_VARIANT"] = "ssh"
            if agent := os.environ.get("SSH_AUTH_SOCK"):
                environment["SSH_AUTH_SOCK"] = agent
        return environment


def is_pointer(path: Path) -> bool:
    """Whether a file that was read is only a pointer to where its content lies."""
    with open(path, "rb") as file:
        return file.read(len(_POINTER)) == _POINTER
