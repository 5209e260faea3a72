"""The base's own tokenizer: the ids transformers would give, and no message that can forge a control token."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.engine.errors import BaseRefused, ChatRefused
from runtime.engine.tokenizer import Tokenizer
from tests.tiny import tiny_base

START, END = 1, 2

TALK = [
    {"role": "system", "content": "You are careful.\n"},
    {"role": "user", "content": "SELECT name FROM city WHERE a < b; \t 42 ö 漢字 🙂"},
    {"role": "assistant", "content": "  {}  "},
    {"role": "user", "content": "again <b>please</b> |im_end|"},
]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_base(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def tokenizer(base: Path) -> Tokenizer:
    return Tokenizer.load(base)


@pytest.mark.parametrize("answer_follows", [True, False])
@pytest.mark.parametrize("architecture", ["qwen3", "qwen2", "llama"])
def test_chat_gives_the_ids_of_transformers(tmp_path: Path, architecture: str, answer_follows: bool) -> None:
    from transformers import AutoTokenizer

    base = tiny_base(tmp_path, architecture)
    theirs = AutoTokenizer.from_pretrained(base).apply_chat_template(
        TALK, add_generation_prompt=answer_follows, tokenize=True, return_dict=False
    )
    assert Tokenizer.load(base).chat(TALK, answer_follows=answer_follows) == theirs


def test_a_template_that_looks_at_content_sees_what_transformers_shows_it(
    tmp_path: Path,
) -> None:
    from transformers import AutoTokenizer

    base = tiny_base(tmp_path)
    (base / "chat_template.jinja").write_text(
        "{%- set ns = namespace(last=-1) %}"
        "{%- for m in messages %}{% if m.role == 'user' %}{% set ns.last = loop.index0 %}{% endif %}{% endfor %}"
        "{%- for m in messages %}"
        "{%- set text = m.content.split('</think>')[-1].lstrip('\\n') if '</think>' in m.content else m.content %}"
        "{{- '<|im_start|>' + m.role + '\\n' }}{% generation %}{{ text | trim }}{% endgeneration %}{{- '<|im_end|>\\n' }}"
        "{%- if loop.last %}{% break %}{% endif %}{%- endfor %}"
        "{%- if enable_thinking is defined and not enable_thinking %}{{ '<think></think>' }}{% endif %}"
        "{{- {'b': 1, 'a': '<ü>'} | tojson }}{{ eos_token }}",
        encoding="utf-8",
    )
    talk = [{"role": "assistant", "content": "<think>hm</think>\n so < 3 "}, *TALK]
    theirs = AutoTokenizer.from_pretrained(base).apply_chat_template(
        talk, tokenize=True, return_dict=False, enable_thinking=False
    )
    ours = Tokenizer.load(base).chat(talk, answer_follows=False, variables={"enable_thinking": False})
    assert ours == theirs


@given(
    st.lists(
        st.sampled_from(
            [
                "<|im_end|>",
                "<|im_start|>",
                "<|",
                "<",
                "im_end|>",
                "|im_end|>",
                "\U000f0000",
                " ",
                "\n",
                "system",
                "x",
            ]
        ),
        max_size=8,
    )
)
@settings(max_examples=60, deadline=None)
def test_content_never_becomes_a_control_token(pieces: list[str]) -> None:
    tokenizer = _shared()
    content = "".join(pieces)
    talk = [{"role": "user", "content": content}, {"role": "user", "content": content}]
    ids = tokenizer.chat(talk, answer_follows=False)
    assert (ids.count(START), ids.count(END), ids.count(0)) == (2, 2, 0)
    assert content in tokenizer.decode(ids)
    assert not {0, START, END} & set(tokenizer.encode(content))
    assert tokenizer.decode(tokenizer.encode(content)) == content


def test_roles_and_joined_contents_cannot_forge_either(tmp_path: Path) -> None:
    base = tiny_base(tmp_path)
    template = "{% for m in messages %}{{ m.role }}{{ m.content | trim }}{% endfor %}<|im_end|>"
    (base / "chat_template.jinja").write_text(template)
    tokenizer = Tokenizer.load(base)
    talk = [
        {"role": "<|im_start|>", "content": "< "},
        {"role": "|im_end|>", "content": "<"},
        {"role": "|im_start|>", "content": "<|im_"},
        {"role": "end|>", "content": ""},
    ]
    ids = tokenizer.chat(talk)
    assert [token for token in ids if token in (0, START, END)] == [END]


def test_a_marker_that_forgot_its_special_flag_is_still_a_control_token(
    tmp_path: Path,
) -> None:
    base = tiny_base(tmp_path)
    document = json.loads((base / "tokenizer.json").read_text())
    for token in document["added_tokens"]:
        token["special"] = False
    (base / "tokenizer.json").write_text(json.dumps(document))
    assert END not in Tokenizer.load(base).encode("<|im_end|>")


@given(st.text(max_size=40))
@settings(max_examples=60, deadline=None)
def test_streamed_text_is_the_decoded_text(text: str) -> None:
    tokenizer = _shared()
    ids = tokenizer.encode(text)
    stream = tokenizer.stream()
    pieces = [stream.add(token) for token in ids]
    assert "".join(pieces) + stream.finish() == tokenizer.decode(ids)


def test_half_a_character_is_held_back_and_then_shown_as_broken(
    tokenizer: Tokenizer,
) -> None:
    ids = tokenizer.encode("🙂")
    stream = tokenizer.stream()
    assert [stream.add(token) for token in ids[:-1]] == [""] * (len(ids) - 1)
    assert stream.finish() == tokenizer.decode(ids[:-1]) == "\ufffd"


def test_every_way_to_name_an_end_token_is_read(tokenizer: Tokenizer) -> None:
    assert tokenizer.eos_ids == {0, 2}  # generation_config.json and the named eos_token


def test_a_tokenizer_directory_cannot_run_code(tmp_path: Path) -> None:
    base = tiny_base(tmp_path)
    told = json.loads((base / "tokenizer_config.json").read_text())
    told["auto_map"] = {"AutoTokenizer": ["own.Tokenizer", None]}
    told["tokenizer_class"] = "own.Tokenizer"
    (base / "tokenizer_config.json").write_text(json.dumps(told))
    (base / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    Tokenizer.load(base)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ messages.append(1) }}",
        "{{ raise_exception('no system turn here') }}",
        "{{ messages[9].content.upper() }}",
        "{% for i in range(10000000) %}{% endfor %}",
        "{{ 1 / 0 }}",
    ],
)
def test_a_template_that_misbehaves_is_one_refusal(tmp_path: Path, template: str) -> None:
    base = tiny_base(tmp_path)
    (base / "chat_template.jinja").write_text(template)
    with pytest.raises(ChatRefused, match="chat template refuses"):
        Tokenizer.load(base).chat(TALK)


def test_a_base_without_a_template_says_so(tmp_path: Path) -> None:
    base = tiny_base(tmp_path)
    (base / "chat_template.jinja").unlink()
    with pytest.raises(ChatRefused, match="no chat template"):
        Tokenizer.load(base).chat(TALK)


def test_text_that_is_not_unicode_is_refused(tokenizer: Tokenizer) -> None:
    with pytest.raises(ChatRefused, match="Unicode"):
        tokenizer.chat([{"role": "user", "content": "\ud800"}])


def test_a_conversation_of_nothing_is_refused(tokenizer: Tokenizer) -> None:
    with pytest.raises(ChatRefused, match="at least one message"):
        tokenizer.chat([])


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"model": {"type": "Nothing"}}'])
def test_a_broken_tokenizer_file_is_named(tmp_path: Path, content: str) -> None:
    base = tiny_base(tmp_path)
    (base / "tokenizer.json").write_text(content)
    with pytest.raises(BaseRefused, match=r"tokenizer\.json"):
        Tokenizer.load(base)


def test_a_template_that_is_not_text_is_named(tmp_path: Path) -> None:
    base = tiny_base(tmp_path)
    (base / "chat_template.jinja").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BaseRefused, match=r"chat_template\.jinja"):
        Tokenizer.load(base)


_cache: list[Tokenizer] = []


def _shared() -> Tokenizer:
    if not _cache:
        import tempfile

        with tempfile.TemporaryDirectory() as directory:
            _cache.append(Tokenizer.load(tiny_base(directory)))
    return _cache[0]


@given(st.text(max_size=30))
@settings(max_examples=60, deadline=None)
def test_the_bytes_of_tokens_are_the_bytes_of_the_text(text: str) -> None:
    """Also where a character is cut into several tokens, none of which is text by itself."""
    tokenizer = _shared()
    try:
        ids = tokenizer.encode(text)
    except ChatRefused:
        return
    spelled = b"".join(tokenizer.token_bytes(token) for token in ids)
    assert spelled == tokenizer.decode(ids).encode()


def test_control_tokens_are_spelled_by_their_names_and_unknown_ids_not_at_all(tokenizer: Tokenizer) -> None:
    assert tokenizer.token_bytes(END) == b"<|im_end|>"
    assert tokenizer.token_bytes(10**6) == b""


@given(st.lists(st.integers(3, 511), max_size=12), st.lists(st.integers(3, 511), max_size=8), st.integers(3, 511))
@settings(max_examples=60, deadline=None)
def test_a_forked_stream_goes_on_by_itself(before: list[int], after: list[int], other: int) -> None:
    tokenizer = _shared()
    first = tokenizer.stream()
    text = "".join(first.add(token) for token in before)
    second = first.fork()
    second.add(other)
    text += "".join(first.add(token) for token in after) + first.finish()
    assert text == tokenizer.decode(before + after)
