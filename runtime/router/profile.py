"""The profile of an expert: everything the router knows about it, made while it is packaged, read when it is installed.

Two files, `profile/profile.json` (rules, thresholds, and what was measured) and `profile/head.safetensors`. Made from
the expert's own prompts and the frozen background only. Numpy is enough, both to make one and to use it.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime.artifact.manifest import CAP as MANIFEST_CAP
from runtime.artifact.manifest import read_manifest
from runtime.artifact.refusals import Refused
from runtime.artifact.schema import check, expect_version
from runtime.artifact.strict_json import canonical, read
from runtime.router import background, calibration
from runtime.router.encoders import CHOICES, ENCODERS
from runtime.router.errors import ProfileNotMade, ProfileRefused
from runtime.router.heads import Head, read_heads, train_head, write_heads
from runtime.router.rules import Rules, common_formats, distinctive, name_it

FORMAT = "expert-profile/1"
PROFILE_FILE, HEAD_FILE = "profile.json", "head.safetensors"
FEWEST, MOST = 10, 600  # prompts a head is made of; beyond a few hundred nothing was gained
FALSE_REJECTION = 0.05
_FORMAT_SHARE = 0.25
_JSON_CAP, _HEAD_CAP = 256 * 1024, 4 * 1024 * 1024


@dataclass(frozen=True)
class Profile:
    """One expert as the router sees it. Without heads only its rules count."""

    name: str
    rules: Rules = field(default_factory=Rules)
    priority: float = 0.0
    heads: Mapping[str, Head] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)  # encoder -> deviations above the court

    @classmethod
    def load(cls, directory: Path | str, name: str) -> "Profile":
        """The profile of an installed package, by its directory; `name` is what the package is installed as.

        A package without a profile is routed by what its manifest says.
        """
        folder = Path(directory) / "profile"
        return cls.read(folder, name) if folder.exists() else cls._by_manifest(Path(directory) / "manifest.json", name)

    @classmethod
    def read(cls, folder: Path, name: str) -> "Profile":
        """The profile in the two files of a folder."""
        what = f"profile/{PROFILE_FILE} of {name}"
        try:
            document = read(_bytes(folder / PROFILE_FILE, what), what, cap=_JSON_CAP)
            expect_version(document, "format", FORMAT, what)
            check(document, "profile", what)
            heads = {}
            if document["heads"]:
                where = f"profile/{HEAD_FILE} of {name}"
                heads = read_heads(_bytes(folder / HEAD_FILE, where, _HEAD_CAP), where)
        except Refused as error:
            raise ProfileRefused(error.what, hint=error.hint) from error
        return cls(
            name,
            Rules(*(tuple(document[key]) for key in ("keywords", "exclude_keywords", "fences", "formats"))),
            document["priority"],
            {each: head for each, head in heads.items() if each in document["heads"]},
            {each: entry["threshold"] for each, entry in document["heads"].items()},
        )

    @classmethod
    def _by_manifest(cls, file: Path, name: str) -> "Profile":
        what = f"manifest.json of {name}"
        try:
            routing = read_manifest(_bytes(file, what, MANIFEST_CAP), what).routing
        except Refused as error:
            raise ProfileRefused(error.what, hint=error.hint) from error
        return cls(name, Rules(routing.keywords, routing.exclude_keywords), routing.priority)


def build_profile(
    prompts: Sequence[str], routing: Mapping[str, Any], settings: Mapping[str, Any], out: Path | str
) -> dict[str, Any]:
    """Make the two files in `out` from an expert's own prompts; the document that was written is returned.

    `routing`: what the expert states: `keywords`, `exclude_keywords`, `priority`, and `fences` (languages of code
    blocks). `settings`: `encoder` ("hashed", or "minilm" for a second head over sentence embeddings) and
    `false_rejection` (the share of its own prompts that an expert may turn away). The result depends on the set of
    prompts, not on their order.
    """
    keywords, fences = tuple(routing.get("keywords", ())), tuple(routing.get("fences", ()))
    encoder = settings.get("encoder", "hashed")
    if encoder not in CHOICES:
        raise ProfileNotMade(f"profile.encoder is {encoder!r}.", hint=f"It can be {' or '.join(CHOICES)}.")
    rate = float(settings.get("false_rejection", FALSE_REJECTION))
    if not 0 < rate < 1:
        raise ProfileNotMade(f"profile.false_rejection is {rate}; it is a share between 0 and 1.")
    own = _spread(prompts)
    if len(own) < FEWEST:
        raise ProfileNotMade(f"There are {len(own)} different prompts; a profile needs {FEWEST} or more.")
    # Part of the prompts is held out from training: what the threshold says is shown on prompts not seen.
    held_out, taught = own[::4], [prompt for number, prompt in enumerate(own) if number % 4]
    rules = Rules(keywords, fences=fences)
    lessons, court = (_of_others(part, rules) for part in (background.lessons(), background.court()))
    heads: dict[str, Head] = {}
    entries: dict[str, dict[str, Any]] = {}
    for name in CHOICES[encoder]:
        heads[name] = train_head(taught, lessons, encoder=name)
        entries[name] = _calibrated(heads[name], held_out, court, rate) | {"trained_on": len(taught)}
    kept, common = distinctive(keywords)
    document = {
        "format": FORMAT,
        "keywords": sorted(kept),
        "exclude_keywords": sorted(set(routing.get("exclude_keywords", ()))),
        "ignored_keywords": sorted(common),
        "fences": sorted(set(fences)),
        "formats": common_formats(own, _FORMAT_SHARE),
        "priority": float(routing.get("priority", 0.0)),
        "heads": entries,
    }
    check(document, "profile", PROFILE_FILE)
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PROFILE_FILE).write_bytes(canonical(document))
    (folder / HEAD_FILE).write_bytes(write_heads(heads))
    return document


def _calibrated(head: Head, held_out: Sequence[str], others: Sequence[str], rate: float) -> dict[str, Any]:
    rows = ENCODERS[head.encoder].rows
    scale = calibration.scale(rows(background.court()) @ head.weight, head.weight)
    own_scores, court_scores = (scale.apply(rows(part) @ head.weight) for part in (held_out, others))
    found = calibration.threshold(own_scores, court_scores, rate)
    return {
        "threshold": round(found.value, 4),
        "false_rejection": round(found.rate, 4),
        "held_out": found.held_out,
        "background_accepted": round(float((court_scores >= found.value).mean()), 4),
    }


def _spread(prompts: Sequence[str]) -> list[str]:
    """Different prompts in an order that only their text decides, at most as many as a head needs."""
    different = {prompt for prompt in prompts if prompt.strip()}
    return sorted(different, key=lambda prompt: hashlib.sha256(prompt.encode("utf-8", "replace")).digest())[:MOST]


def _of_others(prompts: Sequence[str], rules: Rules) -> list[str]:
    """The background without prompts that name the expert's own field: they are no counter-examples."""
    named = name_it(rules, prompts)
    return [prompt for prompt, its_own in zip(prompts, named, strict=True) if not its_own]


def _bytes(file: Path, what: str, cap: int = _JSON_CAP) -> bytes:
    try:
        if file.stat().st_size > cap:
            raise ProfileRefused(f"{what} has more than {cap:,} bytes.")
        return file.read_bytes()
    except OSError as error:
        raise ProfileRefused(f"{what} cannot be read: {error.strerror}.") from error
