"""Whether types of code (Python, TypeScript, Rust) are those of the JSON documents they are made for.

    [{"rank": 1}, {"rank": null, "title": "A"}]      rank: int | None, title: str | None = None

A key is a field, spelled alike unless an attribute of serde renames it, and every field a key. One that some objects lack may
be missing, one that is null in some may be null, and what is there is a text, a truth, a number, whole or not, or a list of such.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from runtime.checks.code_types import Field, Type
from runtime.checks.json_documents import held
from runtime.checks.words import spelled

Objects = Sequence[Mapping[str, Any]]


def fits(found: Sequence[Any], made: Sequence[Type]) -> bool:
    """Whether every object of the documents has a type whose values it could be one of."""
    return all(any(_is_of(group, one) for one in made) for document in found for group in _groups(held(document)))


def _groups(objects: Objects) -> Iterator[Objects]:
    """Objects of one kind: those of a list, and those that one key of theirs has."""
    left = [objects]
    while left:
        group = left.pop()
        if group:
            yield group
            left += [[each for one in group for each in held(one.get(key))] for key in _keys(group)]


def _keys(group: Objects) -> dict[str, None]:
    return dict.fromkeys(key for one in group for key in one)


def _is_of(group: Objects, made: Type) -> bool:
    keys, fields = {_name(key): key for key in _keys(group)}, {_name(field.name): field for field in made.fields}
    return keys.keys() == fields.keys() and all(
        (made.renames or key == fields[name].name) and _agree(fields[name], key, group) for name, key in keys.items()
    )


def _name(name: str) -> tuple[str, ...]:
    return spelled(name) or (name,)


def _agree(field: Field, key: str, group: Objects) -> bool:
    values = [one[key] for one in group if key in one]
    missing, null = len(values) < len(group), None in values and len({*map(type, values)}) > 1
    if field.either:
        right = missing or null
    elif field.may_miss:
        right = missing and (field.may_be_null or not null)
    else:
        right = not missing and null == field.may_be_null
    return right and _is_kind(field, [value for value in values if value is not None])


def _is_kind(field: Field, values: Sequence[Any]) -> bool:
    if values and field.many != any(isinstance(value, list) for value in values):
        return False
    kinds = {type(each) for value in values for each in (value if isinstance(value, list) else [value])}
    if kinds == {int, float}:
        kinds = {float}
    if len(kinds) != 1 or list in kinds:
        return True  # nothing tells, or too much does
    return kinds <= field.kinds if kinds <= {bool, str, int, float} else not field.kinds
