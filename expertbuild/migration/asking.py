"""How the expert is asked: decoding and the grammar, which is read for what it is before it is copied."""

from expertbuild.migration.account import Account, FileNote, Outcome
from expertbuild.migration.expert import Decoding
from expertbuild.migration.fields import Found, Section
from expertbuild.migration.older import Old
from expertbuild.migration.settling import keep_number, keep_text
from expertbuild.migration.sources import Source
from expertbuild.migration.staging import Staging
from expertbuild.migration.suspicion import local_path

GRAMMAR = "grammar.gbnf"
LONGEST_SYSTEM, STOPS, STOP, MOST_TOKENS = 65536, 16, 200, 131072
_GRAMMAR_CAP = 1 << 20
_DEFAULT_TOKENS = 512
_NO_PLACE = {
    "beam_size": "answers are drawn token by token here; there are no beams",
    "num_beams": "answers are drawn token by token here; there are no beams",
    "do_sample": "temperature says it: 0 is the likeliest token",
    "repetition_penalty": "the engine draws without one",
    "seed": "a request may bring one",
    "min_p": "the engine draws without it",
    "use_cache": "the engine always has one",
}


def ask(old: Old, source: Source, staging: Staging) -> Decoding:
    account, section = old.account, old.decoding
    for field, why in _NO_PLACE.items():
        if field in section.value:
            account.dropped((*section.path, field), why)
    tokens = keep_number(
        account,
        section.whole("max_tokens", "max_new_tokens", "max_length"),
        "decoding.yaml: max_tokens",
        1,
        MOST_TOKENS,
    )
    if tokens is None:
        account.added("decoding.yaml: max_tokens", str(_DEFAULT_TOKENS), "the old manifest has none that is possible")
    return Decoding(
        system=_system(old),
        grammar=_grammar(old, source, staging),
        temperature=keep_number(account, section.number("temperature"), "decoding.yaml: temperature", 0, 5),
        top_p=keep_number(account, section.number("top_p"), "decoding.yaml: top_p", 0, 1, above=True),
        top_k=_top_k(account, section.whole("top_k")),
        max_tokens=tokens or _DEFAULT_TOKENS,
        stop=_stop(section),
    )


def _top_k(account: Account, found: Found[int] | None) -> int | None:
    if found is not None and found.value == -1:
        account.changed(found.path, "decoding.yaml: top_k", "0: all of them")
        return 0
    return keep_number(account, found, "decoding.yaml: top_k", 0, 1_000_000)


def _system(old: Old) -> str | None:
    names = ("system", "system_prompt", "system_message")
    for section in (old.decoding, old.top):
        text = keep_text(old.account, section.text(*names), "decoding.yaml: system", most=LONGEST_SYSTEM, lines=True)
        if text:
            return text
    return None


def _stop(section: Section) -> tuple[str, ...]:
    """Stop strings are compared letter by letter, line breaks and all: they cross over as they are, or not at all."""
    kept: list[str] = []
    for found in section.texts("stop_sequences", "stop", "stop_strings", "stops"):
        printable = found.value.replace("\n", "").replace("\t", "").replace("\r", "").isprintable()
        if found.value in kept:
            section.account.dropped(found.path, "said twice")
        elif not found.value:
            section.account.dropped(found.path, "empty")
        elif len(kept) == STOPS or len(found.value) > STOP:
            section.account.doubted(found.path, f"at most {STOPS} stop texts of {STOP} characters are possible")
        elif not printable or found.value == "???":
            section.account.doubted(found.path, "no text that can be written in a configuration as it is")
        else:
            kept.append(found.value)
            section.account.carried(found.path, "decoding.yaml: stop")
    return tuple(kept)


def _grammar(old: Old, source: Source, staging: Staging) -> str | None:
    account, section = old.account, old.decoding
    use = section.flag("use_grammar", "grammar_enabled")
    file = section.text("grammar_file", "grammar_path")
    inline = section.text("grammar")
    if file is None and inline is not None and inline.value.strip().endswith(".gbnf"):
        file, inline = inline, None
    text, why = None, ""
    if file is not None:
        text, why = _from_file(file, source, staging)
    elif inline is not None:
        text, why = inline.value, ""
    if text is not None and use is not None and not use.value:
        text, why = None, "use_grammar is false"
    if text is not None:
        why = _fault(text)
        text = None if why else text
    for found in (file, inline):
        if found is None:
            continue
        if text is not None and (found is file or file is None):
            account.changed(found.path, f"decoding.yaml: grammar, {GRAMMAR}", "the file beside it")
        else:
            account.doubted(found.path, why or "the file was taken instead")
    if use is not None:
        if use.value and text is None:
            account.doubted(use.path, why or "no grammar is named")
        else:
            account.changed(use.path, "decoding.yaml: grammar", GRAMMAR if text else "null")
    if file is not None and file.value in source.sizes:
        outcome = Outcome.CARRIED if text is not None else Outcome.DOUBTED
        account.files.append(FileNote(file.value, outcome, GRAMMAR if text is not None else "", why))
    return text


def _from_file(file: Found[str], source: Source, staging: Staging) -> tuple[str | None, str]:
    name = file.value
    if local_path(name):
        return None, "a path of somebody's disk"
    if name not in source.sizes:
        return None, "only the manifest was given" if source.kind == "manifest" else "the package has no such file"
    if source.sizes[name] > _GRAMMAR_CAP:
        return None, f"longer than the {_GRAMMAR_CAP:,} bytes that a grammar may have"
    try:
        return staging.fetched(source, name)[0].read_text(encoding="utf-8"), ""
    except UnicodeDecodeError:
        return None, "not text in UTF-8"


def _fault(text: str) -> str:
    """Why a grammar would be refused, or nothing."""
    from runtime.engine.errors import GrammarRefused
    from runtime.engine.gbnf import gbnf_to_lark

    try:
        gbnf_to_lark(text)
    except GrammarRefused as error:
        return f"not a grammar that is read here: {error}"
    return ""
