"""Writes the file list of docs/architecture.md from the first line of every module.

python docs/house.py --write    # or --check, which fails when the page is not current
"""

import ast
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
PAGE = TOP / "docs" / "architecture.md"
BEGIN, END = "<!-- house: written by docs/house.py -->", "<!-- end of house -->"


def house() -> str:
    lines: list[str] = []
    told: set[Path] = set()
    for package in ("expertbuild", "runtime"):
        lines.append("```")
        for path in sorted((TOP / package).rglob("*.py"), key=_in_reading_order):
            if path.stat().st_size == 0 or "share" in path.parts:
                continue
            document = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
            phrase = document.splitlines()[0] if document else ""
            depth = len(path.relative_to(TOP).parts) - 1
            if path.parent not in told and path.name != "__init__.py":  # a folder that has no word of its own
                lines.append(f"{'  ' * (depth - 1)}{path.parent.name}/")
            told.add(path.parent)
            name = f"{path.parent.name}/" if path.name == "__init__.py" else path.name
            indent = "  " * (depth - (path.name == "__init__.py"))
            lines.append(f"{indent + name:<32}{phrase}")
        lines.append("```")
    return "\n".join(lines)


def _in_reading_order(path: Path) -> tuple[tuple[int, str], ...]:
    """A package's own line, then its modules, then its folders."""
    parts = path.relative_to(TOP).parts
    *folders, name = parts
    return (*((1, folder) for folder in folders), (0, "" if name == "__init__.py" else name))


def page() -> str:
    text = PAGE.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN)
    tail = rest.split(END)[1]
    return f"{head}{BEGIN}\n{house()}\n{END}{tail}"


def main() -> int:
    wanted = page()
    if "--write" in sys.argv:
        PAGE.write_text(wanted, encoding="utf-8")
        return 0
    if wanted != PAGE.read_text(encoding="utf-8"):
        print("docs/architecture.md is not current: run python docs/house.py --write", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
