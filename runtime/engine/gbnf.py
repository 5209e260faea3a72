"""GBNF, as llama.cpp defines it, into the grammar language of llguidance.

Every terminal of the result is a single character. llguidance splits text into terminals greedily, so a literal beside
a character class would shadow it ("abc" beside [a-z]+ loses "abx"); between single characters there is nothing to be
greedy about, and the result accepts what the GBNF says, no more and no less. Only loops that can be nothing else are read
as runs (`gbnf_runs`), which is what makes a mask inside a string cheap.

Left recursion, missing rules, deep nesting and explosive repetition are refused here, within `MOST_SECONDS`.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from runtime.engine.errors import GrammarRefused
from runtime.engine.gbnf_parser import Characters, Choice, Node, Parser, Reference, Repeat, Row, Token
from runtime.engine.gbnf_runs import runs

LONGEST_TEXT = 1 << 20
MOST_SYMBOLS = 100_000  # with every repetition written out
MOST_SECONDS = 2.0
MOST_DEPTH = 2_000  # rules, and what is nested in them


Ranges = Callable[[Token], str]  # a token, or all but one, as ranges of token ids: "0-9,11-511"

Terminals = dict[tuple[Characters | Token, bool], str]  # a class or a token, and whether it is read in runs


@dataclass(frozen=True)
class Translated:
    """A grammar for llguidance, rule by rule, so that a rule may be written otherwise (`gbnf_narrowed`)."""

    rules: Mapping[str, Choice]
    names: Mapping[str, str]  # what a rule is called there
    lines: Mapping[str, str]  # what it says there, by its name here
    terminals: tuple[str, ...]

    def text(self) -> str:
        return "\n".join((*self.lines.values(), *self.terminals)) + "\n"


def gbnf_to_lark(text: str, ranges: Ranges | None = None, *, with_runs: bool = True) -> str:
    """The grammar for llguidance; refused with the line at fault. `ranges` knows the vocabulary.

    Without runs it accepts the same and is slower: what the tests compare with.
    """
    return translated(text, ranges, with_runs=with_runs).text()


def translated(
    text: str, ranges: Ranges | None = None, *, with_runs: bool = True, narrowed: Iterable[str] = ()
) -> Translated:
    """The same, rule by rule. What rules that may be `narrowed` are made of is not read in runs: elsewhere, where it means
    more, a run would hide what is left of it there."""
    if len(text) > LONGEST_TEXT:
        raise GrammarRefused(f"the grammar is longer than {LONGEST_TEXT} characters.")
    rules, in_runs = _read(text)
    single = {id(each) for name in narrowed if name in rules for each in _reached(rules[name], rules)}
    return _write(rules, ranges or _unknown, in_runs - single if with_runs else set())


@lru_cache(maxsize=2)
def _read(text: str) -> tuple[Mapping[str, Choice], set[int]]:
    """The rules, and what of them may be read in runs; a grammar that is narrowed is asked for as it is written, too."""
    rules = Parser(text).rules()
    _check_references(rules)
    _check_left_recursion(rules)
    _check_size(rules)
    _check_depth(rules)
    return rules, runs(rules)


def _reached(node: Node, rules: Mapping[str, Choice]) -> Iterator[Node]:
    """Everything below a node, through all rules that it refers to."""
    waiting, seen = [node], {id(node)}
    while waiting:
        node = waiting.pop()
        yield node
        fresh = [each for each in below(node, rules) if id(each) not in seen]
        seen.update(map(id, fresh))
        waiting += fresh


def _children(node: Node) -> tuple[Node, ...]:
    if isinstance(node, Row):
        return node.items
    if isinstance(node, Choice):
        return node.rows
    return (node.item,) if isinstance(node, Repeat) else ()


def _walk(node: Node) -> Iterator[Node]:
    waiting: list[Node] = [node]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += _children(node)


def _check_references(rules: Mapping[str, Choice]) -> None:
    if "root" not in rules:
        raise GrammarRefused("the grammar has no rule named root.")
    for rule in rules.values():
        for node in _walk(rule):
            if isinstance(node, Reference) and node.name not in rules:
                raise GrammarRefused(f"the rule {node.name!r} is not defined.", where=f"grammar, line {node.line}")


def _check_left_recursion(rules: Mapping[str, Choice]) -> None:
    """A rule that begins with itself, perhaps behind things that may be empty."""
    empty = _empty_rules(rules)
    begins = {name: set(_first_rules(rule, empty)) for name, rule in rules.items()}
    done: set[str] = set()
    for start in rules:
        path = {start: iter(begins[start])} if start not in done else {}
        while path:
            name, remaining = next(reversed(path.items()))
            following = next(remaining, None)
            if following is None:
                done.add(name)
                del path[name]
            elif following in path:
                raise GrammarRefused(f"the rule {following!r} is left-recursive: it begins with itself.")
            elif following not in done:
                path[following] = iter(begins[following])


def _empty_rules(rules: Mapping[str, Choice]) -> set[str]:
    """The rules that may match nothing; looked at again until no more are found, or the time is up."""
    deadline = time.thread_time() + MOST_SECONDS  # of work, not of waiting: a busy machine refuses nothing more
    empty: set[str] = set()
    grew = True
    while grew:
        grew = False
        for name, rule in rules.items():
            if name not in empty and _may_be_empty(rule, empty):
                empty.add(name)
                grew = True
            if time.thread_time() > deadline:
                raise GrammarRefused(f"the grammar took more than {MOST_SECONDS} seconds to check.")
    return empty


def _may_be_empty(node: Node, empty: set[str]) -> bool:
    if isinstance(node, Reference):
        return node.name in empty
    if isinstance(node, Row):
        return all(_may_be_empty(item, empty) for item in node.items)
    if isinstance(node, Choice):
        return any(_may_be_empty(row, empty) for row in node.rows)
    return isinstance(node, Repeat) and (not node.least or _may_be_empty(node.item, empty))


def _first_rules(node: Node, empty: set[str]) -> Iterator[str]:
    """The rules that this node can begin with."""
    if isinstance(node, Reference):
        yield node.name
    elif isinstance(node, Row):
        for item in node.items:
            yield from _first_rules(item, empty)
            if not _may_be_empty(item, empty):
                break
    else:
        for child in _children(node):
            yield from _first_rules(child, empty)


def _check_size(rules: Mapping[str, Choice]) -> None:
    if sum(_size(rule) for rule in rules.values()) > MOST_SYMBOLS:
        raise GrammarRefused(f"written out, the grammar has more than {MOST_SYMBOLS} symbols.")


def _check_depth(rules: Mapping[str, Choice]) -> None:
    """llguidance goes down from rule to rule as far as it has not been, and would take the process along if that is too far."""
    start: Node = rules["root"]
    if deepest(start, lambda node: below(node, rules)) > MOST_DEPTH:
        raise GrammarRefused(f"the rules of the grammar lead more than {MOST_DEPTH} steps down from root.")


def below(node: Node, rules: Mapping[str, Choice]) -> tuple[Node, ...]:
    """What a node is made of, or the rule that it refers to."""
    return (rules[node.name],) if isinstance(node, Reference) else _children(node)


T = TypeVar("T")


def deepest(start: T, below: Callable[[T], Iterable[T]]) -> int:
    """How deep a walk goes that looks at everything once, in its order. All of it exists before, and is known by its id."""
    seen, waiting, most = {id(start)}, [iter(below(start))], 1
    while waiting:
        for each in waiting[-1]:
            if id(each) not in seen:
                seen.add(id(each))
                waiting.append(iter(below(each)))
                most = max(most, len(waiting))
                break
        else:
            waiting.pop()
    return most


def _size(node: Node) -> int:
    size = 1 + sum(_size(child) for child in _children(node))
    return size * max(node.most or node.least, 1) if isinstance(node, Repeat) else size


def _unknown(token: Token) -> str:
    """Without a vocabulary a grammar can be checked, and not be run."""
    return f"{'^' if token.negated else ''}{token.name if isinstance(token.name, int) else 0}"


def _write(rules: Mapping[str, Choice], ranges: Ranges, in_runs: set[int]) -> Translated:
    names = {name: "start" if name == "root" else f"r{number}" for number, name in enumerate(rules)}
    terminals: Terminals = {}
    lines = {name: f"{names[name]}: {_written(rule, names, terminals, in_runs)}" for name, rule in rules.items()}
    ends = []
    for (terminal, run), name in terminals.items():
        if isinstance(terminal, Token):
            ends.append(f"{name}: <[{ranges(terminal)}]>")
        else:
            ends.append(f"{name}: /{_regex(terminal)}{'+' if run else ''}/")
    return Translated(rules, names, lines, tuple(ends))


def _written(node: Node, names: Mapping[str, str], terminals: Terminals, in_runs: set[int]) -> str:
    if isinstance(node, Token):
        return terminals.setdefault((node, False), f"t{len(terminals)}")  # a rule: llguidance wants no terminal there
    if isinstance(node, Characters):
        return terminals.setdefault((node, id(node) in in_runs), f"C{len(terminals)}")
    if isinstance(node, Reference):
        return names[node.name]
    if isinstance(node, Row):
        return " ".join(_grouped(item, names, terminals, in_runs) for item in node.items) or '""'
    if isinstance(node, Choice):
        return " | ".join(_written(row, names, terminals, in_runs) for row in node.rows)
    most = "" if node.most is None else node.most
    return f"{_grouped(node.item, names, terminals, in_runs)}{{{node.least},{most}}}"


def _grouped(node: Node, names: Mapping[str, str], terminals: Terminals, in_runs: set[int]) -> str:
    written = _written(node, names, terminals, in_runs)
    return written if isinstance(node, (Characters, Token, Reference)) else f"({written})"


def _regex(characters: Characters) -> str:
    if not characters.ranges:
        return "(?s:.)"
    inside = "".join(
        f"\\x{{{ord(low):x}}}" if low == high else f"\\x{{{ord(low):x}}}-\\x{{{ord(high):x}}}"
        for low, high in characters.ranges
    )
    return f"[{'^' if characters.negated else ''}{inside}]"
