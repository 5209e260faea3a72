"""Which files a recipe may lead to: those in the expert's directory, and those it names by an absolute path.

What was copied or fetched with a directory may hold links and patterns that nobody read: one that leads out of the
directory would carry somebody's private files into a package. A path that begins with `/` stands in the recipe for
everybody to see, and opens the folder it names, no other.
"""

from collections.abc import Iterator
from pathlib import Path

from expertbuild.data.errors import SourceMistake

_PATTERN = frozenset("*?[")


def inside(directory: Path, pattern: str) -> Path:
    """A single path of a recipe, or a refusal of one that leads outside."""
    root, rest = _root(directory, pattern)
    return _checked(root / rest, root, pattern)


def found(directory: Path, pattern: str) -> list[Path]:
    """The files that a path, a folder or a glob means, in the order of their names."""
    root, rest = _root(directory, pattern)
    path = root / rest
    if path.is_file():
        return [_checked(path, root, pattern)]
    matches = _below(path) if path.is_dir() else root.glob(rest) if _PATTERN & set(rest) else iter(())
    return [_checked(match, root, pattern) for match in sorted(matches) if match.is_file()]


def _below(folder: Path) -> Iterator[Path]:
    return (
        path for path in folder.rglob("*") if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def _root(directory: Path, pattern: str) -> tuple[Path, str]:
    """The folder that holds everything this pattern may mean, and the rest of it."""
    path = Path(pattern)
    if "\0" in pattern or ".." in path.parts:
        raise SourceMistake(
            "leads outside the expert's directory.",
            where=pattern[:200],
            hint="Copy the data into it, or write the whole path.",
        )
    if not path.anchor:
        return directory, pattern
    plain = list(path.parts)
    fixed = next((number for number, part in enumerate(plain) if _PATTERN & set(part)), len(plain) - 1)
    root = Path(*plain[: max(fixed, 1)])
    return root, str(path.relative_to(root))


def _checked(path: Path, root: Path, pattern: str) -> Path:
    if not path.resolve().is_relative_to(root.resolve()):
        raise SourceMistake(
            "is a link that leads outside.",
            where=path.name,
            hint=f"Found by {pattern[:200]}. Copy the data instead of linking it.",
        )
    return path
