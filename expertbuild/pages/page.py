"""The frame of a page and its pieces: one file of HTML that needs nothing else, no script, no font, no picture.

What stands on a page is often strangers' text, so every piece escapes what it is given, and a content policy in the page
forbids scripts and any request should that ever fail. It is written for a phone first and grows with the screen.
"""

from collections.abc import Iterable, Sequence
from html import escape

from runtime.artifact.shown import shown

_STYLE = """
:root{color-scheme:light dark;--ink:#1c2430;--paper:#fff;--soft:#f2f4f7;--edge:#d5dbe3;--a:#3b6fb6;--b:#d1702b;--c:#3f8f5a;--bad:#b3261e;--quiet:#5b6673}
@media(prefers-color-scheme:dark){:root{--ink:#e3e8ee;--paper:#14181d;--soft:#1e242b;--edge:#38414c;--a:#7fabe6;--b:#eba06a;--c:#7cc796;--bad:#ff8a80;--quiet:#a3adb8}}
*{box-sizing:border-box}body{margin:0 auto;max-width:46rem;padding:1rem;font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);overflow-wrap:break-word}
h1{font-size:1.4rem;margin:.2rem 0}h2{font-size:1.1rem;margin:2rem 0 .5rem;border-bottom:1px solid var(--edge)}h3{font-size:1rem;margin:1rem 0 .2rem}p{margin:.4rem 0}a{color:var(--a)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(8rem,1fr));gap:.5rem;margin:1rem 0}.tile{background:var(--soft);border-radius:.4rem;padding:.5rem .7rem}.tile b{display:block;font-size:1.25rem}
.tile span,small,.quiet{color:var(--quiet);font-size:.85rem}.bad{color:var(--bad);font-weight:600}
.mark{display:inline-block;border:1px solid var(--c);color:var(--c);border-radius:1rem;padding:0 .6rem;font-size:.85rem;font-weight:400}.mark.bad{border-color:var(--bad);color:var(--bad)}
.note{border-left:.25rem solid var(--bad);background:var(--soft);padding:.5rem .7rem;border-radius:.2rem}
.card{border:1px solid var(--edge);border-radius:.5rem;padding:.7rem .8rem;margin:.7rem 0}.card h2{border:0;margin:0 0 .2rem;display:flex;flex-wrap:wrap;gap:.2rem .6rem;align-items:center}
svg{width:100%;display:block;margin:.3rem 0;overflow:visible}svg svg{overflow:hidden}svg text{font:13px system-ui,sans-serif;fill:var(--ink)}svg .quiet{fill:var(--quiet)}svg .end{text-anchor:end}svg .middle{text-anchor:middle}
svg rect{fill:var(--a)}svg .back{fill:var(--soft)}svg .rule{stroke:var(--edge);stroke-width:1}
svg path,svg polyline{fill:none;stroke-width:2.5;vector-effect:non-scaling-stroke}.line0{stroke:var(--a)}.line1{stroke:var(--b)}.line2{stroke:var(--c)}svg line.line0,svg line.line1{stroke-width:4;stroke-linecap:round;opacity:.45}svg .key0{fill:var(--a)}svg .key1{fill:var(--b)}svg .key2{fill:var(--c)}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.9rem}td,th{text-align:left;padding:.2rem .8rem .2rem 0;border-bottom:1px solid var(--edge);vertical-align:top}td.n{text-align:right;font-variant-numeric:tabular-nums}th{font-weight:500;color:var(--quiet)}
dl{margin:.3rem 0;font-size:.9rem}dl div{display:flex;flex-wrap:wrap;gap:0 .8rem;border-bottom:1px solid var(--edge);padding:.15rem 0}dt{color:var(--quiet)}dd{margin:0 0 0 auto;text-align:right;overflow-wrap:anywhere}
pre{background:var(--soft);padding:.6rem;border-radius:.4rem;white-space:pre-wrap;overflow-wrap:anywhere;font-size:.82rem;margin:.3rem 0}details{margin:.2rem 0}summary{cursor:pointer;overflow-wrap:anywhere}
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def label(text: object, most: int = 48) -> str:
    """Text from a stranger on one line, safe inside HTML and SVG, attributes too."""
    return escape(shown(text, most), quote=True)


def lines(text: str) -> str:
    """Lines of a stranger's text: what a terminal or a browser would obey is shown."""
    return "\n".join(escape(shown(line, 2100)) for line in text[:4200].split("\n")[:80])


def page(title: str, parts: Iterable[str]) -> str:
    """The whole page around its parts, which are HTML."""
    safe = label(title, 200)
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{safe}</title><style>{_STYLE}</style></head><body>",
            f"<h1>{safe}</h1>",
            *(part for part in parts if part),
            "</body></html>\n",
        ]
    )


def section(name: str, body: str) -> str:
    """A heading and what stands under it; nothing where nothing does."""
    return f"<h2>{label(name, 100)}</h2>{body}" if body else ""


def tiles(told: Iterable[tuple[str, str]]) -> str:
    """Figures to be seen first, each with what it counts."""
    cells = (f'<div class="tile"><b>{label(figure)}</b><span>{label(what, 80)}</span></div>' for figure, what in told)
    return f'<div class="tiles">{"".join(cells)}</div>'


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Names on the left, figures to the right of them."""
    head = "".join(f"<th>{label(cell)}</th>" for cell in heading)
    body = "".join(
        f"<tr><td>{label(row[0])}</td>{''.join(f'<td class=n>{label(cell)}</td>' for cell in row[1:])}</tr>"
        for row in rows
    )
    return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'


def facts(pairs: Iterable[tuple[str, object]]) -> str:
    """Names and their values, one below the other; a long value takes a line of its own."""
    rows = (f"<div><dt>{label(name, 100)}</dt><dd>{label(value, 400)}</dd></div>" for name, value in pairs)
    return f"<dl>{''.join(rows)}</dl>"


def preformatted(text: str) -> str:
    return f"<pre>{lines(text)}</pre>"


def folded(summary: str, body: str, *, unfolded: bool = False) -> str:
    """HTML behind a line that opens it."""
    return f"<details{' open' if unfolded else ''}><summary>{label(summary, 200)}</summary>{body}</details>"
