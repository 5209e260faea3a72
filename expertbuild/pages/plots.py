"""Plots as inline SVG: bars lying down for kinds, bars standing for lengths, intervals, curves. No library, no script.

Places along a line are shares of the width, and letters keep their size: a plot is as readable on a phone as on a screen.
Colours and fonts are the page's; text inside a plot is escaped here.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from expertbuild.pages.page import label

_BAR = 36
_ROOM = 150  # height of a plot with axes


class Whisker(NamedTuple):
    """A figure between 0 and 1, and the ends of its interval."""

    value: float
    low: float
    high: float


def bars(pairs: Sequence[tuple[str, float]], unit: str = "rows", told: Sequence[str] = ()) -> str:
    """A bar for each name, the longest filling the width; `told`: what to write in place of the bare numbers."""
    if not pairs:
        return ""
    most = max(value for _, value in pairs) or 1
    parts = []
    for number, (name, value) in enumerate(pairs):
        top = number * _BAR
        said = told[number] if told else _number(value)
        parts.append(
            f'<text x="0" y="{top + 14}" class="name">{label(name, 36)}</text>'
            f'<text x="100%" y="{top + 14}" class="end">{label(said)}</text>'
            f'<rect x="0" y="{top + 20}" width="100%" height="8" rx="2" class="back"/>'
            f'<rect x="0" y="{top + 20}" width="{100 * value / most:.2f}%" height="8" rx="2"/>'
        )
    return _svg(_BAR * len(pairs), f"{len(pairs)} bars, in {unit}", parts)


def histogram(series: Mapping[str, Sequence[Sequence[float]]], unit: str, step: float) -> str:
    """Shares of each series over the same axis: the first filled, the others as lines."""
    drawn = {name: points for name, points in series.items() if points}
    if not drawn:
        return ""
    last = max(points[-1][0] for points in drawn.values()) + step
    first = min(points[0][0] for points in drawn.values())
    span = max(last - first, step)
    tops = {name: sum(count for _, count in points) for name, points in drawn.items()}
    most = max(count / tops[name] for name, points in drawn.items() for _, count in points)
    parts = []
    for number, (name, points) in enumerate(drawn.items()):
        places = [
            ((start - first) / span * 1000, step / span * 1000, 130 * count / tops[name] / most)
            for start, count in points
        ]
        if number == 0:
            parts += [
                f'<rect x="{x:.1f}" y="{_ROOM - high:.1f}" width="{max(wide - 1, 1):.1f}" height="{high:.1f}"/>'
                for x, wide, high in places
            ]
        else:
            path = "".join(f"M{x:.1f} {_ROOM - high:.1f}h{max(wide - 1, 1):.1f}" for x, wide, high in places)
            parts.append(f'<path d="{path}" class="line{number}"/>')
    about = f"share of rows by {unit}, from {_number(first)} to {_number(last)}"
    return _svg(_ROOM + 44, about, [_stretched(parts), *_below(first, span, unit), _legend(list(drawn))])


def intervals(rows: Sequence[tuple[str, str, Sequence[Whisker]]], names: Sequence[str]) -> str:
    """Between 0 and 100 %: for each row its name, what is said of it, and a figure with its interval for each of `names`."""
    if not rows:
        return ""
    lane = 13
    height = 20 + lane * len(names) + 6
    parts, top = [], 0
    for name, said, whiskers in rows:
        parts.append(
            f'<text x="0" y="{top + 14}" class="name">{label(name, 30)}</text>'
            f'<text x="100%" y="{top + 14}" class="end">{label(said)}</text>'
        )
        for number, whisker in enumerate(whiskers):
            y = top + 20 + lane * number + lane / 2
            parts.append(
                f'<line x1="0" x2="100%" y1="{y}" y2="{y}" class="rule"/>'
                f'<line x1="{_share(whisker.low)}" x2="{_share(whisker.high)}" y1="{y}" y2="{y}" class="line{number}"/>'
                f'<circle cx="{_share(whisker.value)}" cy="{y}" r="4.5" class="key{number}"/>'
            )
        top += height
    ticks = [
        f'<text x="{x}" y="{top + 8}" class="quiet{end}">{text}</text>'
        for x, text, end in (("0", "0 %", ""), ("50%", "50 %", " middle"), ("100%", "100 %", " end"))
    ]
    about = f"{', '.join(names)}: {len(rows)} rows of figures with their intervals, in per cent"
    return _svg(top + 34, about, [*parts, *ticks, _legend(list(names), top + 28)])


def curve(series: Mapping[str, Sequence[Sequence[float]]], unit: str) -> str:
    """Lines of positive numbers over the same axis; the height is their logarithm, so that a late gain can be seen."""
    drawn = {name: [(x, max(y, 1e-6)) for x, y in points] for name, points in series.items() if points}
    if not drawn:
        return ""
    everything = [point for points in drawn.values() for point in points]
    first, last = min(x for x, _ in everything), max(x for x, _ in everything)
    low, high = (math.log10(ends(y for _, y in everything)) for ends in (min, max))
    low, high = low - 0.05, max(high, low + 0.1) + 0.05
    span = max(last - first, 1)

    def up(log: float) -> float:
        return _ROOM - (log - low) / (high - low) * (_ROOM - 6)

    parts = []
    for number, points in enumerate(drawn.values()):
        path = " ".join(f"{(x - first) / span * 1000:.1f},{up(math.log10(y)):.1f}" for x, y in points)
        parts.append(f'<polyline points="{path}" class="line{number}"/>')
    rules = []
    for value in _steps(low, high):
        y = up(math.log10(value))
        rules.append(
            f'<line x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}" class="rule"/><text x="0" y="{y - 3:.1f}" class="quiet">{value:g}</text>'
        )
    about = f"{', '.join(drawn)} by {unit}, from {_number(first)} to {_number(last)}, logarithmic"
    return _svg(
        _ROOM + 44, about, [*rules, _stretched(parts), *_below(first, last - first, unit), _legend(list(drawn))]
    )


def _steps(low: float, high: float) -> list[float]:
    """The round numbers between two powers of ten: 1, 2 and 5 of each, or only 1 where that would be many."""
    powers = range(math.floor(low), math.ceil(high) + 1)
    found = [mantissa * 10.0**power for power in powers for mantissa in ((1, 2, 5) if high - low < 2.5 else (1,))]
    return [value for value in found if low <= math.log10(value) <= high]


def _svg(height: float, about: str, parts: Sequence[str]) -> str:
    return f'<svg height="{height:.0f}" role="img" aria-label="{label(about, 200)}">{"".join(parts)}</svg>'


def _stretched(parts: Sequence[str]) -> str:
    """Lines and areas a thousand wide, as wide as the page in the end."""
    return f'<svg width="100%" height="{_ROOM}" viewBox="0 0 1000 {_ROOM}" preserveAspectRatio="none">{"".join(parts)}</svg>'


def _below(first: float, span: float, unit: str) -> list[str]:
    """What stands under a horizontal axis."""
    ends = {0: "", 0.25: " middle", 0.5: " middle", 0.75: " middle", 1: " end"}
    ticks = [
        f'<text x="{share * 100:g}%" y="{_ROOM + 17}" class="quiet{end}">{_number(first + share * span)}</text>'
        for share, end in ends.items()
    ]
    return [*ticks, f'<text x="100%" y="{_ROOM + 38}" class="quiet end">{label(unit)}</text>']


def _legend(names: Sequence[str], y: int = _ROOM + 38) -> str:
    keys = " ".join(f'<tspan class="key{number}">■</tspan> {label(name, 30)}' for number, name in enumerate(names))
    return f'<text x="0" y="{y}">{keys}</text>'


def _share(value: float) -> str:
    return f"{100 * min(max(value, 0.0), 1.0):.2f}%"


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 100 else f"{value:.2f}"
