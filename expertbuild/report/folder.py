"""Where reports lie: beside the packages, a page and a document for each expert, and one overview of all.

Builds may end side by side. Every file is put in place whole, and the overview is made from the documents that lie there;
whoever writes it looks again afterwards, so that the last one to write has seen them all.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from expertbuild.graph.disk import fresh_name
from expertbuild.report.document import FORMAT
from expertbuild.report.overview import overview
from expertbuild.report.page import page

OVERVIEW = "experts.html"


def write(document: Mapping[str, Any], folder: Path) -> Path:
    """Put document, page and overview into a folder; where the page is."""
    expert = document["expert"]
    target = folder / f"{expert['name']}-{expert['version']}.html"
    _put(target, page(document, OVERVIEW))
    _put(_document_of(target), json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n")
    seen = None
    while seen != (there := _signs(folder)):
        seen = there
        _put(folder / OVERVIEW, overview([(name, known) for name in there if (known := _read(folder / name))]))
    return target


def _document_of(page: Path) -> Path:
    return page.with_name(page.name.removesuffix(".html") + ".json")


def _signs(folder: Path) -> dict[str, tuple[int, int]]:
    """Which pages have a document beside them, and in what state it is."""
    found = {}
    for path in sorted(folder.glob("*.html")):
        try:
            info = _document_of(path).stat()
        except FileNotFoundError:
            continue
        found[path.name] = (info.st_mtime_ns, info.st_size)
    return found


def _read(page: Path) -> dict[str, Any] | None:
    """The document behind a page, if it is a report of this version: other things may lie in the folder."""
    try:
        document = json.loads(_document_of(page).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) and document.get("format") == FORMAT else None


def _put(path: Path, text: str) -> None:
    """Whole or not at all; left alone where it is already so."""
    data = text.encode("utf-8")
    if path.is_file() and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(fresh_name(f".{path.name}."))
    try:
        partial.write_bytes(data)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
