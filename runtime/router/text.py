"""A prompt as the router reads it: cut to what matters, folded, split into words.

A pasted document says little about the task: what is asked stands at the beginning or at the end, so only those are
read, and the cost of a decision does not grow with the prompt.
"""

import re
import unicodedata

# Scripts written without spaces: each character is a word of its own.
_SPACELESS = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_SPACELESS}]|[^\W_{_SPACELESS}]+[+#]*")
_DIGITS = re.compile(r"\d+")
_SPACE = re.compile(r"\s+")


def ends(text: str, head: int, tail: int) -> str:
    """The first `head` and the last `tail` characters, as one text."""
    if len(text) <= head + tail:
        return text
    return f"{text[:head]}\n{text[-tail:]}"


def folded(text: str) -> str:
    """The same text whatever its case, width and composition; half surrogates become '?'."""
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return unicodedata.normalize("NFKC", whole).lower()


def words(text: str) -> list[str]:
    """The words of a folded text; `c++` and `c#` are words."""
    return _WORD.findall(text)


def without_numbers(text: str) -> str:
    """Every number is one number, every gap one space: which ones does not say what is asked."""
    return _SPACE.sub(" ", _DIGITS.sub("0", text))
