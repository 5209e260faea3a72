"""What can be said about a prompt without a model: keywords, excluded keywords, code fences, formats.

A rule adds evidence to an expert's score, in the same deviations as its head. Words that everybody uses are no
evidence: a keyword counts only while all keywords of its expert together occur in at most one background prompt in
fifty, so an expert that calls `the` its keyword gains nothing. Rules of a thousand experts cost what one expert's cost:
the prompt's words are looked up, never the rules tried in turn.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from runtime.router import background
from runtime.router.text import ends, folded, words

HEAD, TAIL = 2000, 500  # characters of a prompt in which rules look
LONGEST_KEYWORD = 4  # words
_MAY_OCCUR_IN = 0.02

KEYWORD, FENCE, FORMAT = 4.0, 4.0, 1.0
_FURTHER, _MOST = 0.5, 5.0

# Shapes of text that say something about the task, each cheap to see.
FORMATS = {
    "cypher": re.compile(r"\bmatch\s*\(\s*\w*\s*:|\)\s*-\s*\[[^\]]{0,80}\]\s*-"),
    "json": re.compile(r"[{\[]\s*\"[^\"\n]{1,80}\"\s*[:,\]]"),
    "table-definitions": re.compile(r"\bcreate\s+table\b"),
    "xml": re.compile(r"<(\w{1,40})[^<>]{0,200}>[^<]{0,400}</\1>"),
}
_FENCE = re.compile(r"^ {0,3}(?:```|~~~)\s*([\w+#.-]{1,20})", re.MULTILINE)

Words = tuple[str, ...]


@dataclass(frozen=True)
class Rules:
    """The rules of one expert, as its profile states them."""

    keywords: tuple[str, ...] = ()
    exclude_keywords: tuple[str, ...] = ()
    fences: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()


@dataclass(frozen=True)
class Hit:
    """A rule that a prompt met: of which expert, of what kind, and what it saw."""

    expert: int
    kind: str  # "keyword", "exclude", "fence", "format"
    what: str


@dataclass(frozen=True)
class Seen:
    """What of a prompt the rules look at."""

    phrases: frozenset[Words]
    fences: frozenset[str]
    formats: frozenset[str]


def see(prompt: str) -> Seen:
    text = folded(ends(prompt, HEAD, TAIL))
    return Seen(
        frozenset(_phrases(words(text))),
        frozenset(_FENCE.findall(text)),
        frozenset(name for name, shape in FORMATS.items() if shape.search(text)),
    )


def phrase(keyword: str) -> Words:
    """A keyword as the words that must stand together; empty when it has none or too many."""
    found = tuple(words(folded(keyword)))
    return found if len(found) <= LONGEST_KEYWORD else ()


def distinctive(keywords: Iterable[str]) -> tuple[list[str], list[str]]:
    """The keywords that may count, rarest first, and those that are too common for it."""
    met_by = _background_phrases()
    allowed = int(_MAY_OCCUR_IN * len(background.prompts()))
    kept: list[str] = []
    common: list[str] = []
    together: set[int] = set()
    for keyword in sorted(set(keywords), key=lambda each: (len(met_by[phrase(each)]), each)):
        union = together | met_by[phrase(keyword)]
        if not phrase(keyword) or len(union) > allowed:
            common.append(keyword)
        else:
            kept.append(keyword)
            together = union
    return kept, common


class RuleBook:
    """The rules of all installed experts, looked up by what a prompt contains."""

    def __init__(self) -> None:
        self._by_key: dict[tuple[str, Words | str], list[Hit]] = defaultdict(list)

    def add(self, expert: int, rules: Rules) -> list[str]:
        """Enter an expert's rules; the keywords that do not count are given back."""
        kept, common = distinctive(rules.keywords)
        for kind, entries in (("keyword", kept), ("exclude", rules.exclude_keywords)):
            for entry in entries:
                if phrase(entry):
                    self._by_key["phrase", phrase(entry)].append(Hit(expert, kind, entry))
        for fence in rules.fences:
            self._by_key["fence", fence.lower()].append(Hit(expert, "fence", fence))
        for name in rules.formats:
            self._by_key["format", name].append(Hit(expert, "format", name))
        return common

    def remove(self, expert: int) -> None:
        for key in list(self._by_key):
            left = [hit for hit in self._by_key[key] if hit.expert != expert]
            if left:
                self._by_key[key] = left
            else:
                del self._by_key[key]

    def hits(self, seen: Seen) -> list[Hit]:
        """Every rule that this prompt meets, in an order that only the prompt decides."""
        keys: list[tuple[str, Words | str]] = [("phrase", each) for each in sorted(seen.phrases)]
        keys += [("fence", each) for each in sorted(seen.fences)]
        keys += [("format", each) for each in sorted(seen.formats)]
        return [hit for key in keys if key in self._by_key for hit in self._by_key[key]]


def evidence(hits: Sequence[Hit]) -> float:
    """What one expert's hits add to its score: the strongest in full, the others a little."""
    worth = {"keyword": KEYWORD, "fence": FENCE, "format": FORMAT}
    found = sorted((worth[hit.kind] for hit in hits if hit.kind in worth), reverse=True)
    if not found:
        return 0.0
    return min(found[0] + _FURTHER * (len(found) - 1), _MOST)


def name_it(rules: Rules, prompts: Sequence[str]) -> list[bool]:
    """For each prompt, whether it names the expert's field: one of its keywords that count, or its fences."""
    phrases = {phrase(keyword) for keyword in distinctive(rules.keywords)[0]}
    fences = {fence.lower() for fence in rules.fences}
    seen = map(_see_again, prompts)
    return [not (phrases.isdisjoint(each.phrases) and fences.isdisjoint(each.fences)) for each in seen]


@lru_cache(maxsize=2048)  # the background is looked at for every expert
def _see_again(prompt: str) -> Seen:
    return see(prompt)


def common_formats(prompts: Sequence[str], share: float) -> list[str]:
    """The formats that at least this share of an expert's own prompts have."""
    counts = Counter(name for prompt in prompts for name in see(prompt).formats)
    return sorted(name for name, n in counts.items() if n >= share * len(prompts))


def _phrases(found: Sequence[str]) -> Iterator[Words]:
    for length in range(1, LONGEST_KEYWORD + 1):
        for start in range(len(found) - length + 1):
            yield tuple(found[start : start + length])


@lru_cache
def _background_phrases() -> defaultdict[Words, set[int]]:
    """For each phrase of the background, the prompts that have it."""
    met_by: defaultdict[Words, set[int]] = defaultdict(set)
    for number, prompt in enumerate(background.prompts()):
        for each in _see_again(prompt).phrases:
            met_by[each].add(number)
    return met_by
