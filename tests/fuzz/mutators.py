"""Mutations that get past the first check: they know the form of what they change and put checksums right again.

Each takes bytes and a source of chance and returns other bytes. Input that has lost its form is mutated as plain bytes.
"""

import base64
import hashlib
import json
import random
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from runtime.artifact import layout
from runtime.artifact import signature as signatures
from runtime.artifact.layout import CENTRAL, END
from tests.artifact.samples import ALICE, BOB, MALLORY
from tests.artifact.zips import Shape, build

Mutator = Callable[[bytes, random.Random], bytes]

_NUMBERS: list[Any] = [0, 1, -1, 2, 7, 63, 64, 255, 256, 1024, 65535, 2**31, 2**32 - 1, 2**32, 2**39, 2**40, 2**53, 2**63, 10**19]  # fmt: skip
_FLOATS: list[Any] = [0.0, -0.0, 0.5, 1.0, 1e-300, 1e308, 1e22, 0.1]
_TEXTS = [
    "", "a", "nano", "../x", "\x00", "\x1b[2J", "\u202e", "\ud83d\ude00", "e" * 300, "F32", "BF16", "I32", "U64", "F8_E4M3",
    "1.0.0", "01.0.0", "1.0.0-rc.1+b", "x\n", "acme/expert-sql", "*", "0" * 64, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "expert-manifest/3", "expert-slots/1", "__metadata__", "manifest.json", "signatures.json", "statement.json", "README.md", "readme.md",
    "variants/nano/slots.safetensors", "variants/evil/slots.safetensors", "m.S.rows", "m.S.columns", "m.S.values", "m.A", "m.B", "m.K1", "m.K2", "m.g_in",
]  # fmt: skip
_PIECES = [
    b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06", b"\xff\xff\xff\xff", b"\x00" * 64, b"\xef\xbb\xbf", b"\xff\xfe", b"NaN", b"1e999", b"-0",
    b'"a":1,"a":1', b"\\ud800", b"[" * 70, b"]" * 70, b"{}", b"[]", b"null", b",", b":", b'"', b"9" * 25, b"1" * 5000, b"\x80\x04\x95", b"/*", b"'",
]  # fmt: skip


def plain(data: bytes, chance: random.Random) -> bytes:
    """Bytes as bytes."""
    made = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        at = chance.randrange(len(made) + 1)
        match chance.randrange(8):
            case 0 if made:
                made[at % len(made)] ^= 1 << chance.randrange(8)
            case 1 if made:
                made[at % len(made)] = chance.choice((0, 1, 0x20, 0x22, 0x7F, 0x80, 0xFF, chance.randrange(256)))
            case 2:
                del made[at : at + chance.choice((1, 1, 2, 4, 8, 64))]
            case 3:
                made[at:at] = chance.choice(_PIECES)
            case 4:
                length = chance.choice((1, 2, 4, 8, 46, 64))
                made[at : at + length] = made[(source := chance.randrange(len(made) + 1)) : source + length]
            case 5:
                made[at:at] = made[at : at + chance.choice((1, 4, 22, 46, 64))]
            case 6:
                del made[at:]
            case _:
                width = chance.choice((2, 4, 8))
                number = chance.choice(_NUMBERS) % (1 << (8 * width))
                made[at : at + width] = number.to_bytes(width, chance.choice(("little", "big")))
    return bytes(made)


# JSON.


def json_text(data: bytes, chance: random.Random) -> bytes:
    """Any JSON, in any spelling."""
    if chance.random() < 0.4:
        return plain(data, chance)
    try:
        value = _changed(json.loads(data), chance)
        spaced = chance.random() < 0.3
        return json.dumps(value, ensure_ascii=chance.random() < 0.5, indent=1 if spaced else None).encode("utf-8", "surrogatepass")  # fmt: skip
    except (ValueError, RecursionError):
        return plain(data, chance)


