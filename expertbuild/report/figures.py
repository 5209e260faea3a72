"""What page and overview both say of a build: its figures in words, and the sign of how it ended."""

from collections.abc import Mapping
from typing import Any

from expertbuild.pages.page import label
from expertbuild.pages.plots import Whisker

STATES = {"built": "passed the gate", "refused": "refused by the gate", "failed": "failed"}
WHO = ("expert", "base")


def mark(state: str) -> str:
    """How a build ended, as a small sign."""
    return f'<span class="mark{"" if state == "built" else " bad"}">{label(STATES.get(state, state))}</span>'


def percent(figure: Mapping[str, Any]) -> str:
    return f"{figure['value'] * 100:.1f} %"


def span(figure: Mapping[str, Any]) -> str:
    low, high = figure["interval"]
    return f"{low * 100:.1f} to {high * 100:.1f}"


def whisker(figure: Mapping[str, Any]) -> Whisker:
    return Whisker(figure["value"], *figure["interval"])


def took(document: Mapping[str, Any]) -> float:
    """Seconds of all steps together."""
    return float(sum(step["seconds"] for step in document["steps"]))


def adapter(variant: Mapping[str, Any]) -> str:
    """`dora, rank 12`"""
    chosen = variant["adapter"]
    return f"{chosen['kind']}, rank {chosen['r']}" if chosen.get("r") else str(chosen["kind"])
