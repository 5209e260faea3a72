"""`expertbuild export expert=NAME format=peft`: an expert as files that other engines read."""

import json
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from runtime.artifact.shown import shown
from runtime.errors import Mistake

if TYPE_CHECKING:
    from runtime.export.exporting import Wanted
    from runtime.registry.installed import Installed
    from runtime.service.bases import Base

_EPILOG = """words:
  expert=NAME            an installed expert, or a .expert file; without it the base alone is written
  format=FORMAT          peft (a LoRA), merged (a checkpoint for transformers, vLLM and others), gguf (the merged model
                         for llama.cpp), gguf-lora (a LoRA for llama.cpp)
  base=BASE              a name in conf/base or path:DIRECTORY; by default the expert's only base
  output=FOLDER          new or empty; by default exports/NAME-FORMAT
  dtype=fp32|bf16|fp16   of merged and gguf; by default as the base is stored
  tokenizer=none         gguf without a tokenizer, for token ids
  unsigned=true          also a package that nobody signed
"""
_KEYS = ("expert", "format", "base", "output", "dtype", "tokenizer", "unsigned")


def main(argv: Sequence[str]) -> int:
    """Write an expert with its base, or a LoRA alone, for other engines."""
    from argparse import RawDescriptionHelpFormatter

    parser = ArgumentParser(
        prog="expertbuild export", description=main.__doc__, epilog=_EPILOG, formatter_class=RawDescriptionHelpFormatter
    )
    parser.add_argument("words", nargs="*", metavar="KEY=VALUE")
    parser.add_argument("--json", action="store_true", help="print JSON")
    said = parser.parse_args(argv)
    words = _words(said.words)
    from runtime.export.exporting import export

    with _wanted(words) as wanted:
        name = wanted.name.rpartition("/")[2].replace("@", "-") or wanted.base_name
        output = Path(words.get("output") or Path("exports") / f"{name}-{words['format']}")
        files = export(wanted, words["format"], output)
    if said.json:
        done: dict[str, Any] = {"expert": wanted.name or None, "base": wanted.base_name, "format": words["format"]}
        print(json.dumps(done | {"folder": str(output), "files": files}, indent=2))
    else:
        what = wanted.name or wanted.base_name
        print(shown(f"Exported {what} as {words['format']}: {', '.join(files)} in {output}."))
        if words["format"] in ("peft", "gguf-lora"):
            print(shown(f"It goes with the base {wanted.base_name}: {wanted.base}"))
    return 0


def _words(typed: Sequence[str]) -> dict[str, str]:
    words: dict[str, str] = {}
    for word in typed:
        key, equals, value = word.partition("=")
        if not equals or key not in _KEYS or not value:
            raise Mistake(f"{word!r} says nothing to export.", hint=f"Words are KEY=VALUE; keys: {', '.join(_KEYS)}.")
        if key in words:
            raise Mistake(f"{key} is said twice.")
        words[key] = value
    for key, allowed in (
        ("dtype", ("fp32", "bf16", "fp16")),
        ("tokenizer", ("none",)),
        ("unsigned", ("true", "false")),
    ):
        if key in words and words[key] not in allowed:
            raise Mistake(f"{key}={words[key]} is not one of {', '.join(allowed)}.")
    if "format" not in words or not {"expert", "base"} & words.keys():
        raise Mistake("what is exported, and as what?", hint="expertbuild export expert=NAME format=merged")
    return words


@contextmanager
def _wanted(words: dict[str, str]) -> "Iterator[Wanted]":
    from runtime.export.exporting import Wanted
    from runtime.service.bases import find_base

    plain: dict[str, Any] = {"dtype": words.get("dtype"), "tokenizer": words.get("tokenizer") != "none"}
    if "expert" not in words:
        base = find_base(words["base"])
        yield Wanted(base.directory, base.name, **plain)
        return
    unsigned = words.get("unsigned") == "true"
    with _installed(words["expert"], unsigned) as installed:
        variant, base = _variant(installed, words.get("base"))
        yield _checked(installed, variant, base, unsigned, plain)


@contextmanager
def _installed(text: str, unsigned: bool) -> "Iterator[Installed]":
    """What is meant; a file is let in by the same rules as ever, into a store of its own that is forgotten again."""
    from runtime.registry.commands.words import subject
    from runtime.registry.installed import Installed
    from runtime.registry.store import Store

    meant = subject(text)
    if isinstance(meant, Installed):
        yield meant
        return
    with TemporaryDirectory(prefix="expertbuild-export-") as folder:
        store = Store(Path(folder) / "store")
        installed = store.install(meant, allow_unsigned=unsigned)
        try:
            yield installed
        finally:
            store.uninstall(installed.reference)  # read-only folders are opened again first


def _variant(installed: "Installed", named: str | None) -> "tuple[str, Base]":
    from runtime.service.bases import find_base

    there = sorted(installed.variants)
    if named is None and len(there) != 1:
        raise Mistake(f"{installed.reference} has several variants.", hint=f"Say base={' or base='.join(there)}.")
    base = find_base(named or there[0])
    from runtime.engine.base import base_digest, tokenizer_digest

    digest = base_digest(base.directory)
    for name in there:
        variant = installed.manifest.variants[name]
        if variant.base_digest == digest and variant.tokenizer_digest == tokenizer_digest(base.directory):
            return name, base
    raise Mistake(
        f"{installed.reference} was not built for this {base.name} ({digest[:12]}).",
        hint=f"It has: {', '.join(there)}.",
    )


def _checked(installed: "Installed", variant: str, base: "Base", unsigned: bool, plain: dict[str, Any]) -> "Wanted":
    """Trust, files and digests as for every load."""
    from runtime.artifact.adapter import PROMPT
    from runtime.artifact.canary import read_canary
    from runtime.artifact.slots import read_slots
    from runtime.export.errors import CannotExport
    from runtime.export.exporting import Wanted
    from runtime.service.loading import check_trust

    check_trust(installed, unsigned=unsigned)
    if f"variants/{variant}/{PROMPT}" in installed.record.members:
        raise CannotExport(
            f"{installed.reference} is a soft prompt, which none of these formats has a place for.",
            hint="Serve it with python -m runtime.serve.",
        )
    return Wanted(
        base.directory,
        base.name,
        record=read_slots(installed.open(f"variants/{variant}/slots.safetensors")),
        name=installed.reference,
        rope=installed.manifest.decoding.rope,
        canary=read_canary(installed.open(f"variants/{variant}/canary.safetensors")),
        **plain,
    )
