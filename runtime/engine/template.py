"""A base's chat template: found, compiled in jinja's immutable sandbox, and fed with marked content.

A template joins our markers and a stranger's words into one string. So that the two can be told apart afterwards,
each character in content that could begin a control token is followed by a mark: a character used nowhere else.
What the ids are is the tokenizer's business.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import jinja2
import jinja2.sandbox
from jinja2.ext import loopcontrols

from runtime.engine.errors import BaseRefused, ChatRefused


def template_text(root: Path, settings: Mapping[str, Any]) -> str | None:
    file = root / "chat_template.jinja"
    if file.is_file():
        try:
            return file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BaseRefused("is not text.", where=str(file)) from error
    template = settings.get("chat_template")
    if isinstance(template, list):  # several named templates: the default one is for chatting
        named = {entry.get("name"): entry.get("template") for entry in template if isinstance(entry, dict)}
        template = named.get("default")
    return template if isinstance(template, str) else None


def compile_template(template: str) -> jinja2.Template:
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _refuse
    environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    try:
        return environment.from_string(template)
    except jinja2.TemplateError as error:
        raise BaseRefused(f"the base's chat template does not compile ({error}).") from error


class _Generation(jinja2.ext.Extension):
    """`{% generation %}` marks assistant text for trainers; when rendering it is only its content."""

    tags = {"generation"}  # noqa: RUF012 - jinja declares it so

    def parse(self, parser: jinja2.parser.Parser) -> list[jinja2.nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )


def render(
    template: jinja2.Template,
    messages: Sequence[Mapping[str, Any]],
    names: Mapping[str, Any],
) -> str:
    """The conversation as one string; whatever goes wrong in the template is the conversation's refusal."""
    if not messages:
        raise ChatRefused("a conversation needs at least one message.")
    try:
        return template.render({"tools": None, "documents": None, **names, "messages": messages})
    except (
        jinja2.TemplateError,
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        raise ChatRefused(f"the base's chat template refuses these messages ({error}).") from error


def _refuse(message: str) -> NoReturn:
    raise jinja2.TemplateError(message)


def control_patterns(
    control: Mapping[str, int],
) -> tuple[re.Pattern[str] | None, re.Pattern[str] | None]:
    """A splitter at control tokens, and a finder of places in content where one could begin.

    A place counts also when the text ends, or has a space, after a token's first character: a template may
    strip and join what stands there.
    """
    if not control:
        return None, None
    longest_first = sorted(control, key=len, reverse=True)
    pieces = re.compile("(" + "|".join(map(re.escape, longest_first)) + ")")
    starts = {re.escape(text[0]) + (f"(?={re.escape(text[1])}|\\s|\\Z)" if len(text) > 1 else "") for text in control}
    return pieces, re.compile("|".join(sorted(starts)))


def marked(value: Any, suspicious: re.Pattern[str] | None, mark: str) -> Any:
    """The same value with `mark` after each character of its strings that could begin a control token."""
    if isinstance(value, str):
        return suspicious.sub(lambda found: found[0] + mark, value) if suspicious else value
    if isinstance(value, Mapping):
        return {marked(key, suspicious, mark): marked(item, suspicious, mark) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [marked(item, suspicious, mark) for item in value]
    return value


def unused_character(*values: Any) -> str:
    """A private-use character that none of the strings contain."""
    used: set[str] = set()

    def collect(value: Any) -> None:
        if isinstance(value, str):
            used.update(value)
        elif isinstance(value, Mapping):
            for key, item in value.items():
                collect(key)
                collect(item)
        elif isinstance(value, (list, tuple)):
            for item in value:
                collect(item)

    for value in values:
        collect(value)
    for code in range(0xF0000, 0xFFFFE):
        if chr(code) not in used:
            return chr(code)
    raise ChatRefused("the messages use every private-use character there is.")
