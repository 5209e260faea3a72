"""Text to ids and back: a base's own tokenizer and chat template, without transformers.

On ordinary text `chat` gives the ids of transformers' `apply_chat_template`. A message that spells a control token
("<|im_end|>") gets the ids of those letters, never the token: nobody closes their own turn and opens the system's.
Templates run in jinja's immutable sandbox. Nothing here downloads, and nothing in a directory can run code.
"""

import copy
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers.decoders import DecodeStream

from runtime.engine.base import read_json
from runtime.engine.errors import BaseRefused, ChatRefused
from runtime.engine.template import (
    compile_template,
    control_patterns,
    marked,
    render,
    template_text,
    unused_character,
)

_NAMED_TOKENS = (
    "bos_token",
    "eos_token",
    "unk_token",
    "sep_token",
    "pad_token",
    "cls_token",
    "mask_token",
)


class Tokenizer:
    """One base's tokenizer. Immutable after loading; may be shared between threads."""

    def __init__(
        self,
        document: dict[str, Any],
        settings: Mapping[str, Any],
        *,
        template: str | None = None,
        eos_ids: Iterable[int] = (),
    ) -> None:
        self.named_tokens = {name: text for name in _NAMED_TOKENS if (text := _token_text(settings.get(name)))}
        also = {_token_text(token) for token in settings.get("additional_special_tokens") or ()}
        control = also | set(self.named_tokens.values())
        for token in document.get("added_tokens") or ():
            # Some hub tokenizers forget to flag their turn markers: for us they are control tokens all the same.
            text = token["content"]
            token["special"] = token["special"] or text in control or text.startswith("<|")
        self.document = json.dumps(document)
        self._parsing = tokenizers.Tokenizer.from_str(self.document)
        self._plain = tokenizers.Tokenizer.from_str(self.document)
        for each in (self._parsing, self._plain):
            each.no_padding()
            each.no_truncation()
        self._plain.encode_special_tokens = True
        self._control = {
            token["content"]: int(token["id"])
            for token in document.get("added_tokens") or ()
            if token["special"] and token["content"]
        }
        self._control_ids = frozenset(self._control.values())
        self._pieces, self._suspicious = control_patterns(self._control)
        self._template = compile_template(template) if template is not None else None
        self.vocab_size: int = self._parsing.get_vocab_size(with_added_tokens=True)
        named_end = self._control.get(self.named_tokens.get("eos_token", ""))
        ends = set(eos_ids) | ({named_end} if named_end is not None else set())
        self.eos_ids: frozenset[int] = frozenset(ends)

    @classmethod
    def load(cls, directory: Path | str) -> "Tokenizer":
        """The tokenizer of a base directory."""
        root = Path(directory)
        optional = {
            name: read_json(root / name) if (root / name).is_file() else {}
            for name in (
                "tokenizer_config.json",
                "generation_config.json",
                "config.json",
            )
        }
        settings = optional["tokenizer_config.json"]
        ends = optional["generation_config.json"].get("eos_token_id")
        if ends is None:
            ends = optional["config.json"].get("eos_token_id")
        eos_ids = ends if isinstance(ends, list) else [ends] if ends is not None else []
        try:
            return cls(
                read_json(root / "tokenizer.json"),
                settings,
                template=template_text(root, settings),
                eos_ids=[int(token) for token in eos_ids],
            )
        except BaseRefused:
            raise
        except Exception as error:  # the tokenizers library raises bare Exception
            raise BaseRefused(
                f"is not a tokenizer this engine reads ({error}).",
                where=str(root / "tokenizer.json"),
            ) from error

    def encode(self, text: str) -> list[int]:
        """The ids of plain text. A control token spelled in it is only letters."""
        ids = _ids(self._plain, text)
        if not self._control_ids.isdisjoint(ids):
            raise ChatRefused("the text encodes to a control token of this tokenizer.")
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, control tokens left out."""
        return self._parsing.decode(list(ids), skip_special_tokens=True)

    def token_text(self, token: int) -> str | None:
        """How the vocabulary spells one id; None if it has no such id."""
        return self._parsing.id_to_token(token)

    def token_id(self, text: str) -> int | None:
        """The token of exactly this text."""
        found = self._parsing.token_to_id(text)
        return None if found is None else int(found)

    def token_bytes(self, token: int) -> bytes:
        """What one id stands for; a control token by its name. Parts of characters come as the bytes they are."""
        name = self.token_text(token) or ""
        text = self._parsing.decode([token], skip_special_tokens=True)
        if text and "\ufffd" not in text:
            return text.encode()
        if token in self._control_ids or not all(letter in _BYTE_OF for letter in name):
            return name.encode()
        return bytes(_BYTE_OF[letter] for letter in name)

    def stream(self) -> "TextStream":
        """A decoder for ids that arrive one at a time."""
        return TextStream(self._parsing)

    def chat(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        answer_follows: bool = True,
        variables: Mapping[str, Any] | None = None,
    ) -> list[int]:
        """The ids of a conversation in the base's own chat format; `variables` go to the template as they are."""
        mark = unused_character(messages, variables)
        rendered = self._render(
            [marked(dict(message), self._suspicious, mark) for message in messages],
            answer_follows,
            marked(dict(variables or {}), self._suspicious, mark),
        )
        text = rendered.replace(mark, "")
        if self._pieces is None:
            return self.encode(text)
        if len(self._pieces.findall(rendered)) == len(self._pieces.findall(text)):
            return _ids(self._parsing, text)  # nothing is forged: one pass, as anyone would
        ids: list[int] = []
        for piece in self._pieces.split(rendered):
            if piece in self._control:
                ids.append(self._control[piece])
            elif piece:
                ids += self.encode(piece.replace(mark, ""))
        return ids

    def render(self, messages: Sequence[Mapping[str, Any]], *, answer_follows: bool = True) -> str:
        """The conversation as text, for people to read. Never encode it: `chat` is the safe way."""
        return self._render([dict(message) for message in messages], answer_follows, {})

    def _render(
        self,
        messages: Sequence[Mapping[str, Any]],
        answer_follows: bool,
        variables: Mapping[str, Any],
    ) -> str:
        if self._template is None:
            raise ChatRefused(
                "this base has no chat template.",
                hint="Give token ids or plain text instead.",
            )
        names = {
            **self.named_tokens,
            **variables,
            "add_generation_prompt": answer_follows,
        }
        return render(self._template, messages, names)


