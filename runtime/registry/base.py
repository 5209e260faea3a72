"""The base that somebody wants experts for: by its name in conf/base, or by the beginning of its digest.

Where conf/base pins digests, they decide and not what a package calls its variant. Bases themselves are not read here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from runtime.artifact.shown import shown
from runtime.errors import Mistake
from runtime.home import declared

_DIGITS = re.compile(r"[0-9a-f]{8,64}")
_NAME = re.compile(r"[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class WantedBase:
    """What is known of it; empty where nothing is."""

    shown: str
    name: str = ""
    digest: str = ""  # or the beginning of one
    tokenizer: str = ""

    def fits(self, variants: Mapping[str, Mapping[str, str]]) -> bool:
        """Whether one of these variants is for this base."""
        if not self.digest:
            return self.name in variants
        return any(
            variant["base"].startswith(self.digest) and variant["tokenizer"].startswith(self.tokenizer)
            for variant in variants.values()
        )


def wanted_base(text: str) -> WantedBase:
    """What `--base` means."""
    import yaml

    file = declared("base").get(text)
    if _NAME.fullmatch(text) and file is not None:
        entry = yaml.safe_load(file.read_text(encoding="utf-8"))
        return WantedBase(text, text, entry.get("digest") or "", entry.get("tokenizer_digest") or "")
    if _DIGITS.fullmatch(text):
        return WantedBase(f"the base {text}", digest=text)
    if _NAME.fullmatch(text):
        return WantedBase(text, text)
    raise Mistake(f"{shown(text, 80)!r} names no base.", hint="Write a name such as nano, or 8 digits of its digest.")
