"""An index as a source: what its documents offer, and its packages, held to what was offered.

That the documents are those of the index, of today and of one piece, is the business of `lists`. Here they are
searched, namespaces that are pinned elsewhere are left out, and a package that arrives is compared with its offer.
"""

import json
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.artifact.package import glimpse
from runtime.registry.candidate import Candidate
from runtime.registry.index import documents
from runtime.registry.index.documents import Found, Offer
from runtime.registry.index.settings import Index
from runtime.registry.refusals import NotAsOffered
from runtime.registry.sources.lists import Lists, State
from runtime.registry.trust import OWN

if TYPE_CHECKING:
    from runtime.registry.sources.fetcher import Patience

# A search is answered from what is kept if that was looked at within these seconds; an install always looks.
FRESH = 900


class IndexSource:
    """One configured index. `elsewhere`: namespaces that are pinned to another one, for which this one is not asked."""

    def __init__(
        self, index: Index, elsewhere: frozenset[str] = frozenset(), patience: "Patience | None" = None
    ) -> None:
        self._lists = Lists(index, patience)
        self._elsewhere = elsewhere | {OWN}  # each machine's own: nobody else can offer it

    @property
    def title(self) -> str:
        return self._lists.title

    @property
    def note(self) -> str:
        """What a person should know about the answers, such as that they are kept ones."""
        return self._lists.note

    def refresh(self) -> State:
        return self._lists.refresh()

    def state(self) -> State | None:
        return self._lists.state()

    def candidates(self, publisher: str, name: str) -> Iterable[Candidate]:
        """Every version it has of this expert, yanked ones too."""
        if publisher in self._elsewhere:
            return []
        with self._lists.blamed():
            data = self._lists.document(documents.entry_path(publisher, name), documents.ENTRY_CAP)
            offers = documents.read_entry(data, publisher, name) if data is not None else {}
        return [self._candidate(publisher, name, version, offer) for version, offer in offers.items()]

    def publishers(self, name: str) -> Iterable[str]:
        """Who publishes an expert of this bare name here."""
        self.refresh()
        return sorted({one.publisher for one in self._found() if one.name == name})

    def search(self, words: str) -> Iterable[Candidate]:
        """The version one would install of each expert that fits all the words, the best match first."""
        state = self.state()
        if state is None or not state.at <= time.time() < min(state.at + FRESH, state.until):
            self.refresh()
        wanted = words.casefold().split()
        ranked = [(rank, one) for one in self._found() if (rank := _rank(one, wanted)) and not one.offer.yanked]
        ranked.sort(key=lambda pair: (-pair[0], pair[1].name, pair[1].publisher))
        return [self._candidate(one.publisher, one.name, one.version, one.offer) for _, one in ranked]

    def _found(self) -> list[Found]:
        experts = documents.found_in(json.loads(self._lists.search_document()))
        return [one for one in experts if one.publisher not in self._elsewhere]

    def _candidate(self, publisher: str, name: str, version: str, offer: Offer) -> Candidate:
        return Candidate(
            publisher=publisher,
            name=name,
            version=version,
            id=offer.id,
            source=self.title,
            requires=offer.requires,
            conflicts=offer.conflicts,
            variants=offer.variants,
            summary=offer.summary,
            size=offer.size,
            yanked=offer.yanked,
            fetch=partial(self._fetch, publisher, name, version, offer),
        )

    def _fetch(self, publisher: str, name: str, version: str, offer: Offer, folder: Path) -> Path:
        """Write a package into a folder, proved by the lists and by the id that was offered."""
        place = folder / f"{name}-{version}.expert"
        with self._lists.blamed():
            if not self._lists.fetch(documents.package_path(publisher, name, version), offer.size, place):
                raise NotAsOffered(f"The index offers {publisher}/{name} {version} and does not have it.")
            seen = glimpse(place)
            if (seen.publisher, seen.name, seen.version, seen.id) != (publisher, name, version, offer.id):
                place.unlink()
                raise NotAsOffered(
                    f"The index offers {publisher}/{name} {version} and sends {seen.publisher}/{seen.name}"
                    f" {seen.version} (id {seen.id[:12]}, offered was {offer.id[:12]})."
                )
        return place


def _rank(one: Found, wanted: list[str]) -> int:
    """How well an expert fits: 0 if one of the words is nowhere in it."""
    name, keywords = one.name, [keyword.casefold() for keyword in one.offer.keywords]
    full, summary = f"{one.publisher}/{name}", one.offer.summary.casefold()
    total = 1
    for word in wanted:
        if word in (name, full, name.removeprefix("expert-")):
            total += 8
        elif word in full:
            total += 4
        elif word in keywords:
            total += 3
        elif word in summary or any(word in keyword for keyword in keywords):
            total += 1
        else:
            return 0
    return total
