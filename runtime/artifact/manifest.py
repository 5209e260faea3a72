"""The manifest, schema v3: what an expert is, for the machine that serves it.

It is a signed member of the package. It holds no paths, no commands and no adapter configuration of another library:
what the machine needs is said in these fields, and an unknown field is refused. Older manifests (1.0, 2.0) are not
read here; `expertbuild migrate` turns them into an expert directory.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from runtime.artifact.schema import check, expect_version
from runtime.artifact.strict_json import canonical, read_canonical

FORMAT = "expert-manifest/3"
CAP = 4 * 1024 * 1024
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER, _PART = r"(0|[1-9][0-9]*)", r"(0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)"
VERSION = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(-{_PART}(\.{_PART})*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?")


@dataclass(frozen=True)
class Routing:
    """What speaks for and against this expert before any model is asked."""

    keywords: tuple[str, ...] = ()
    exclude_keywords: tuple[str, ...] = ()
    priority: float = 0.0


@dataclass(frozen=True)
class Compression:
    """How the record was made smaller, and what that did to the logits on the builder's prompts."""

    kind: str  # none, bf16, int8, osd
    tolerance: float  # what the build allowed
    difference: float  # the largest that it measured, against the adapter as it was trained
    prompts: int


@dataclass(frozen=True)
class Adapter:
    """For people: the slot record says what is computed."""

    kind: str
    rank: int | None = None
    compression: Compression | None = None


@dataclass(frozen=True)
class VariantManifest:
    """The expert on one base. `sizes` (member -> bytes) is filled in by `package.seal`."""

    base_digest: str
    tokenizer_digest: str
    adapter: Adapter
    sizes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Decoding:
    """How the expert was evaluated and is served. `grammar`: grammar.gbnf is in the package and binds the answer."""

    system: str = ""
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    max_tokens: int = 512
    stop: tuple[str, ...] = ()
    grammar: bool = False
    rope: Mapping[str, Any] | None = None  # a rotary embedding other than the base's, in the words of config.json
    check: str | None = None  # what looks at a finished answer: a name in `runtime.checks`
    second_look: int | None = None  # answers to look through where the check would rather have another
    bind: Mapping[str, str] | None = None  # rules of the grammar, and what in the conversation they are narrowed to
    rebind: Mapping[str, str] | None = None  # the same for the second look alone


@dataclass(frozen=True)
class Manifest:
    publisher: str
    name: str
    version: str
    summary: str
    license: str
    variants: Mapping[str, VariantManifest]
    capabilities: tuple[str, ...] = ()
    routing: Routing = Routing()
    requires: Mapping[str, str] = field(default_factory=dict)  # "publisher/name" -> SemVer range
    conflicts: Mapping[str, str] = field(default_factory=dict)
    limitations: tuple[str, ...] = ()
    decoding: Decoding = Decoding()
    annotations: Mapping[str, Any] = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        return f"{self.publisher}/{self.name}"

    def document(self) -> dict[str, Any]:
        plain = asdict(replace(self, variants=dict(self.variants)))
        for variant in plain["variants"].values():
            if variant["adapter"]["compression"] is None:
                del variant["adapter"]["compression"]  # not said, rather than said to be nothing
        for optional in ("rope", "check", "second_look", "bind", "rebind"):
            if plain["decoding"][optional] is None:
                del plain["decoding"][optional]
        return {"format": FORMAT, **plain}


def write_manifest(manifest: Manifest) -> bytes:
    """Canonical bytes, checked against the schema first: what we write, we read."""
    data = canonical(manifest.document())
    read_manifest(data)
    return data


def read_manifest(data: bytes, what: str = "manifest.json") -> Manifest:
    """A manifest from outside: strict JSON, known version, every field by the schema."""
    value = read_canonical(data, what, cap=CAP)
    expect_version(value, "format", FORMAT, what, "An older manifest is converted by `expertbuild migrate`.")
    check(value, "manifest", what)
    return manifest_of(value)


def manifest_of(value: Mapping[str, Any]) -> Manifest:
    """A manifest from a document that was checked before, such as one in the store."""
    fields = {key: value[key] for key in value if key != "format"}
    routing, decoding = value["routing"], value["decoding"]
    fields["capabilities"] = tuple(value["capabilities"])
    fields["limitations"] = tuple(value["limitations"])
    fields["routing"] = Routing(tuple(routing["keywords"]), tuple(routing["exclude_keywords"]), routing["priority"])
    fields["decoding"] = Decoding(**{**decoding, "stop": tuple(decoding["stop"])})
    fields["variants"] = {
        base: VariantManifest(**{**variant, "adapter": _adapter(variant["adapter"])})
        for base, variant in value["variants"].items()
    }
    return Manifest(**fields)


def _adapter(value: Mapping[str, Any]) -> Adapter:
    stated = value.get("compression")
    return Adapter(value["kind"], value["rank"], Compression(**stated) if stated else None)
