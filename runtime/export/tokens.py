"""A tokenizer.json as llama.cpp wants it: tokens, kinds of tokens, merges, and the name of how text is split.

llama.cpp knows ways to split text by name only. A tokenizer that splits in another way cannot be said there: it would give
other tokens for the same text, without a word. Such a model is exported without its tokenizer, for token ids, or not at all.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runtime.engine.base import read_json
from runtime.export.errors import CannotExport

_QWEN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_SPLITS = {_QWEN: "qwen2", _QWEN.replace(r"|\p{N}|", r"|\p{N}{1,3}|"): "llama-bpe", "": "gpt-2"}
NORMAL, CONTROL, USER, UNUSED = 1, 3, 4, 5  # llama.cpp's kinds of tokens


def add_tokens(writer: Any, base: Path, vocab: int) -> None:
    """Writes the tokenizer of a base directory into a GGUF; refused if llama.cpp could not follow it."""
    document = read_json(base / "tokenizer.json")
    model, split = document.get("model"), None
    try:
        split = split_name(document)
        texts, kinds = _tokens(document, model or {}, vocab)
        merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in (model or {})["merges"]]
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise CannotExport(
            f"the tokenizer is not one of byte pairs ({type(error).__name__}).",
            where=str(base / "tokenizer.json"),
            hint="Say tokenizer=none.",
        ) from error
    if not isinstance(model, dict) or split is None or model.get("type") != "BPE" or model.get("byte_fallback"):
        raise CannotExport(
            "llama.cpp has no name for the way this base's tokenizer splits text.",
            where=str(base / "tokenizer.json"),
            hint="Say tokenizer=none: the file then takes token ids, and text is made into them elsewhere.",
        )
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(split)
    writer.add_token_list(texts)
    writer.add_token_types(kinds)
    writer.add_token_merges(merges)
    _add_specials(writer, base, {text: number for number, text in enumerate(texts)})


def add_no_tokens(writer: Any, vocab: int) -> None:
    """A model that is asked in token ids."""
    writer.add_tokenizer_model("none")
    writer.add_vocab_size(vocab)


def split_name(document: Mapping[str, Any]) -> str | None:
    """llama.cpp's name for how a tokenizer.json splits text, or None."""
    splitter = document.get("pre_tokenizer") or {}
    parts: list[Mapping[str, Any]] = [splitter]
    if splitter.get("type") == "Sequence":
        parts = splitter["pretokenizers"]
    kinds = [part.get("type") for part in parts]
    if kinds == ["ByteLevel"]:
        return _SPLITS[""] if parts[0].get("use_regex", True) and not parts[0].get("add_prefix_space") else None
    if kinds != ["Split", "ByteLevel"] or parts[1].get("use_regex") or parts[1].get("add_prefix_space"):
        return None
    if parts[0].get("behavior") != "Isolated" or parts[0].get("invert"):
        return None
    return _SPLITS.get(parts[0]["pattern"].get("Regex") or "no pattern")


def _tokens(document: Mapping[str, Any], model: Mapping[str, Any], vocab: int) -> tuple[list[str], list[int]]:
    """As many as the embedding has rows: what has no text is an unused token."""
    texts = [f"[PAD{number}]" for number in range(vocab)]
    kinds = [UNUSED] * vocab
    for text, number in model["vocab"].items():
        if not 0 <= number < vocab:
            raise CannotExport(f"the tokenizer has token {number}; the base has rows for {vocab}.")
        texts[number], kinds[number] = text, NORMAL
    for added in document.get("added_tokens") or ():
        if 0 <= added["id"] < vocab:
            texts[added["id"]], kinds[added["id"]] = added["content"], CONTROL if added.get("special") else USER
    return texts, kinds


def _add_specials(writer: Any, base: Path, ids: Mapping[str, int]) -> None:
    said = read_json(base / "tokenizer_config.json") if (base / "tokenizer_config.json").is_file() else {}
    for name, add in (
        ("bos_token", "add_bos_token_id"),
        ("eos_token", "add_eos_token_id"),
        ("pad_token", "add_pad_token_id"),
    ):
        token = said.get(name)
        text = token.get("content") if isinstance(token, dict) else token
        if isinstance(text, str) and text in ids:
            getattr(writer, add)(ids[text])
    writer.add_add_bos_token(False)
    template = base / "chat_template.jinja"
    text = template.read_text(encoding="utf-8") if template.is_file() else said.get("chat_template")
    if isinstance(text, str):
        writer.add_chat_template(text)
