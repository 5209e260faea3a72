"""The store of installed packages: content-addressed, read-only, safe to kill at any moment.

    packages/DIGEST/...                    the members of one package, one file each
    records/PUBLISHER/NAME/VERSION.json    what is installed: writing this file is the one moment that installs
    staging/                               what is being written; whatever lies there when nobody writes is rubbish
    lock                                   held by the one process that writes

A version is verified once, when it is installed; loading it later is cheap (`Installed.open`). Reading takes no lock.
How a package gets in is told in `install`, how all of it is proved again in `audit`.
"""

import builtins
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from runtime.home import data_home
from runtime.registry.disk import only_writer, remove_folder
from runtime.registry.installed import Installed
from runtime.registry.record import Record, folder_in, read_record
from runtime.registry.reference import Reference, parse_reference, precedence, standing_order
from runtime.registry.refusals import Ambiguous, NotInstalled, StoreBroken
from runtime.registry.trust import Trust, load_trust
from runtime.registry.verdict import standing


class Store:
    """The installed packages of one user, or those below `root`."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or data_home() / "store"
        self.packages = self.root / "packages"
        self.records = self.root / "records"
        self.staging = self.root / "staging"

    def install(
        self, path: Path, *, allow_unsigned: bool = False, trust_first_use: bool = False, replace: bool = False
    ) -> Installed:
        """Verify a package (a file, or a folder it was unpacked to) and keep it.

        A package that is installed already costs a look at its statement. `allow_unsigned` lets in what nobody signed,
        and is remembered; `trust_first_use` pins the keys of a publisher nobody knew, for a file named by hand only;
        `replace` allows other bytes under an installed version.
        """
        from runtime.registry.install import install

        return install(self, path, allow_unsigned, trust_first_use, replace)

    def find(self, reference: str) -> Installed:
        """The version that is meant by NAME, PUBLISHER/NAME, PUBLISHER/NAME@VERSION or the beginning of an id.

        Without a version it is the highest one; a prerelease only if there is nothing else.
        """
        wanted = parse_reference(reference)
        trust = load_trust()
        if wanted.publisher and wanted.name and wanted.version:
            with suppress(FileNotFoundError):
                return self.installed(read_record(self.record_path(wanted)), trust)
            raise self._not_installed(reference, wanted)
        found = [record for record in self.all_records() if _matches(record, wanted)]
        if not found and wanted.digits:
            found = [record for record in self.all_records() if record.id.startswith(wanted.digits)]
        if not found:
            raise self._not_installed(reference, wanted)
        if len(names := sorted({record.full_name for record in found})) > 1:
            raise Ambiguous(f"{reference} may be {' or '.join(names)}.", hint="Write PUBLISHER/NAME.")
        return self.installed(max(found, key=lambda record: standing_order(record.version)), trust)

    def uninstall(self, reference: str, *, force: bool = False) -> Installed:
        """Remove one version. With `force` also what something else that is installed requires."""
        return self.uninstall_all([reference], force=force)[0]

    def uninstall_all(self, references: Sequence[str], *, force: bool = False) -> "builtins.list[Installed]":
        """Remove these together, or none of them."""
        from runtime.registry.publishing import reference_of, remove
        from runtime.registry.wholeness import check_whole

        with self.writing():
            going = {reference_of(found.record): found for found in map(self.find, references)}
            if not force:
                check_whole(self, (), going, hint="Remove that too, or insist with --force.")
            for each in going:
                remove(self, each)
        return [*going.values()]

    def current(self) -> dict[str, Installed]:
        """The one version of each expert that its bare name means: the newest release."""
        newest: dict[str, Installed] = {}
        for installed in sorted(self.list(), key=lambda each: standing_order(each.version)):
            newest[installed.name] = installed
        return dict(sorted(newest.items()))

    def installed(self, record: Record, trust: Trust, *, fresh: bool = False) -> Installed:
        state = standing(record.publisher, record.trust.state, record.trust.keys, trust, record.trust.needed)
        return Installed(record, self.packages / record.folder, state, fresh)

    def record_path(self, wanted: Reference) -> Path:
        assert wanted.publisher and wanted.name and wanted.version
        return self.records / wanted.publisher / wanted.name / f"{wanted.version}.json"

    def all_records(self) -> Iterator[Record]:
        for publisher in _below(self.records):
            for name in _below(publisher):
                for path in _below(name):
                    if path.suffix == ".json":
                        with suppress(FileNotFoundError):  # removed since the listing
                            yield read_record(path)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Be the one process that writes, with what an earlier one left half done swept away."""
        try:
            for folder in (self.packages, self.records, self.staging):
                folder.mkdir(parents=True, exist_ok=True)
            with only_writer(self.root / "lock"):
                self.sweep()
                try:
                    yield
                except BaseException:
                    self.sweep()  # files may have their place already, and no record: on a full disk that room is needed
                    raise
                finally:
                    self._clear_staging()
        except OSError as error:
            reason = error.strerror or str(error)
            raise StoreBroken(f"The store can not be written: {reason}.", where=str(self.root)) from error

    def sweep(self) -> None:
        """Remove what no record stands for. Only for the one that writes."""
        self._clear_staging()
        try:
            wanted = {folder_in(path) for path in self.records.glob("*/*/*.json")}
        except (FileNotFoundError, StoreBroken):
            return  # a damaged record may stand for any of them: keep all
        for name in os.listdir(self.packages):
            if name not in wanted:
                remove_folder(self.packages / name)

    def _clear_staging(self) -> None:
        for rest in self.staging.iterdir():
            remove_folder(rest)

    def _not_installed(self, reference: str, wanted: Reference) -> NotInstalled:
        from difflib import get_close_matches

        known = {record.full_name: None for record in self.all_records()}
        names = {name: full for full in known for name in (full, full.split("/")[1])}
        close = get_close_matches(reference.partition("@")[0], names, n=1)
        if wanted.version and any(_matches(r, Reference(wanted.name, wanted.publisher)) for r in self.all_records()):
            hint = "Another version of it is: see expertbuild list"
        elif close:
            hint = f"Did you mean {names[close[0]]}?"
        else:
            hint = f"Installed: {', '.join(known)}." if known else "Nothing is."
        return NotInstalled(f"{reference} is not installed.", hint=hint)

    def list(self) -> list[Installed]:
        """Everything installed, by name and then by version."""
        trust = load_trust()
        ordered = sorted(self.all_records(), key=lambda r: (r.full_name, precedence(r.version)))
        return [self.installed(record, trust) for record in ordered]


def _below(folder: Path) -> list[Path]:
    """What lies in a folder. A writer may remove it at any moment: then nothing does."""
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:  # never "nothing": `sweep` would take what is installed for rubbish
        raise StoreBroken(f"The store can not be read: {error.strerror}.", where=str(folder)) from error


def _matches(record: Record, wanted: Reference) -> bool:
    return (
        wanted.name == record.name
        and wanted.publisher in (None, record.publisher)
        and wanted.version in (None, record.version)
    )