def json_tree(data: bytes, chance: random.Random) -> bytes:
    """One or a few places of a document changed, written canonically again."""
    if chance.random() < 0.1:
        return plain(data, chance)
    try:
        value = json.loads(data)
        if chance.random() < 0.1:  # the same value in another spelling
            spelled = json.dumps(value, ensure_ascii=chance.random() < 0.5, indent=chance.choice((None, 0, 2)))
            return spelled.encode("utf-8", "surrogatepass")
        return _canonical(_changed(value, chance))
    except (ValueError, RecursionError):
        return plain(data, chance)


def statement(data: bytes, chance: random.Random) -> bytes:
    """As any document, with what must agree put in agreement again most of the time."""
    made = json_tree(data, chance)
    if chance.random() < 0.4:
        return made
    try:
        value = json.loads(made)
        value["subject"].sort(key=lambda subject: subject["name"])
        listed = {subject["name"]: subject["digest"]["sha256"] for subject in value["subject"]}
        value["predicate"]["manifest"]["sha256"] = listed["manifest.json"]
        return _canonical(value)
    except (ValueError, KeyError, TypeError, AttributeError):
        return made


def envelope(data: bytes, chance: random.Random) -> bytes:
    """Fields changed; then, by chance, key ids put right, other signatures added, and all of it signed properly."""
    if chance.random() < 0.3:
        return json_tree(data, chance)
    try:
        value = json.loads(data)
        payload = base64.b64decode(value["payload"])
        if chance.random() < 0.5:
            payload = plain(payload, chance)[:2000] or b"x"
        entries = [dict(entry) for entry in value["signatures"]]
        for signer in chance.sample((ALICE, BOB, MALLORY), chance.randrange(3)):
            entries.append({"keyid": "", "public": _b64(signer.public), "sig": ""})
        if chance.random() < 0.2:  # the neutral point as a key: its signature of anything fits
            neutral = (1).to_bytes(32, "little")
            entries.append({"keyid": "", "public": _b64(neutral), "sig": _b64(neutral + bytes(32))})
        message = signatures.pre_authentication(payload)
        known = {_b64(key.public): key for key in (ALICE, BOB, MALLORY)}
        for entry in entries:
            if chance.random() < 0.8 and entry["public"] in known:
                entry["sig"] = _b64(known[entry["public"]].sign(message))
            if chance.random() < 0.2:
                field = chance.choice(("public", "sig"))
                entry[field] = _b64(plain(base64.b64decode(entry[field]), chance))
            if chance.random() < 0.9:
                entry["keyid"] = signatures.key_id(base64.b64decode(entry["public"]))
        order = chance.randrange(3)
        if order:
            entries = list({entry["keyid"]: entry for entry in entries}.values())
        if order == 2:
            entries.sort(key=lambda entry: str(entry["keyid"]))
        else:
            chance.shuffle(entries)
        return _canonical({**value, "payload": _b64(payload), "signatures": entries})
    except (ValueError, KeyError, TypeError):
        return json_tree(data, chance)


def _changed(value: Any, chance: random.Random) -> Any:
    """The value with one to three of its places changed."""
    for _ in range(chance.choice((1, 1, 2, 3))):
        places: list[tuple[Any, Any]] = []
        pending = [value]
        while pending:
            item = pending.pop()
            keys = list(item) if isinstance(item, dict) else range(len(item)) if isinstance(item, list) else ()
            places.extend((item, key) for key in keys)
            pending.extend(item[key] for key in keys)
        if not places or chance.random() < 0.02:
            value = _any(chance)
            continue
        holder, key = chance.choice(places)
        _change(holder, key, places, chance)
    return value


