"""What is done to this project, one session each: `nox -l` lists them.

`nox` alone runs lint, types and tests. Everything a session needs it installs; with uv on the
machine that takes seconds, with pip some minutes.
"""

import os
import shutil
import subprocess

import nox

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["lint", "types", "tests"]
nox.options.reuse_existing_virtualenvs = True

FUZZED = ("json", "statement", "manifest", "envelope", "tensors", "slots", "prompt", "canary", "container", "package")


def install(session: nox.Session, *what: str) -> None:
    """uv does not read pip's configuration; packages that lie at hand for pip count for it too."""
    env = {}
    if "UV_FIND_LINKS" not in os.environ and shutil.which("pip"):
        asked = subprocess.run(
            ["pip", "config", "get", "global.find-links"], capture_output=True, text=True, check=False
        )
        if asked.returncode == 0 and asked.stdout.strip():
            env["UV_FIND_LINKS"] = ",".join(asked.stdout.split())
    session.install(*what, env=env)


@nox.session
def lint(session: nox.Session) -> None:
    """Formatting and the usual mistakes."""
    install(session, "ruff>=0.14")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """mypy, strict, over both packages and the benchmarks."""
    install(session, "-e", ".[dev]")
    session.run("mypy")
    session.run("mypy", "benchmarks")


@nox.session
def tests(session: nox.Session) -> None:
    """The tests that take seconds; further arguments go to pytest: `nox -s tests -- -k graph`."""
    install(session, "-e", ".[dev]")
    session.run("pytest", "-n", "2", "-m", "not slow", *session.posargs)


@nox.session
def slow(session: nox.Session) -> None:
    """The tests that take minutes: long kill loops, whole builds, the tutorial."""
    install(session, "-e", ".[dev]")
    session.run("pytest", "-m", "slow", *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Every reader of bytes from outside, a minute each, guided by coverage: `nox -s fuzz -- container --seconds 600`."""
    install(session, "-e", ".[dev]", "atheris>=3.0")
    named = bool(session.posargs) and not session.posargs[0].startswith("-")
    targets = session.posargs[:1] if named else FUZZED
    for target in targets:
        session.run("python", "-m", "tests.fuzz", target, *session.posargs[named:])


@nox.session
def build(session: nox.Session) -> None:
    """Every expert on the embedded base: `nox -s build -- adapter=ia3` changes what any build can change."""
    install(session, "-e", ".[train]")
    session.run("expertbuild", "-m", "expert=glob(*)", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """The configuration reference, written from the schemas."""
    install(session, "-e", ".")
    session.run("python", "-m", "expertbuild.compose.reference", *(session.posargs or ["--check"]))


@nox.session
def bench(session: nox.Session) -> None:
    """Every benchmark, or those named: `nox -s bench -- nothing_to_do`."""
    install(session, "-e", ".[dev]")
    names = session.posargs or sorted(
        name.removesuffix(".py") for name in os.listdir("benchmarks") if name.endswith(".py") and name[0] != "_"
    )
    for name in names:
        session.run("python", f"benchmarks/{name}.py")
