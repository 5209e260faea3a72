"""The trust file: who may sign in which namespace on this machine.

It is read with suspicion, since people edit it, and changed by one process at a time. Retired and revoked keys keep
their place in it; how they got there is told in `succession`. What a package's signatures are worth by it is decided
in `verdict`.
"""

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runtime.artifact.manifest import NAME
from runtime.artifact.refusals import BadDocument, Refused
from runtime.artifact.schema import check, expect_version
from runtime.artifact.signature import check_public_key, key_id
from runtime.artifact.strict_json import canonical, read
from runtime.errors import Mistake, Problem
from runtime.home import config_home
from runtime.registry.disk import only_writer, publish_file

FORMAT = "expert-trust/1"
OWN = "local"  # the namespace of this machine's own builds; nobody else's key gets into it unasked


@dataclass(frozen=True)
class TrustedKey:
    """One key of a namespace. Only an active one lets anything new in."""

    public: bytes
    state: str = "active"  # active, retired, revoked
    origin: str = "by hand"  # by hand, first use, made here, rotation
    added: str = ""
    note: str = ""
    successor: str = ""


@dataclass(frozen=True)
class Namespace:
    """Who may sign, and how many of them must. `mode` is pinned, or development for one's own builds.

    `sequence` is the number of the last rotation; `before` the lower threshold that held before one raised it, to which
    what is installed is held until a person sets a threshold by hand.
    """

    keys: Mapping[str, TrustedKey]
    threshold: int = 1
    mode: str = "pinned"
    sequence: int = 0
    before: int = 0

    def in_state(self, state: str) -> frozenset[str]:
        """The ids of the keys in this state."""
        return frozenset(key for key, entry in self.keys.items() if entry.state == state)


@dataclass(frozen=True)
class Trust:
    """The trust file. `digest` names the exact file that a decision was based on."""

    namespaces: Mapping[str, Namespace] = field(default_factory=dict)
    digest: str = ""


def trust_file() -> Path:
    return config_home() / "trust.json"


def load_trust(path: Path | None = None) -> Trust:
    """The trust file, checked; an absent one trusts nobody."""
    path = path or trust_file()
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Trust()
    except OSError as error:
        raise Problem(f"The trust file can not be read: {error.strerror}.", where=str(path)) from None
    try:
        value = read(data, "the trust file")
        expect_version(value, "format", FORMAT, "the trust file")
        if strange := value.keys() - {"format", "namespaces"}:
            raise BadDocument(f"The trust file has the unknown field {min(strange)[:80]!r}.")
        namespaces = {name: _namespace(name, entry) for name, entry in value["namespaces"].items()}
    except Refused as error:
        error.where = str(path)
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadDocument(f"The trust file is not as it must be: {error!r}.", where=str(path)) from None
    return Trust(namespaces, hashlib.sha256(data).hexdigest())


def add_keys(
    name: str,
    publics: Iterable[bytes],
    *,
    origin: str = "by hand",
    threshold: int | None = None,
    mode: str | None = None,
    note: str = "",
    path: Path | None = None,
) -> Trust:
    """Let these keys sign in a namespace; what is known of the namespace stays unless it is given anew."""
    if not NAME.fullmatch(name):
        raise Mistake(f"{name[:80]!r} is not a namespace: small letters, digits and dashes.")
    for public in publics:
        check_public_key(public)
    added = datetime.now(UTC).strftime("%Y-%m-%d")

    def change(trust: Trust) -> Trust:
        before = trust.namespaces.get(name, Namespace({}))
        new = {key_id(p): TrustedKey(p, origin=origin, added=added, note=note) for p in publics}
        for key in new:
            if key in before.keys and before.keys[key].state == "revoked":
                raise Mistake(f"The key {key} was revoked for {name}.", hint="Make a new one: expertbuild keygen")
        after = replace(
            before,
            keys={**before.keys, **new},
            threshold=threshold or before.threshold,
            mode=mode or before.mode,
            before=0 if threshold else before.before,
        )
        active = len(after.in_state("active"))
        if after.threshold > active:
            raise Mistake(f"A threshold of {after.threshold} can not be met with {active} keys.")
        return replace(trust, namespaces={**trust.namespaces, name: after})

    return update_trust(change, path)