def _change(holder: Any, key: Any, places: list[tuple[Any, Any]], chance: random.Random) -> None:
    match chance.randrange(8):
        case 0:
            del holder[key]
        case 1:
            holder[key] = _any(chance)
        case 2:
            other, where = chance.choice(places)
            if where in other if isinstance(other, dict) else where < len(other):
                holder[key] = json.loads(json.dumps(other[where]))
        case 3 if isinstance(holder, dict):
            holder[chance.choice(_TEXTS)] = holder[key]
        case 3:
            holder.insert(key, holder[key])
        case 4 if isinstance(holder, dict):
            holder[_text(key, chance)] = holder.pop(key)
        case 4:
            chance.shuffle(holder)
        case 5 if isinstance(holder[key], str):
            holder[key] = _text(holder[key], chance)
        case 6 if isinstance(holder[key], int | float):
            holder[key] = holder[key] + chance.choice((1, -1, 0.5, 64, 2**32))
        case 7 if isinstance(holder[key], dict | list):
            holder[key] = type(holder[key])()
        case _:
            holder[key] = chance.choice(_NUMBERS + _FLOATS)


def _any(chance: random.Random) -> Any:
    simple: list[Any] = [None, True, False, [], {}, *_NUMBERS, *_FLOATS, *_TEXTS]
    value = chance.choice(simple)
    for _ in range(chance.choice((0, 0, 0, 1, 2, 66))):
        value = [value] if chance.random() < 0.5 else {"k": value}
    return value


def _text(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text) + 1)
    match chance.randrange(4):
        case 0:
            return chance.choice(_TEXTS)
        case 1:
            return text[:at] + chance.choice(("\n", "\x1b", "/", ".", "0", "A", "\u00e9", "\u2028", "..")) + text[at:]
        case 2:
            return text[:at] + text[at + 1 :]
        case _:
            return text * chance.choice((2, 3, 40))


