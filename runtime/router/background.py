"""The frozen background: general prompts that belong to nobody.

Every head is trained against the same two thirds of them (the lessons), so no expert needs another's data. The other
third (the court) judges every installed expert before it may take a request: what looks special to an expert must not
be what everybody asks. The file never changes, or heads trained yesterday would mean something else; another
background is another file.
"""

from functools import lru_cache
from pathlib import Path

_FILE = Path(__file__).with_name("background-1.txt")
_EVERY = 3  # each third prompt sits in the court


@lru_cache
def prompts() -> tuple[str, ...]:
    """All background prompts; a line each, with `\\n` for a line break."""
    lines = _FILE.read_text(encoding="utf-8").splitlines()
    return tuple(line.replace("\\n", "\n") for line in lines if line)


def lessons() -> tuple[str, ...]:
    """What heads are trained against."""
    return tuple(prompt for number, prompt in enumerate(prompts()) if number % _EVERY != 0)


def court() -> tuple[str, ...]:
    """What no head was trained on; decides how special a score is."""
    return prompts()[::_EVERY]