def remove_keys(name: str, key: str | None = None, *, path: Path | None = None) -> Trust:
    """Forget a namespace, or the one key of it that begins with `key`."""

    def change(trust: Trust) -> Trust:
        namespaces = dict(trust.namespaces)
        if name not in namespaces:
            raise Mistake(f"The trust file has no namespace {name[:80]!r}.", hint="See: expertbuild trust list")
        before = namespaces.pop(name)
        if key is not None:
            gone = find_key(before, name, key)
            after = replace(before, keys={known: before.keys[known] for known in before.keys if known != gone})
            left = len(after.in_state("active"))
            if after.keys and before.keys[gone].state == "active" and before.threshold > left:
                raise Mistake(f"{name} needs {before.threshold} signatures and would have {left} keys left.")
            if after.keys:
                namespaces[name] = after
        return replace(trust, namespaces=namespaces)

    return update_trust(change, path)


def find_key(namespace: Namespace, name: str, beginning: str) -> str:
    """The id of the one key of a namespace that begins so."""
    matching = [known for known in namespace.keys if known.startswith(beginning)]
    if len(matching) != 1:
        raise Mistake(
            f"{len(matching)} keys of {name} begin with {beginning[:64]!r}.", hint="See: expertbuild trust list"
        )
    return matching[0]


def update_trust(change: Callable[[Trust], Trust], path: Path | None = None) -> Trust:
    """Change the trust file under its lock; it is replaced whole, or stays as it was."""
    path = path or trust_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with only_writer(path.with_suffix(".lock")):
            after = change(load_trust(path))
            document = _document(after)
            check(document, "trust", "the trust file")
            publish_file(canonical(document) + b"\n", path.parent, path)
    except OSError as error:
        raise Problem(f"The trust file can not be written: {error.strerror}.", where=str(path)) from error
    return load_trust(path)


def _namespace(name: str, entry: Mapping[str, Any]) -> Namespace:
    keys = {}
    for key, value in entry["keys"].items():
        fields = {**value, "public": base64.b64decode(value["public"], validate=True)}
        keys[key] = TrustedKey(**fields)
        check_public_key(keys[key].public)
        if key_id(keys[key].public) != key:
            raise BadDocument(f"The trust file has a key of {name} under an id that is not its own, {key[:64]}.")
        if keys[key].state not in ("active", "retired", "revoked"):
            raise BadDocument(f"The trust file has a key of {name} in the unknown state {keys[key].state!r}.")
    threshold, mode = entry["threshold"], entry["mode"]
    if type(threshold) is not int or threshold < 1 or mode not in ("pinned", "development"):
        raise BadDocument(f"The trust file has an impossible threshold or mode for {name}.")
    numbers = [entry.get(field, 0) for field in ("sequence", "before")]
    if any(type(number) is not int or number < 0 for number in numbers):
        raise BadDocument(f"The trust file has an impossible rotation number for {name}.")
    if entry.keys() - {"keys", "threshold", "mode", "sequence", "before"} or not NAME.fullmatch(name):
        raise BadDocument(f"The trust file has an unknown field in {name[:80]!r}.")
    return Namespace(keys, threshold, mode, *numbers)


def _document(trust: Trust) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "namespaces": {
            name: {
                "mode": namespace.mode,
                "threshold": namespace.threshold,
                **({"sequence": namespace.sequence} if namespace.sequence else {}),
                **({"before": namespace.before} if namespace.before else {}),
                "keys": {
                    key: {
                        "public": base64.b64encode(entry.public).decode("ascii"),
                        "state": entry.state,
                        "origin": entry.origin,
                        "added": entry.added,
                        **({"note": entry.note} if entry.note else {}),
                        **({"successor": entry.successor} if entry.successor else {}),
                    }
                    for key, entry in namespace.keys.items()
                },
            }
            for name, namespace in trust.namespaces.items()
        },
    }