def _canonical(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


# Tensors.


def tensors(data: bytes, chance: random.Random) -> bytes:
    """Header changed and measured again; or offsets laid out anew, so that shapes and dtypes are what is wrong; or data."""
    if chance.random() < 0.1:
        return plain(data, chance)
    length = int.from_bytes(data[:8], "little")
    try:
        header, payload = json.loads(data[8 : 8 + length]), data[8 + length :]
    except (ValueError, RecursionError):
        return plain(data, chance)
    if chance.random() < 0.3:
        payload = plain(payload, chance) if chance.random() < 0.5 else _odd_number(payload, chance)
    else:
        header = _changed(header, chance)
    if isinstance(header, dict) and chance.random() < 0.2:
        for entry in header.values():
            if isinstance(entry, dict) and isinstance(entry.get("shape"), list) and chance.random() < 0.5:
                entry["shape"] = _shape(entry["shape"], chance)
    if chance.random() < 0.5 and isinstance(header, dict):
        payload = _laid_out(header, payload)
    text = _canonical(header) if chance.random() < 0.9 else json.dumps(header).encode("utf-8", "surrogatepass")
    text += b" " * (-(8 + len(text)) % chance.choice((1, 8, 64)))
    return len(text).to_bytes(8, "little") + text + payload


def _shape(shape: list[Any], chance: random.Random) -> list[Any]:
    """Other dimensions: empty, one more or less, nothing beside huge ones."""
    match chance.randrange(5):
        case 0:
            return [*shape, 0, *chance.choices((0, 1, 2**31, 2**39), k=chance.randrange(4))]
        case 1:
            return [0, *shape]
        case 2:
            return shape[:-1]
        case 3:
            return [*shape, 1]
        case _:
            return [chance.choice((0, 1, 2, 3, 4, n)) for n in shape]


def _odd_number(payload: bytes, chance: random.Random) -> bytes:
    """NaN, infinity, a negative or a huge place, where a number stands."""
    odd = chance.choice(
        (
            b"\x00\x00\xc0\x7f",
            b"\x00\x00\x80\xff",
            b"\xc0\x7f",
            b"\x80\x7f",
            b"\xff\xff\xff\xff",
            b"\xff\xff\xff\x7f",
            b"\x07\0\0\0",
        )
    )
    at = chance.randrange(len(payload) + 1) // len(odd) * len(odd)
    return payload[:at] + odd + payload[at + len(odd) :] if at + len(odd) <= len(payload) else payload


_WIDTHS = {"F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "BF16": 2, "F16": 2, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}


def _laid_out(header: dict[str, Any], payload: bytes) -> bytes:
    """Offsets that fit dtype and shape, one after the other, and a payload of that length."""
    position = 0
    for name, entry in header.items():
        try:
            size = _WIDTHS[entry["dtype"]]
            for n in entry["shape"]:
                size = min(size * n, 2**80) if type(n) is int else 2**80
            if name == "__metadata__" or not 0 <= size <= 4096:
                continue
            entry["data_offsets"] = [position, position + size]
            position += size
        except (TypeError, KeyError):
            continue
    return (payload + bytes(position))[:position]


# Containers and packages.


def container(data: bytes, chance: random.Random) -> bytes:
    """Members, their two headers, gaps and the end record changed one by one; checksums fit unless they are the change."""
    members = _members(data)
    if members is None or chance.random() < 0.15:
        return plain(data, chance)
    shapes = [Shape(name, content) for name, content in members]
    more: dict[str, Any] = {}
    for _ in range(chance.choice((1, 1, 2))):
        if shapes:
            _reshape(shapes, chance)
        if chance.random() < 0.15:
            more.update(_around(chance))
    if chance.random() < 0.6:
        shapes.sort(key=lambda shape: shape.name)
    try:
        return build(shapes, **more)
    except Exception:  # a number that does not fit its field: not a mutation then
        return plain(data, chance)


def _reshape(shapes: list[Shape], chance: random.Random) -> None:
    at = chance.randrange(len(shapes))
    one = shapes[at]
    number = chance.choice((0, 1, 8, 20, 21, 0xFFFF, 0xFFFFFFFE, 0xFFFFFFFF, len(one.data), len(one.data) + 1))
    changes: list[Callable[[], Shape]] = [
        lambda: replace(one, name=plain(one.name, chance)[:230]),
        lambda: replace(one, name=chance.choice(_TEXTS).encode("utf-8", "surrogatepass")),
        lambda: replace(one, data=plain(one.data, chance)[:4096]),
        lambda: replace(one, data=build([Shape(b"inner", b"x")])),
        lambda: replace(one, flags=1 << chance.randrange(16)),
        lambda: replace(one, method=chance.choice((1, 8, 12, 93, 99))),
        lambda: replace(one, attributes=chance.choice((0x10, 0xA1FF0000, 0x41ED0000, 0x89ED0000, 0x81A40000, 1 << chance.randrange(32)))),
        lambda: replace(one, **{chance.choice(("crc", "size", "packed", "offset")): number}),
        lambda: replace(one, central_extra=plain(b"\x01\0\x08\0" + bytes(8), chance)[:64]),
        lambda: replace(one, central_comment=b"comment"),
        lambda: replace(one, local=((field := chance.randrange(11), number & 0xFFFF if field else b"PKxx"),)),
        lambda: replace(one, local_name=plain(one.name, chance)[:230]),
        lambda: replace(one, gap=bytes(chance.choice((1, 22, 46, 64)))),
    ]  # fmt: skip
    match chance.randrange(6):
        case 0:
            del shapes[at]
        case 1:
            shapes.insert(chance.randrange(len(shapes) + 1), one)
        case 2:
            chance.shuffle(shapes)
        case _:
            shapes[at] = chance.choice(changes)()


def _around(chance: random.Random) -> dict[str, Any]:
    where = chance.choice(("prefix", "before_directory", "after_directory", "trailer", "end", "shift"))
    if where == "end":
        return {"end": {chance.randrange(1, 8): chance.choice((0, 1, 2, 0xFFFF))}}
    if where == "shift":
        return {"shift": chance.choice((1, 64))}
    return {where: chance.choice((b"x", bytes(22), bytes(64), END.pack(layout.END_MARK, 0, 0, 0, 0, 0, 0, 0)))}


def package(data: bytes, chance: random.Random) -> bytes:
    """A member changed by somebody who holds a key: sizes and digests are put right, and it is signed again."""
    members = _members(data)
    if members is None or chance.random() < 0.05:
        return container(data, chance)
    made = dict(members)
    name = chance.choice(list(made))
    kind = name.rsplit(b".", 1)[-1]
    change = tensors if kind == b"safetensors" else json_tree if kind == b"json" else plain
    match chance.randrange(10):
        case 0:
            del made[name]
        case 1:
            made[chance.choice(_TEXTS).encode("utf-8", "surrogatepass")] = made[name]
        case 2:
            made[name] = made[chance.choice(list(made))]
        case _:
            made[name] = change(made[name], chance)[:8192]
    if chance.random() < 0.9:
        _restate(made, name, chance)
    try:
        return build([Shape(name, content) for name, content in sorted(made.items())])
    except Exception:
        return plain(data, chance)


def _restate(made: dict[bytes, bytes], changed: bytes, chance: random.Random) -> None:
    """Make the statement and the manifest say what the members are."""
    try:
        manifest = json.loads(made[b"manifest.json"])
        for base, variant in manifest["variants"].items():
            prefix = f"variants/{base}/".encode()
            sizes = {n[len(prefix) :].decode(): len(c) for n, c in made.items() if n.startswith(prefix)}
            variant["sizes"] = sizes
        if changed != b"manifest.json" or chance.random() < 0.5:
            made[b"manifest.json"] = _canonical(manifest)
        said = json.loads(made[b"statement.json"])
        said["subject"] = [
            {"name": n.decode(), "digest": {"sha256": hashlib.sha256(c).hexdigest()}, "annotations": {"size": len(c)}}
            for n, c in sorted(made.items())
            if n not in (b"statement.json", b"signatures.json")
        ]
        said["predicate"]["manifest"]["sha256"] = hashlib.sha256(made[b"manifest.json"]).hexdigest()
        for field in ("publisher", "name", "version", "requires", "conflicts"):
            if chance.random() < 0.95:
                said["predicate"][field] = manifest[field]
        if chance.random() < 0.15:
            other = {
                "publisher": "evil",
                "name": "expert-evil",
                "version": "6.6.6",
                "requires": {"a/b": "*"},
                "conflicts": {"a/b": "*"},
            }
            field = chance.choice([*other, "variants"])
            said["predicate"][field] = other.get(field) or {
                base: {"base": {"sha256": "9" * 64}, "tokenizer": {"sha256": "8" * 64}} for base in manifest["variants"]
            }
        made[b"statement.json"] = _canonical(said)
        if b"signatures.json" in made and changed != b"signatures.json":
            made[b"signatures.json"] = signatures.sign(made[b"statement.json"], [ALICE])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return


def _members(data: bytes) -> list[tuple[bytes, bytes]] | None:
    """The members of something that is nearly a container; None if it is not."""
    try:
        *_, count, _size, offset, _ = END.unpack(data[-END.size :])
        position, found = offset, []
        for _ in range(min(count, 64)):
            fields = CENTRAL.unpack(data[position : position + CENTRAL.size])
            length, begin = fields[10], fields[16]
            name = data[position + CENTRAL.size : position + CENTRAL.size + length]
            local = int.from_bytes(data[begin + 26 : begin + 28], "little") + int.from_bytes(data[begin + 28 : begin + 30], "little")  # fmt: skip
            content = data[begin + 30 + local : begin + 30 + local + fields[9]]
            if zlib.crc32(content) != fields[7]:
                return None
            found.append((name, content))
            position += CENTRAL.size + length
        return found or None
    except Exception:
        return None
