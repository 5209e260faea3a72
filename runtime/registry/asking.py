"""What people type, turned into wishes: names with ranges, package files, sources named by hand."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from runtime.artifact.shown import shown
from runtime.errors import Mistake
from runtime.registry import sources as known
from runtime.registry.admission import Delivery
from runtime.registry.candidate import Candidate, Source
from runtime.registry.install import recognise
from runtime.registry.installed import Installed
from runtime.registry.offers import Want, publisher_of
from runtime.registry.ranges import check_range
from runtime.registry.reference import parse_wanted, standing_order
from runtime.registry.refusals import Ambiguous, NotOffered
from runtime.registry.relations import as_candidate
from runtime.registry.sources.folder import offered
from runtime.registry.store import Store


@dataclass(frozen=True)
class Files:
    """Package files that were named. `there`: installed already, recognised without hashing. `beside`: versions that
    will not be what their bare name means, so that nobody's requirements are about them."""

    there: tuple[Installed, ...]
    beside: tuple[Path, ...]
    taking_part: dict[str, list[Path]]  # package id -> files
    candidates: tuple[Candidate, ...]

    @property
    def wants(self) -> list[Want]:
        return [Want(one.full_name, f"={one.version}", id=one.id) for one in self.candidates]


def is_path(word: str) -> bool:
    """Whether a word names a package file, or a folder one was unpacked to, and not an expert."""
    path = Path(word)
    if known.names_repository(word):
        return False
    return path.suffix == ".expert" or word[:1] in "./~" or path.is_file() or (path / "statement.json").is_file()


def named_sources(texts: Iterable[str]) -> list[Source]:
    """What `--from` named, and then the sources of this machine."""
    found = []
    for text in texts:
        source = known.at(text)
        if source is None:
            raise Mistake(
                f"{shown(text, 200)!r} is no source of packages.",
                hint="Name a folder of .expert files, or a repository: git+https://HOST/PATH@COMMIT",
            )
        found.append(source)
    return [*found, *known.configured()]


def read_addresses(words: Iterable[str]) -> tuple[list[Source], list[Want]]:
    """Repositories that were named instead of experts: the sources that they are, and a wish for all they have."""
    sources, wants = [], []
    for word in words:
        source = known.at(word)
        assert source is not None, "an address names a source or is refused"
        found = list(source.search(""))
        if not found:
            raise NotOffered(f"{source.title} has no packages.")
        sources.append(source)
        wants += [Want(one.full_name, f"={one.version}", id=one.id) for one in found]
    return sources, wants


def tell_notes(sources: Iterable[Source]) -> None:
    """What a person should know about the answers, such as that they are kept ones."""
    for source in sources:
        if note := getattr(source, "note", ""):
            print(shown(note), file=sys.stderr)


def read_names(words: Iterable[str], store: Store, sources: Sequence[Source]) -> list[Want]:
    """A wish for each NAME@RANGE. A name without range is met by whatever of it is installed."""
    installed = store.current()
    wants: dict[str, Want] = {}
    for word in words:
        publisher, name, wanted = parse_wanted(word)
        check_range(wanted)
        there = [] if "@" in word else publisher_of(name, installed, ())  # it has a meaning here: nobody is asked
        full = [f"{publisher}/{name}"] if publisher else there or publisher_of(name, installed, sources)
        if not full:
            asked = ", ".join(source.title for source in sources)
            hint = (
                f"Asked: {asked}." if asked else "There are no sources: name a folder of packages with --from FOLDER."
            )
            raise NotOffered(f"No source has an expert called {name}.", hint=hint)
        if len(full) > 1:
            raise Ambiguous(f"{name} may be {' or '.join(full)}.", hint="Write PUBLISHER/NAME.")
        if full[0] in wants:
            raise Mistake(f"{full[0]} is asked for twice.")
        wants[full[0]] = Want(full[0], wanted, keep="@" not in word)
    return list(wants.values())


def read_files(paths: Iterable[Path], store: Store, *, allow_unsigned: bool) -> Files:
    """Look at package files; nothing is believed yet."""
    there, beside, taking_part, candidates = [], [], dict[str, list[Path]](), dict[str, Candidate]()
    installed = store.current()
    for path in paths:
        if recognised := recognise(store, Delivery(path, allow_unsigned=allow_unsigned)):
            there.append(recognised)
            continue
        one = offered(path, f"file {path.name}")
        before = installed.get(one.full_name)
        if before and standing_order(one.version) < standing_order(before.version):
            beside.append(path)
            continue
        for other in candidates.values():
            if other.full_name == one.full_name and other.id != one.id:
                raise Mistake(f"Two different files are of {one.full_name}: {other.version} and {one.version}.")
        taking_part.setdefault(one.id, []).append(path)
        candidates[one.id] = one
    return Files(tuple(there), tuple(beside), taking_part, tuple(candidates.values()))


def met_already(wants: Iterable[Want], store: Store) -> list[Installed] | None:
    """What is installed, if it meets all of these wishes and has what it requires itself; no source is asked."""
    from runtime.registry.relations import faults_of

    installed = store.current()
    there = {name: as_candidate(each) for name, each in installed.items()}
    reached: set[str] = set()
    ahead = [want.name for want in wants if want.name in there and want.met_by(there[want.name])]
    if len(ahead) != len(list(wants)):
        return None
    asked = list(ahead)
    while ahead:
        name = ahead.pop()
        if name not in reached:
            reached.add(name)
            if any(faults_of(there[name], there)):
                return None
            ahead += there[name].requires
    return [installed[name] for name in asked]