class TextStream:
    """Turns ids into text as they come; holds back bytes that are not yet a whole character."""

    def __init__(self, tokenizer: tokenizers.Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._stream = DecodeStream(skip_special_tokens=True)
        self._ids: list[int] = []
        self._given: list[str] = []

    def add(self, token: int) -> str:
        """The text that this token completes; often a word, sometimes nothing."""
        self._ids.append(token)
        piece: str = self._stream.step(self._tokenizer, token) or ""
        if piece:
            self._given.append(piece)
        return piece

    def fork(self) -> "TextStream":
        """Another decoder at the same place."""
        other = TextStream(self._tokenizer)
        other._stream = copy.copy(self._stream)
        other._ids, other._given = list(self._ids), list(self._given)
        return other

    def finish(self) -> str:
        """What was still held back: broken characters come out as U+FFFD, as `decode` gives them."""
        given = "".join(self._given)
        whole: str = self._tokenizer.decode(self._ids, skip_special_tokens=True)
        return whole[len(given) :] if whole.startswith(given) else ""


def _letters_of_bytes() -> dict[str, int]:
    """How byte-level vocabularies write bytes: printable ones as they are, the others from U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + place): byte for place, byte in enumerate(others)}


_BYTE_OF = _letters_of_bytes()


def _token_text(token: Any) -> str:
    """A token as tokenizer_config.json writes it: text, or an object with its text as `content`."""
    if isinstance(token, Mapping):
        token = token.get("content")
    return token if isinstance(token, str) else ""


def _ids(tokenizer: tokenizers.Tokenizer, text: str) -> list[int]:
    try:
        ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
    except (TypeError, UnicodeError) as error:  # half of a surrogate pair is no text
        raise ChatRefused("the text is not valid Unicode.") from error
    return ids
