"""Decides which expert answers a prompt, and can say why.

Rules and hashed heads speak first: for a thousand experts that is one lookup and one matrix product. Where they leave
doubt and the router was made with sentence embeddings, the second heads are asked too. An expert answers when its
score reaches its threshold; if none does, nobody is forced to: the base answers.
Who may be installed, and which conversation a prompt belongs to, is not decided here.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from threading import Lock

import numpy as np

from runtime.router import background, calibration, features
from runtime.router.encoders import CHOICES, ENCODERS, HASHED
from runtime.router.errors import EncoderMissing, ProfileRefused
from runtime.router.features import Floats
from runtime.router.profile import Profile
from runtime.router.rows import Rows
from runtime.router.rules import Hit, RuleBook, evidence, name_it, see

SHOWN = 10  # experts whose score a decision names
# A head that never saw prompts like this one may be far below zero; a keyword must still be able to speak.
_FLOOR = -0.5
_DOUBT = 1.0  # deviations from the threshold, or between the first two, within which a second opinion is asked for


@dataclass(frozen=True)
class Decision:
    """Who answers: an expert, or None for the base. `scores` names the likeliest experts, most likely first."""

    expert: str | None
    probability: float
    scores: Mapping[str, float] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()

    def __str__(self) -> str:
        chosen = self.expert or "no expert (the base answers)"
        return "\n".join([chosen, *(f"  {reason}" for reason in self.reasons)])


class Router:
    """The installed experts' rules and heads. May be used and changed from several threads."""

    def __init__(self, profiles: Iterable[Profile] = (), *, encoder: str = "hashed", threshold: float = 0.5) -> None:
        """`threshold`: how sure the router must be (one half: an expert's own threshold counts as it is)."""
        if encoder not in CHOICES:
            raise ProfileRefused(f"{encoder!r} is no encoder.", hint=f"It can be {' or '.join(CHOICES)}.")
        for name in CHOICES[encoder]:
            if missing := ENCODERS[name].missing():
                raise EncoderMissing("Sentence embeddings need packages that are not installed.", hint=missing)
        self._lock = Lock()
        self._rules = RuleBook()
        self._names: list[str] = []  # of every column ever appended
        self._places: dict[str, int] = {}  # of the experts that are there now
        self._rows = {name: Rows(name) for name in CHOICES[encoder]}
        self._priorities: list[float] = []
        self._more = calibration.margin_for(threshold)
        self.notes: dict[str, tuple[str, ...]] = {}
        for profile in profiles:
            self.add(profile)

    @property
    def experts(self) -> list[str]:
        return list(self._places)

    def add(self, profile: Profile) -> tuple[str, ...]:
        """Append an expert. What of its profile does not count is said in the notes that come back."""
        with self._lock:
            if profile.name in self._places:
                raise ProfileRefused(f"An expert {profile.name} is already there.")
            number = len(self._names)
            common = self._rules.add(number, profile.rules)
            notes = [f"keyword {word!r} is ignored: too many prompts of any kind have it" for word in common]
            others = ~np.array(name_it(profile.rules, background.court()))
            for rows in self._rows.values():
                asked = profile.thresholds.get(rows.encoder, calibration.FURTHEST)
                bound = rows.append(profile.heads.get(rows.encoder), asked, others)
                if bound > asked + 1e-3:
                    notes.append(f"its threshold is raised from {asked:.1f} to {bound:.1f}: it took general prompts")
            self._places[profile.name] = number
            self._names.append(profile.name)
            self._priorities.append(profile.priority)
            self.notes[profile.name] = tuple(notes)
            return self.notes[profile.name]

    def remove(self, name: str) -> None:
        """Forget an expert; the others keep their places."""
        with self._lock:
            if name not in self._places:
                raise ProfileRefused(f"There is no expert {name} to remove.")
            number = self._places.pop(name)
            self._rules.remove(number)
            self.notes.pop(name, None)
            for rows in self._rows.values():
                rows.silence(number)

    def decide(self, prompt: str) -> Decision:
        """The expert for this prompt, or none."""
        with self._lock:
            if not self._places:
                return Decision(None, 1.0, {}, ("no experts are installed",))
            hits: dict[int, list[Hit]] = defaultdict(list)
            for hit in self._rules.hits(see(prompt)):
                hits[hit.expert].append(hit)
            out = [n for n, found in hits.items() if any(hit.kind == "exclude" for hit in found)]
            extra = np.zeros(len(self._names), np.float32)
            for number, found in hits.items():
                extra[number] = evidence(found)
            scores = self._rows[HASHED].scores(features.hashed(prompt))
            margins = self._margins(HASHED, scores, extra, out)
            asked_twice = len(self._rows) > 1 and _doubtful(margins)
            if asked_twice:
                margins = self._second_opinion(prompt, margins, extra, out)
            return self._decision(margins, scores, extra, hits, asked_twice)

    def _margins(self, encoder: str, scores: Floats, extra: Floats, out: list[int]) -> Floats:
        rows = self._rows[encoder]
        margins = np.maximum(scores, _FLOOR) + extra - rows.thresholds - self._more
        margins[out] = -np.inf
        margins[rows.silent] = -np.inf
        result: Floats = margins.astype(np.float32)
        return result

    def _second_opinion(self, prompt: str, margins: Floats, extra: Floats, out: list[int]) -> Floats:
        """Experts that have both heads are judged by the mean of the two."""
        result = margins.copy()
        for name, rows in self._rows.items():
            if name == HASHED:
                continue
            second = self._margins(name, rows.scores_of(ENCODERS[name].rows([prompt])[0]), extra, out)
            both = rows.present & np.isfinite(margins)
            result[both] = (margins[both] + second[both]) / 2
        return result

    def _decision(
        self, margins: Floats, scores: Floats, extra: Floats, hits: Mapping[int, list[Hit]], asked_twice: bool
    ) -> Decision:
        order = sorted(
            np.argsort(-margins, kind="stable")[: SHOWN * 2].tolist(),
            key=lambda n: (-round(float(margins[n]), 3), -self._priorities[n], self._names[n]),
        )
        order = [n for n in order if np.isfinite(margins[n])][:SHOWN]
        chances = calibration.probability(margins)
        shown = {self._names[n]: round(float(chances[n]), 4) for n in order}
        excluded = tuple(
            f"{self._names[n]} is out: the prompt has its excluded keyword {hit.what!r}"
            for n, found in hits.items()
            for hit in found[:SHOWN]
            if hit.kind == "exclude"
        )[:SHOWN]
        if not order:
            return Decision(None, 1.0, shown, excluded)
        best = order[0]
        second = ("sentence embeddings were asked as well",) if asked_twice else ()
        why = self._why(best, float(margins[best]), scores, extra, hits.get(best, []))
        if margins[best] < 0:
            why = ("no expert reached its threshold; the nearest:", *why)
            return Decision(None, round(1 - float(chances[best]), 4), shown, (*why, *second, *excluded))
        return Decision(self._names[best], round(float(chances[best]), 4), shown, (*why, *second, *excluded))

    def _why(self, n: int, margin: float, scores: Floats, extra: Floats, hits: list[Hit]) -> tuple[str, ...]:
        rows = self._rows[HASHED]
        name = self._names[n]
        found = ", ".join(f"{hit.kind} {hit.what!r}" for hit in hits if hit.kind != "exclude")
        rules = (f"{name}: {found} (+{extra[n]:.1f})",) if found else ()
        head = (
            f"{name}: its head gives {scores[n]:.1f} (deviations above general prompts)"
            if rows.present[n]
            else f"{name}: has no head; its rules decide"
        )
        needed = float(rows.thresholds[n]) + self._more
        return (*rules, head, f"{name}: needs {needed:.1f}, has {margin + needed:.1f}")


def _doubtful(margins: Floats) -> bool:
    """Whether the best is near its threshold, or the next is near the best and would answer too."""
    best = np.sort(margins)[::-1][:2]
    close = len(best) > 1 and best[1] >= 0 and best[0] - best[1] < _DOUBT
    return bool(abs(best[0]) < _DOUBT or close)
