"""Plots as inline SVG: bars lying down for kinds, bars standing for lengths. No library, no script, no network.

Colours and fonts are the page's; text inside a plot is escaped here.
"""

from collections.abc import Mapping, Sequence
from html import escape

from runtime.artifact.shown import shown

WIDTH = 460  # so that a phone, which is 390 wide, draws letters at three quarters of their size
_NAMES = 200  # of it, for the names of bars
_BAR = 200
_LINE = 26


def label(text: object, most: int = 48) -> str:
    """Text from a stranger, safe inside HTML and SVG, attributes too."""
    return escape(shown(text, most), quote=True)


def bars(pairs: Sequence[tuple[str, float]], unit: str = "rows") -> str:
    """A bar for each name, the longest filling the width."""
    if not pairs:
        return ""
    most = max(value for _, value in pairs) or 1
    height = _LINE * len(pairs)
    parts = []
    for number, (name, value) in enumerate(pairs):
        top = number * _LINE
        length = _BAR * value / most
        parts.append(
            f'<text x="0" y="{top + 17}" class="name">{label(name, 28)}</text>'
            f'<rect x="{_NAMES}" y="{top + 4}" width="{length:.1f}" height="18" rx="2"/>'
            f'<text x="{_NAMES + 6 + length:.1f}" y="{top + 17}">{_number(value)}</text>'
        )
    about = label(f"{len(pairs)} bars, in {unit}", 200)
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{about}">{"".join(parts)}</svg>'


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
    base, room = 150, 130
    parts = []
    for number, (name, points) in enumerate(drawn.items()):
        places = [
            ((start - first) / span * WIDTH, step / span * WIDTH, room * count / tops[name] / most)
            for start, count in points
        ]
        if number == 0:
            parts += [
                f'<rect x="{x:.1f}" y="{base - high:.1f}" width="{max(wide - 1, 1):.1f}" height="{high:.1f}"/>'
                for x, wide, high in places
            ]
        else:
            path = "".join(f"M{x:.1f} {base - high:.1f}h{max(wide - 1, 1):.1f}" for x, wide, high in places)
            parts.append(f'<path d="{path}" class="line{number}"/>')
    ticks = "".join(
        f'<text x="{share * (WIDTH - 60):.0f}" y="172">{_number(first + share * span)}</text>'
        for share in (0, 0.25, 0.5, 0.75, 1)
    )
    legend = " ".join(f'<tspan class="key{number}">■</tspan> {label(name, 30)}' for number, name in enumerate(drawn))
    about = label(f"share of rows by {unit}, from {_number(first)} to {_number(last)}", 200)
    return (
        f'<svg viewBox="0 0 {WIDTH} 200" role="img" aria-label="{about}">{"".join(parts)}{ticks}'
        f'<text x="0" y="194">{legend}</text><text x="{WIDTH}" y="194" text-anchor="end">{label(unit)}</text></svg>'
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 100 else f"{value:.2f}"
