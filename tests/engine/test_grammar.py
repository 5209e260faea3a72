"""Grammars bind what comes out: GBNF as llama.cpp means it, JSON Schema, and caps against hostile ones."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime.engine.engine import CompiledGrammar, Engine, Request, Sampling
from runtime.engine.errors import GrammarRefused
from runtime.engine.gbnf import gbnf_to_lark
from runtime.engine.gbnf_parser import Parser
from runtime.engine.gbnf_runs import runs
from runtime.engine.grammar import Grammars, Matcher
from runtime.engine.tokenizer import Tokenizer
from tests.engine.accepting import accepts, takes
from tests.tiny import tiny_base

SHARED = next(
    (each / "shared/data/dev" for each in Path(__file__).parents if (each / "shared/data/dev").is_dir()), None
)


@pytest.fixture
def engine(base: Path) -> Iterator[Engine]:
    engine = Engine.load(base, max_batch=16)
    yield engine
    engine.check()


def allowed(grammars: Grammars, matcher: Matcher) -> set[int]:
    forbidden, errors = grammars.forbidden([matcher])
    assert errors == [""]
    return set((~forbidden[0]).nonzero().flatten().tolist())


GRAMMARS: list[tuple[str, str, list[str], list[str]]] = [
    ("a literal beside a class", 'root ::= "abc" | [a-z]+ "x"', ["abc", "abx", "x" * 9, "qx"], ["abcd", "", "ab"]),
    ("a literal behind a class", 'root ::= [a-z]+ "abc"', ["xabc", "abcabc", "aabc"], ["abc", "xab"]),
    ("escapes", r'root ::= "\x41\u00e9\U0001F642\t\\\"" [\]\[^-] .', ['Aé🙂\t\\"[x', 'Aé🙂\t\\"]\n'], ["Aé"]),
    ("negated class", 'root ::= [^a-c"\\n]*', ["", "dé/x"], ["a", "\n", '"']),
    ("repetition", 'root ::= "a"{2} "b"{1,3} "c"{2,}', ["aabcc", "aabbbcccc"], ["abcc", "aabbbbcc", "aabc"]),
    ("nothing at all", 'root ::= ""', [""], ["a"]),
    ("nothing, often", 'root ::= (("a"?)*)*', ["", "aaa"], ["b"]),
    ("brackets", 'root ::= "(" root* ")"', ["()", "(()(()))"], ["", "(", "())"]),
    ("comments and lines", '# c\nroot ::= ( "a" # x\n | "b"\n ) tail # y\n\ntail ::= "!"\n', ["a!", "b!"], ["a"]),
    ("ambiguity", 'root ::= s\ns ::= "a" s s | "a"', ["a", "aaa"], ["", "aa"]),
    ("names", 'root ::= a-1 B2\na-1 ::= "x"\nB2 ::= "y"', ["xy"], ["x"]),
]


@pytest.mark.parametrize("name", [name for name, *_ in GRAMMARS])
def test_gbnf_accepts_and_rejects_as_written(grammars: Grammars, tokenizer: Tokenizer, name: str) -> None:
    (text, good, bad) = next(rest for label, *rest in GRAMMARS if label == name)
    grammar = grammars.compile(str(text))
    assert [each for each in good if not accepts(grammar, tokenizer, each)] == []
    assert [each for each in bad if accepts(grammar, tokenizer, each)] == []


@pytest.mark.skipif(SHARED is None, reason="the shared cases are not here")
def test_llama_cpp_cases_accept_and_reject_as_they_should(grammars: Grammars, tokenizer: Tokenizer) -> None:
    wrong = []
    for case in _cases("gbnf_cases.jsonl"):
        grammar = grammars.compile(case["grammar"])
        if takes(grammar, _tokens_of(case, tokenizer)) != case["accept"]:
            wrong.append(case["id"])
    for case in _cases("gbnf_parse_cases.jsonl"):
        text = re.sub("root( *::=)", r"was-root\1", case["grammar"]).replace(case["root"], "root")
        try:
            gbnf_to_lark(text if case["root"] != "root" else case["grammar"])
            valid = True
        except GrammarRefused:
            valid = False
        if valid != case["valid"]:
            wrong.append(case["id"])
    for case in _cases("gbnf_schema_cases.jsonl"):
        if "uniqueItems" in json.dumps(case["schema"]):
            with pytest.raises(GrammarRefused, match="uniqueItems"):
                grammars.compile(case["schema"])
        elif accepts(grammars.compile(case["schema"]), tokenizer, case["input"]) != case["plain_json_schema_verdict"]:
            wrong.append(case["id"])
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no rule named root"),
        ('start ::= "a"', "no rule named root"),
        ("root ::= missing", "line 1: the rule 'missing' is not defined"),
        ('root ::= "a"\nroot ::= "b"', "line 2: the rule 'root' is defined twice"),
        ('root ::= root "a" | "b"', "'root' is left-recursive"),
        ('root ::= "x"? tail\ntail ::= root "a" | "b"', "left-recursive"),
        ('root ::= maybe root "a" | "b"\nmaybe ::= "x"*', "left-recursive"),
        ('root ::= "a"{,10}', "line 1: expected a number"),
        ('root ::= "a"{5,2}', "backwards"),
        ('root ::= "a"{2001}', "more than 2000 repetitions"),
        ('root ::= "a"{' + "9" * 5000 + "}", "more than 2000 repetitions"),
        ('root ::= ((("a"{2000}){2000}){2000}){2000}', "more than 100000 symbols"),
        ("root ::= " + "(" * 60_000 + '"a"' + ")" * 60_000, "nested more than 100 deep"),
        ('root ::= "a', "does not end"),
        ("root ::= [a", "does not end"),
        ("root ::= []", "empty"),
        ("root ::= [z-a]", "backwards"),
        (r'root ::= "\q"', "is no escape"),
        (r'root ::= "\ud800"', "is no character"),
        (r'root ::= "\U00110000"', "is no character"),
        (r'root ::= "\x4"', "2 hexadecimal digits"),
        ('root ::= ("a"', r"expected \)"),
        ('root ::= "a")', "out of place"),
        ('root = "a"', "expected ::="),
        ('under_score ::= "a"', "expected ::="),
        ("root ::= <[512]>", "no token '512'"),
        ("root ::= <[99999999999]>", "is no token"),
        ("root ::= <[x]>", "is no token"),
        ("root ::= <nowhere>", "line 1: this base has no token '<nowhere>'"),
        ("root ::= !", "a token is written"),
        ("root ::= <", "a token is written"),
        ("root ::= <a b>", "a token is written"),
        ('root ::= "a"{1,1000000}', "more than 2000 repetitions"),
        ('root ::= (root?)* "a"', "left-recursive"),
        ("root ::= a\na ::= b? c\nb ::= c*\nc ::= a?", "left-recursive"),
        ('root ::= "' + "a" * (1 << 20) + '"', "longer than"),
        (
            "root ::= r0\n" + "\n".join(f'r{i} ::= r{i + 1} | "a"' for i in range(20_000)) + '\nr20000 ::= ""',
            "seconds to check",
        ),
        (
            "root ::= r0\n" + "\n".join(f'r{i} ::= "x" r{i + 1}' for i in range(700)) + '\nr700 ::= "y"',
            "2000 steps down",
        ),
    ],
    ids=range(38),
)
def test_a_bad_gbnf_is_refused_in_one_sentence_and_in_time(grammars: Grammars, text: str, words: str) -> None:
    start = time.process_time()
    with pytest.raises(GrammarRefused, match=words) as refusal:
        grammars.compile(text)
    assert time.process_time() - start < 10
    assert "\n" not in str(refusal.value) and len(str(refusal.value)) < 300


def test_a_large_honest_grammar_compiles(grammars: Grammars, tokenizer: Tokenizer) -> None:
    words = [f"column{number}" for number in range(2000)]
    grammar = grammars.compile("root ::= " + " | ".join(f'"{word}"' for word in words))
    assert accepts(grammar, tokenizer, "column1234") and not accepts(grammar, tokenizer, "column2000")


def test_looking_for_runs_ends_in_time() -> None:
    """Long chains, and choices of many beginnings: what is not shown to be safe in time is read as it was written."""
    chain = "root ::= r0* r0\n" + "\n".join(f"r{i} ::= r{i + 1} | [b]" for i in range(5000)) + "\nr5000 ::= [a]"
    many = "root ::= (" + " | ".join(f'"{i}" [a-z]*' for i in range(3000)) + ")*"
    for text in (chain, many):
        start = time.thread_time()
        runs(Parser(text).rules())
        assert time.thread_time() - start < 6
    start = time.thread_time()
    gbnf_to_lark(many)
    assert time.thread_time() - start < 6


def test_compiling_again_is_free(grammars: Grammars) -> None:
    assert grammars.compile('root ::= "a"') is grammars.compile('root ::= "a"')
    assert grammars.compile({"type": "null"}) is grammars.compile({"type": "null"})


SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "kind": {"enum": ["a", "b"]},
        "count": {"type": "integer", "minimum": 0, "maximum": 99},
        "open": {"type": "boolean"},
    },
    "required": ["kind", "count", "open"],
    "additionalProperties": False,
}


def test_a_json_schema_accepts_its_documents(grammars: Grammars, tokenizer: Tokenizer) -> None:
    grammar = grammars.compile(SCHEMA)
    assert accepts(grammar, tokenizer, '{"kind": "a", "count": 7, "open": false}')
    assert not accepts(grammar, tokenizer, '{"kind": "c", "count": 7, "open": false}')
    assert not accepts(grammar, tokenizer, '{"kind": "a", "count": 7}')


def _cycle() -> dict[str, Any]:
    schema: dict[str, Any] = {}
    schema["properties"] = {"a": schema, "b": schema}
    return schema


def _deep(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(levels):
        schema = {"type": "array", "items": schema}
    return schema


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "nonsense"}, "Invalid type"),
        ({"not": {"type": "string"}}, "Unimplemented keys"),
        ({"$ref": "https://example.org/other.json"}, "does not fetch"),
        ({"$ref": "file:///etc/passwd"}, "does not fetch"),
        ({"type": "string", "pattern": "("}, "does not compile"),
        ({"minimum": float("nan")}, "not JSON"),
        ({"enum": [object()]}, "not JSON"),
        ({"enum": ["x" * (1 << 19)]}, "longer than"),
        (_cycle(), "nested more than|more than"),
        (_deep(60_000), "nested more than"),
        ({"allOf": [{"type": "string", "pattern": f"a.*b.*c.*{i}"} for i in range(40)]}, "more than 3 seconds"),
    ],
    ids=range(11),
)
def test_a_bad_schema_is_refused_in_one_sentence_and_in_time(
    grammars: Grammars, schema: dict[str, Any], words: str
) -> None:
    start = time.process_time()
    with pytest.raises(GrammarRefused, match=words) as refusal:
        grammars.compile(schema)
    assert time.process_time() - start < 5
    assert "\n" not in str(refusal.value) and len(str(refusal.value)) < 300


def test_the_end_is_allowed_exactly_when_the_grammar_can_end(grammars: Grammars, tokenizer: Tokenizer) -> None:
    matcher = grammars.compile('root ::= "a"{2,3} "b"?').start()
    ends = tokenizer.eos_ids
    for text, may_end in (("", False), ("a", False), ("a", True), ("a", True)):
        for token in tokenizer.encode(text):
            matcher.accept(token)
        found = allowed(grammars, matcher)
        assert ends <= found if may_end else not ends & found
        assert matcher.may_end is may_end and not matcher.ended
    assert {tokenizer.token_text(token) for token in found - ends} == {"b"}
    matcher.accept(tokenizer.encode("b")[0])
    assert matcher.ended and allowed(grammars, matcher) == ends


def test_control_tokens_are_never_text(grammars: Grammars, tokenizer: Tokenizer) -> None:
    found = allowed(grammars, grammars.compile("root ::= .").start())
    assert not {tokenizer.token_text(token) for token in found} & {"<|im_start|>", "<|im_end|>", "<|endoftext|>"}
    assert all(token < tokenizer.vocab_size for token in found), "ids beyond the tokenizer"


def test_many_masks_at_once_are_the_masks_one_by_one(grammars: Grammars) -> None:
    matchers = [grammars.compile(text).start() for _, text, *_ in GRAMMARS]
    together, errors = grammars.forbidden(matchers)
    assert errors == [""] * len(matchers)
    for row, matcher in zip(together, matchers, strict=True):
        assert torch.equal(row, grammars.forbidden([matcher])[0][0])


def test_every_answer_of_a_batch_obeys_its_own_grammar(engine: Engine) -> None:
    """A model of noise, greedy and sampled, with different grammars and none in one batch."""
    forms = {
        'root ::= [0-9]{3} "-" [a-z]{2,4}': r"[0-9]{3}-[a-z]{2,4}",
        'root ::= ("yes" | "no") (" " ("yes" | "no")){2}': r"(yes|no)( (yes|no)){2}",
        'root ::= "é🙂" [^a]{3} "."': r"(?s)é🙂[^a]{3}\.",
    }
    schema = engine.compile_grammar(SCHEMA)
    requests: list[Request] = []
    checks: list[Callable[[str], object]] = []
    for seed in range(4):
        rules = Sampling(temperature=float(seed), seed=seed)
        for text, form in forms.items():
            requests.append(Request([5, 6, 7 + seed], 60, grammar=engine.compile_grammar(text), sampling=rules))
            checks.append(re.compile(form).fullmatch)
        requests.append(Request([5, 6, 7 + seed], 200, grammar=schema, sampling=rules))
        checks.append(_is_document)
        requests.append(Request([5, 6, 7 + seed], 5, sampling=rules))
        checks.append(lambda text: True)
    for result, check in zip(engine.generate(requests), checks, strict=True):
        assert result.error is None
        assert check(result.text) or result.finish_reason == "length", result.text


def test_a_grammar_that_fails_in_mid_answer_ends_only_its_own_request(engine: Engine) -> None:
    """A schema that refers to itself and nothing else compiles, but no token can ever follow."""
    stuck = engine.compile_grammar({"$ref": "#"})
    good = engine.compile_grammar("root ::= [a-c]{5}")
    free = engine.generate([Request([5, 6], 8)])[0].tokens
    results = engine.generate([Request([5, 6], 8), Request([5, 6], 8, grammar=stuck), Request([5, 6], 8, grammar=good)])
    assert results[0].tokens == free
    assert results[1].finish_reason == "error" and "grammar stopped" in str(results[1].error)
    assert re.fullmatch("[a-c]{5}", results[2].text) and results[2].finish_reason == "stop"


def test_a_matcher_that_is_given_a_wrong_token_says_so(grammars: Grammars, tokenizer: Tokenizer) -> None:
    matcher = grammars.compile('root ::= "a"').start()
    with pytest.raises(GrammarRefused, match="grammar stopped"):
        matcher.accept(tokenizer.encode("z")[0])


RUNS: list[tuple[str, str, list[str], list[str]]] = [
    ("a class beside a longer way", 'root ::= [a-z]* "1" | [a-c]{3} "2"', ["abc2", "abc1", "1"], ["abd2", "abc"]),
    ("two in a row", "root ::= item item\nitem ::= [a-z]+", ["ab", "abc"], ["a", ""]),
    ("both ends of a turn", 'root ::= x*\nx ::= "<" c+ | c+ ">" | c\nc ::= [ab]', ["<ab>", "<a", "ab>", ""], ["<", ">"]),
    ("a number of times", "root ::= [ab]{2,} | ([ab]* [c]){2}", ["ab", "cc", "aacbc"], ["a", "c"]),
    ("a loop of loops", "root ::= ([a]* | [b])* [c]", ["c", "aabac", "abc"], ["a", ""]),
    ("a word that is no keyword", 'root ::= "if" [ ]+ w | w "!"\nw ::= [a-z]+', ["if a", "if!", "ifa!"], ["if", "if "]),
    ("a string", r'root ::= "\"" (c | "\\" ["n] | "\\u" h h)* "\""' + "\nc ::= [^\"\\\\]\nh ::= [0-9a-f]",
     ['"abc"', '"a\\nb\\u0fff"', '""'], ['"', '"\\x"', '"\\u0"']),
]  # fmt: skip


@pytest.mark.parametrize("name", [name for name, *_ in RUNS])
def test_loops_are_read_in_runs_only_where_nothing_else_is_meant(
    grammars: Grammars, tokenizer: Tokenizer, name: str
) -> None:
    text, good, bad = next(rest for label, *rest in RUNS if label == name)
    grammar = grammars.compile(str(text))
    assert [each for each in good if not accepts(grammar, tokenizer, each)] == []
    assert [each for each in bad if accepts(grammar, tokenizer, each)] == []


def test_the_loops_of_json_and_sql_are_read_in_runs() -> None:
    for expert in ("expert-json", "expert-sql"):
        text = (Path(__file__).parents[2] / "experts" / expert / "grammar.gbnf").read_text(encoding="utf-8")
        assert "]+/" in gbnf_to_lark(text)
        assert "]+/" not in gbnf_to_lark(text, with_runs=False)


_ATOMS = st.sampled_from(["[a]", "[ab]", "[^a]", "[bc]", '"a"', '"ab"', '""', "."])


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    loop = st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "*", "+"])).map(lambda p: f"({p[0]}){p[1]}")
    row = st.lists(inner, min_size=2, max_size=3).map(" ".join)
    choice = st.lists(inner, min_size=2, max_size=3).map(lambda parts: "(" + " | ".join(parts) + ")")
    return loop | row | choice


_BODIES = st.recursive(_ATOMS | st.just("x"), _grown, max_leaves=7)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    root=_BODIES, x=st.recursive(_ATOMS, _grown, max_leaves=4), texts=st.lists(st.text("abc", max_size=7), max_size=12)
)
def test_reading_in_runs_changes_no_grammar(tokenizer: Tokenizer, root: str, x: str, texts: list[str]) -> None:
    """Random grammars over three letters, and random texts: the same verdicts, whatever is read in runs."""
    text = f"root ::= {root}\nx ::= {x}"
    try:
        with_runs, without = (gbnf_to_lark(text, with_runs=each) for each in (True, False))
    except GrammarRefused:
        return
    if with_runs == without:
        return
    fast, slow = (_compiled(tokenizer, lark) for lark in (with_runs, without))
    for each in texts:
        assert accepts(fast, tokenizer, each) == accepts(slow, tokenizer, each), (text, each)


def _compiled(tokenizer: Tokenizer, lark: str) -> CompiledGrammar:
    from llguidance import LLMatcher

    source = LLMatcher.grammar_from_lark(lark)
    matcher = LLMatcher(_known(tokenizer), source, log_level=0)
    assert not matcher.get_error(), lark
    return CompiledGrammar(source, matcher)


@lru_cache
def _known(tokenizer: Tokenizer) -> Any:
    return Grammars(tokenizer, 512)._ll_tokenizer()


def test_the_translation_is_pinned() -> None:
    """Terminals are single characters: the reason is in the module."""
    lark = gbnf_to_lark('root ::= "ab" [a-z]+ | other{2,}\nother ::= .')
    assert lark == (
        "start: (C0 C1) (C2{1,}) | (r1{2,})\n"
        "r1: C3\n"
        "C0: /[\\x{61}]/\nC1: /[\\x{62}]/\nC2: /[\\x{61}-\\x{7a}]/\nC3: /(?s:.)/\n"
    )


def _is_document(text: str) -> bool:
    document = json.loads(text)
    return set(document) == {"kind", "count", "open"} and 0 <= document["count"] <= 99


def _tokens_of(case: dict[str, Any], tokenizer: Tokenizer) -> list[int]:
    """Text, with tokens in between where a case has such."""
    tokens: list[int] = []
    for piece in case.get("input_pieces") or [{"text": case["input"]}]:
        tokens += [piece["token"]] if "token" in piece else tokenizer.encode(piece["text"])
    return tokens


def test_tokens_are_named_by_number_and_by_text(grammars: Grammars, tokenizer: Tokenizer) -> None:
    grammar = grammars.compile('root ::= <|im_start|> "a" !<[300]>{2} <[300]>')
    a, start = tokenizer.encode("a"), tokenizer.token_id("<|im_start|>")
    assert start is not None
    assert takes(grammar, [start, *a, 299, start, 300])
    assert not takes(grammar, [start, *a, 300, 299, 300]) and not takes(grammar, [*a, 299, 299, 300])


def test_all_but_one_token_is_neither_the_end_nor_an_id_without_a_token(tokenizer: Tokenizer) -> None:
    wide = Grammars(tokenizer, 640)
    found = allowed(wide, wide.compile("root ::= !<[300]>+ <[300]>").start())
    assert found == set(range(tokenizer.vocab_size)) - {300, *tokenizer.eos_ids}


@pytest.mark.parametrize("ends", [[2, 10**9], [2, -1], [2, 10**30]])
def test_end_tokens_that_are_no_tokens_end_no_grammar(tmp_path: Path, ends: list[int]) -> None:
    base = tiny_base(tmp_path)
    (base / "generation_config.json").write_text(json.dumps({"eos_token_id": ends}))
    tokenizer = Tokenizer.load(base)
    grammars = Grammars(tokenizer, 512)
    assert allowed(grammars, grammars.compile('root ::= "" | "a"').start()) == {2, *tokenizer.encode("a")}
    assert 2 not in allowed(grammars, grammars.compile("root ::= !<[300]> <[300]>").start())


def test_a_tokenizer_that_no_grammar_can_bind_is_refused_when_one_is_asked_for(tmp_path: Path) -> None:
    base = tiny_base(tmp_path)
    document = json.loads((base / "tokenizer.json").read_text())
    (base / "tokenizer.json").write_text(json.dumps(document | {"decoder": None}))
    grammars = Grammars(Tokenizer.load(base), 512)
    with pytest.raises(GrammarRefused, match="no grammar can bind this base's tokenizer"):
        grammars.compile('root ::= "a"')


def test_a_mask_begun_ahead_is_the_mask_and_one_that_is_outdated_is_dropped(
    grammars: Grammars, tokenizer: Tokenizer
) -> None:
    matchers = [grammars.compile(text).start() for text in ('root ::= "a"', 'root ::= "b"', 'root ::= "ac"')]
    grammars.begin(matchers)
    matchers[2].accept(tokenizer.encode("a")[0])
    found = [allowed(grammars, matcher) for matcher in matchers]
    assert found == [set(tokenizer.encode(letter)) for letter in "abc"]


def _cases(name: str) -> list[dict[str, Any]]:
    assert SHARED is not None
    return [json.loads(line) for line in (SHARED / name).read_text(encoding="utf-8").splitlines()]


def test_a_forked_matcher_goes_on_by_itself_and_looking_ahead_moves_nothing(
    grammars: Grammars, tokenizer: Tokenizer
) -> None:
    first = grammars.compile('root ::= "ab" | "ac"').start()
    a, b, c = (tokenizer.encode(letter)[0] for letter in "abc")
    assert first.leading([a, b, c]) == 2 and first.leading([b]) == 0
    first.accept(a)
    second = first.fork()
    assert first.ends_with(b) and not first.ended
    second.accept(c)
    assert second.ended and not first.ended
    first.accept(b)
    assert first.ended


def test_a_grammar_as_deep_as_it_may_be_does_not_end_the_process(base: Path) -> None:
    """llguidance goes down by recursion; what would be too deep for it ends a process without a word."""
    program = f"""
from pathlib import Path
from runtime.engine.grammar import Grammars
from runtime.engine.tokenizer import Tokenizer
rules = "".join(f'r{{i}} ::= "x" r{{i + 1}}\\n' for i in range(660))
Grammars(Tokenizer.load(Path({str(base)!r})), 512).compile("root ::= r0\\n" + rules + 'r660 ::= "y"')
print("compiled")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout == "compiled\n", done
