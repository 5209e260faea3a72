"""SAFETY 43, 46, 47: the machine has no means to run what it reads. Looked for in its own source, module by module."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]

MODULES = {
    "pickle",
    "_pickle",
    "cPickle",
    "marshal",
    "shelve",
    "dill",
    "joblib",
    "cloudpickle",
    "runpy",
    "code",
    "codeop",
}
CALLS = {
    "eval", "exec", "compile", "__import__", "os.system", "os.popen", "torch.load", "numpy.load", "np.load",
    "yaml.load", "yaml.unsafe_load", "yaml.full_load", "jinja2.Environment", "jinja2.Template", "jinja2.sandbox.SandboxedEnvironment",
}  # fmt: skip
KEYWORDS = {"shell", "trust_remote_code", "allow_pickle"}  # only ever False


def dangers(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Call() if (name := ast.unparse(node.func)) in CALLS:
                yield name
            case ast.keyword(arg=str(arg), value=value) if arg in KEYWORDS and ast.unparse(value) != "False":
                yield f"{arg}={ast.unparse(value)}"
            case ast.Import(names=names):
                yield from (each.name for each in names if each.name.split(".")[0] in MODULES)
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] in MODULES:
                yield module


@pytest.mark.parametrize("path", sorted((TOP / "runtime").rglob("*.py")), ids=lambda path: str(path.relative_to(TOP)))
def test_a_module_of_the_machine_neither_unpickles_nor_runs_what_it_reads(path: Path) -> None:
    assert list(dangers(ast.parse(path.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize(
    "source",
    ["import pickle", "from marshal import loads", "torch.load(p)", "run(x, shell=True)", "eval(x)", "yaml.load(f)", "jinja2.Template(t)"],
)  # fmt: skip
def test_what_is_looked_for_would_be_found(source: str) -> None:
    assert list(dangers(ast.parse(source)))
