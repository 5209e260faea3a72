"""What can still be said when something is missing: phrases without the alternatives that need it."""

from collections.abc import Callable, Iterator

from expertbuild.data.generators.phrases import Form, Grammar, Maybe, Part, Slot


def pruned(phrases: Grammar, absent: frozenset[str]) -> Grammar:
    """The sets that can still be said, each with the alternatives that can."""
    made: dict[str, tuple[Form, ...]] = {}
    busy: set[str] = set()

    def can(name: str) -> bool:
        if name in absent:
            return False
        if name not in phrases:
            return True
        if name not in made and name not in busy:
            busy.add(name)
            forms = [(form, _kept(form.parts, can)) for form in phrases[name]]
            made[name] = tuple(
                Form(_text(parts), form.weight, form.held_out) for form, parts in forms if parts is not None
            )
        return bool(made.get(name))

    return {name: made[name] for name in phrases if can(name)}


def _kept(parts: tuple[Part, ...], can: Callable[[str], bool]) -> tuple[Part, ...] | None:
    kept: list[Part] = []
    for part in parts:
        if isinstance(part, Slot) and not can(part.name):
            return None
        if isinstance(part, Maybe):
            inside = _kept(part.parts, can)
            kept += [Maybe(inside)] if inside is not None else []
        else:
            kept.append(part)
    return tuple(kept)


def _text(parts: tuple[Part, ...]) -> str:
    texts = []
    for part in parts:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, Slot):
            texts.append("{a " + part.name + "}" if part.article else "{" + part.name + "}")
        else:
            texts.append(f"[{_text(part.parts)}]")
    return "".join(texts)


def reachable(phrases: Grammar, start: str, part: str) -> frozenset[str]:
    """All that may be said by one who begins with this set and speaks this part."""
    found: set[str] = set()
    todo = [start]
    while todo:
        for form in phrases.get(todo.pop(), ()):
            for name in _names(form.parts) if part != "train" or not form.held_out else ():
                if name not in found:
                    found.add(name)
                    todo.append(name)
    return frozenset(found)


def _names(parts: tuple[Part, ...]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, Slot):
            yield part.name
        elif isinstance(part, Maybe):
            yield from _names(part.parts)
