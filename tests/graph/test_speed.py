"""A build with nothing to do is what people run most: it loads little and looks fast."""

import subprocess
import sys
import time
from pathlib import Path

from expertbuild.graph import Action, Cache, Step, build
from tests.graph.toys import statuses, step

ROOT = Path(__file__).parents[2]
# Each costs tens of milliseconds or more, and none is of use to a build with nothing to do.
HEAVY = [
    *("torch", "transformers", "peft", "datasets", "numpy", "hydra", "omegaconf", "yaml", "jsonschema", "cryptography", "rich"),
    *("fsspec", "asyncio", "multiprocessing", "subprocess", "socket", "concurrent", "importlib.metadata", "tempfile", "logging"),
]  # fmt: skip


def loaded(script: str, *words: str) -> list[str]:
    script += f"\nimport sys; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    return subprocess.check_output([sys.executable, "-c", script, *words], cwd=ROOT, text=True).split()


def test_importing_the_graph_loads_nothing_heavy() -> None:
    assert loaded("import expertbuild.graph") == []


def test_a_build_with_nothing_to_do_loads_nothing_heavy(tmp_path: Path) -> None:
    build([step("b", a=step("a"))], Cache(tmp_path)).check()
    script = (
        "import sys; from expertbuild.graph import Cache, build; from tests.graph.toys import step, statuses\n"
        "assert set(statuses(build([step('b', a=step('a'))], Cache(sys.argv[1]))).values()) == {'hit'}\n"
        "assert set(statuses(build([step('b', a=step('a'))], Cache(sys.argv[1]), dry_run=True)).values()) == {'hit'}"
    )
    assert loaded(script, str(tmp_path)) == []


def graphs(chains: int, length: int) -> list[Step]:
    own = {f"field{number}": {"value": number, "list": [1, 2, 3]} for number in range(30)}
    ends = []
    for chain in range(chains):
        before: dict[str, Step] = {}
        for link in range(length):
            action = Action(f"action{link}", 1, ("own", "which"), "tests.graph.toys:write", ("pytest", "ruff"))
            config = {"own": {**own, "n": chain}, "which": [chain, link]}
            before = {"up": Step(f"{link}[{chain}]", action, config, before)}
        ends.append(before["up"])
    return ends


def test_forty_two_steps_with_nothing_to_do_take_a_moment(tmp_path: Path) -> None:
    """About 25 ms when this was written; the bound is wide, since tests share their machine."""
    cache = Cache(tmp_path)
    build(graphs(6, 7), cache).check()
    took = []
    for _ in range(5):
        began = time.perf_counter()
        outcome = build(graphs(6, 7), cache)
        took.append(time.perf_counter() - began)
    assert len(outcome) == 42 and set(statuses(outcome).values()) == {"hit"}
    assert min(took) < 0.25
