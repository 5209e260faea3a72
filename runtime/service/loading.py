"""From an installed package to an expert that is ready, or a refusal that names the check it did not pass.

signature -> base -> tokenizer -> files -> decoding -> shapes -> canary -> grammar -> profile. Whatever fails, nothing stays behind.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from runtime.artifact.adapter import PROMPT, SLOTS, read_adapter
from runtime.artifact.canary import Canary, read_canary
from runtime.artifact.manifest import Decoding, VariantManifest
from runtime.artifact.slots import SlotRecord
from runtime.binding.grammar import BoundGrammar
from runtime.errors import Problem
from runtime.registry.installed import Installed
from runtime.router.profile import Profile
from runtime.service.driver import Driver
from runtime.service.errors import LoadRefused

_SOUND = ("trusted", "first-use")


@dataclass(frozen=True)
class Ready:
    """A loaded expert."""

    installed: Installed
    decoding: Decoding
    grammar: BoundGrammar | None
    profile: Profile
    variant: str
    bytes: int  # of its weights on the device
    virtual: int  # tokens that its soft prompt takes of the context

    @property
    def name(self) -> str:
        return self.installed.name

    @property
    def adapter(self) -> str:
        """What the engine knows it by: two releases of one expert can be attached while one takes over."""
        return adapter_name(self.installed)


def adapter_name(installed: Installed) -> str:
    return f"{installed.reference}+{installed.id[:16]}"


def load(installed: Installed, driver: Driver, base_name: str, *, unsigned: bool = False) -> Ready:
    """Attach an installed expert to the engine after every check; raises LoadRefused."""
    name, reference = adapter_name(installed), installed.reference
    check_trust(installed, unsigned=unsigned)
    with _stage(reference, "base"):
        manifest = installed.manifest
        variant = _variant(installed, driver.engine.base_digest, base_name)
    if manifest.variants[variant].tokenizer_digest != driver.engine.tokenizer_digest:
        raise LoadRefused(reference, "tokenizer", f"it was built for another tokenizer than that of {base_name}.")
    weights = _read(installed, variant)
    with _stage(reference, "files"):
        grammar_text = bytes(installed.open("grammar.gbnf")).decode("utf-8") if manifest.decoding.grammar else None
    with _stage(reference, "decoding"):
        driver.engine.rope(manifest.decoding.rope)  # refused here rather than with every request
    with _stage(reference, "profile"):
        profile = Profile.load(installed.directory, installed.name)
    _attach(name, reference, weights, driver)
    try:
        with _stage(reference, "grammar"):
            told = manifest.decoding
            grammar = (
                BoundGrammar(driver.engine.grammars, grammar_text, told.bind, told.rebind) if grammar_text else None
            )
    except BaseException:
        driver.call(lambda engine: engine.detach(name))
        raise
    held = driver.engine.adapter(name)
    return Ready(installed, manifest.decoding, grammar, profile, variant, held.bytes, held.virtual)


def bring_back(ready: Ready, driver: Driver) -> None:
    """Attach the weights of an expert again that had to make room: the same files, shown to be the same, and checked."""
    reference = ready.installed.reference
    _attach(ready.adapter, reference, _read(ready.installed, ready.variant), driver)


@dataclass(frozen=True)
class _Weights:
    record: SlotRecord
    canary: Canary
    digest: str


def _read(installed: Installed, variant: str) -> _Weights:
    folder = f"variants/{variant}"
    with _stage(installed.reference, "files"):
        members = {name for name in (SLOTS, PROMPT) if f"{folder}/{name}" in installed.record.members}
        record = read_adapter(members, lambda each: installed.open(f"{folder}/{each}"))
        canary = read_canary(installed.open(f"{folder}/canary.safetensors"))
        digest = "+".join(installed.record.members[f"{folder}/{each}"].sha256 for each in sorted(members))
    return _Weights(record, canary, digest)


def _attach(name: str, reference: str, weights: _Weights, driver: Driver) -> None:
    """Shapes, then the canary; nothing stays behind if one of them fails."""
    with _stage(reference, "shapes"):
        driver.call(lambda engine: engine.attach(name, weights.record, weights.digest))
    try:
        with _stage(reference, "canary"):
            driver.call(lambda engine: engine.check_canary(name, weights.canary))
    except LoadRefused:
        driver.call(lambda engine: engine.detach(name))
        raise


@contextmanager
def _stage(reference: str, what: str) -> Iterator[None]:
    try:
        yield
    except LoadRefused:
        raise
    except Problem as problem:
        raise LoadRefused(reference, what, str(problem)) from problem


def check_trust(installed: Installed, *, unsigned: bool = False) -> None:
    """Refuse what the trust file of this moment does not stand behind."""
    if installed.trust in (*_SOUND, *(("unsigned",) if unsigned else ())):
        return
    hint = f"See: expertbuild verify {installed.reference}"
    if installed.trust == "unsigned":
        hint = "Allow it with policy.unsigned=true."
    raise LoadRefused(installed.reference, "signature", f"its signatures are {installed.trust}.", hint=hint)


def _variant(installed: Installed, digest: str, base_name: str) -> str:
    """The variant that was built for exactly this base, whatever both are called."""
    variants = installed.manifest.variants
    for name in installed.variants:
        if variants[name].base_digest == digest:
            return name
    built_for = ", ".join(f"{name} ({_short(variants[name])})" for name in sorted(installed.variants)) or "nothing"
    raise LoadRefused(
        installed.reference, "base", f"it was built for {built_for}, and this is {base_name} ({digest[:12]})."
    )


def _short(variant: VariantManifest) -> str:
    return variant.base_digest[:12]
