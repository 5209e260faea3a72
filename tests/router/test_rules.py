"""Rules: what a prompt says about itself without a model."""

import pytest

from runtime.router.rules import Hit, RuleBook, Rules, distinctive, evidence, see


def _kinds(rules: Rules, prompt: str) -> list[tuple[str, str]]:
    book = RuleBook()
    book.add(0, rules)
    return [(hit.kind, hit.what) for hit in book.hits(see(prompt))]


@pytest.mark.parametrize(
    ("keyword", "prompt"),
    [
        ("SQL", "some sql, please"),
        ("c++", "Is this C++?"),
        ("C#", "a c# program"),
        ("group by", "why does GROUP  BY fail"),
        ("node.js", "In Node.js, how"),
        ("数据库", "请设计一个数据库。"),
    ],
)
def test_a_keyword_is_found_as_whole_words(keyword: str, prompt: str) -> None:
    assert _kinds(Rules(keywords=(keyword,)), prompt) == [("keyword", keyword)]


@pytest.mark.parametrize(("keyword", "prompt"), [("rust", "a trusty horse"), ("c", "c++"), ("group by", "by group")])
def test_a_part_of_a_word_is_not_a_keyword(keyword: str, prompt: str) -> None:
    assert _kinds(Rules(keywords=(keyword,)), prompt) == []


def test_words_that_everybody_uses_do_not_count() -> None:
    kept, common = distinctive(["the", "what", "how do", "sql", "a", ""])
    assert kept == ["sql"] and sorted(common) == ["", "a", "how do", "the", "what"]


def test_many_rare_words_together_count_only_as_long_as_they_are_rare_together() -> None:
    words = "mountain museum guitar kettle passport banana violin tomatoes moon bank".split()  # noqa: SIM905
    kept, common = distinctive(words)
    assert kept and common


def test_fences_and_formats_are_seen() -> None:
    rules = Rules(fences=("sql",), formats=("json", "table-definitions"))
    prompt = 'Given\n```SQL\nCREATE TABLE t (a int)\n```\nand {"a": 1}'
    assert _kinds(rules, prompt) == [("fence", "sql"), ("format", "json"), ("format", "table-definitions")]


def test_further_evidence_adds_little() -> None:
    hits = [Hit(0, "keyword", str(number)) for number in range(50)]
    assert evidence([]) == 0 and evidence(hits[:1]) == 4.0 and evidence(hits[:2]) == 4.5 and evidence(hits) == 5.0


def test_a_removed_expert_has_no_rules() -> None:
    book = RuleBook()
    book.add(0, Rules(keywords=("sql",)))
    book.add(1, Rules(keywords=("sql",)))
    book.remove(0)
    assert [hit.expert for hit in book.hits(see("sql"))] == [1]


@pytest.mark.parametrize("prompt", ["", " ", "\x00" * 3000, "<" * 50_000, "[" * 50_000, "```" * 20_000, '{"' * 20_000])
def test_odd_prompts_cost_nothing(prompt: str) -> None:
    see(prompt)
