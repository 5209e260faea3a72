"""A process that runs Python for another: one JSON line in, one out, until its input ends.

{"parts": [...], "seconds": 5, "memory": 268435456} runs the parts one after the other, in one namespace, in a process of
their own, and gives {"failed": "..."} or {"passed": true}. That process has caps on time and memory and has shut itself
in before it reads a line of the code (see `syscalls`): it opens no file and no socket and makes no other process. What
it may import is loaded beforehand. The answer runs where its tests do, so they are read before it, and what they call by
name - the language's own, `typing`, `dataclasses` - has to be afterwards what it was. Deliberately without any import of the
project.
"""

import builtins
import dataclasses
import json
import os
import resource
import secrets
import select
import signal
import sys
import time
import typing

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import contextlib

import syscalls  # type: ignore[import-not-found]

PRELOADED = """
abc bisect collections collections.abc copy dataclasses datetime decimal enum fractions functools heapq itertools json
math numbers operator random re statistics string textwrap traceback types typing unicodedata
"""
SHUT_OUT = ("_ctypes", "_posixsubprocess", "_socket", "ctypes", "multiprocessing", "socket", "subprocess")
TYPES = (bool, bytes, dict, float, frozenset, int, list, object, set, str, tuple, type)
LONGEST_SAID = 2000


def main() -> None:
    for name in PRELOADED.split():
        __import__(name)
    _warm()
    print(json.dumps({"ready": sys.version.split()[0], "shut_in": syscalls.can_shut_in()}), flush=True)
    for line in sys.stdin:
        print(json.dumps(_run(**json.loads(line))), flush=True)


def _warm() -> None:
    """What Python itself loads late."""

    class Any_:
        pass

    Any_.__annotations__ = {"a": "int | None"}
    typing.get_type_hints(dataclasses.dataclass(Any_))
    "é".encode("idna")
    with contextlib.suppress(SyntaxError):
        compile("x = (", "answer", "exec")


def _run(parts: list[str], seconds: float, memory: int) -> dict[str, object]:
    token = secrets.token_hex(16)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            _shut(seconds, memory, writing)
            os.write(3, json.dumps(_tried(parts, token)).encode())
        except BaseException:
            pass
        finally:
            os._exit(0)
    os.close(writing)
    told = _heard(reading, seconds)
    os.close(reading)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return _meant(told, token, status)


def _shut(seconds: float, memory: int, writing: int) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    os.dup2(writing, 3)
    os.closerange(4, 256)
    whole = max(1, int(seconds + 0.999))
    for what, most in (
        (resource.RLIMIT_CPU, whole),
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
    ):
        resource.setrlimit(what, (most, most))
    if syscalls.can_shut_in():
        syscalls.shut_in()
    for name in SHUT_OUT:
        sys.modules[name] = None  # type: ignore[assignment]
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    """The same again in Python's words: they are easier to read, and hold where Linux is not."""
    if event.split(".")[0] in ("open", "socket", "subprocess", "shutil", "ctypes", "ftplib", "urllib", "winreg") or (
        event in ("os.fork", "os.forkpty", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "os.kill", "os.remove")
        or event
        in ("os.rename", "os.rmdir", "os.mkdir", "os.listdir", "os.scandir", "os.chmod", "os.link", "os.symlink")
        or event
        in ("os.truncate", "os.putenv", "os.chdir", "signal.pthread_kill", "cpython.run_command", "fcntl.fcntl")
    ):
        raise PermissionError(f"{event} is not allowed here")


def _tried(parts: list[str], token: str) -> dict[str, str]:
    module = type(sys)("answer")  # dataclasses look their module up
    sys.modules["answer"] = sys.modules["__main__"] = module
    tests = compile(parts[-1], "tests", "exec")
    known, said, run = _known(), "the answer", exec
    try:
        for part in parts[:-1]:
            run(compile(part, "answer", "exec"), module.__dict__)
        if taken := _taken(known, module.__dict__):
            return {"failed": f"{taken} is not what it was"}
        said = "a test"
        run(tests, module.__dict__)
        return {"passed": token}
    except BaseException as error:
        return {"failed": _told(error, parts[-1] if said == "a test" else "", said)}


def _known() -> list[tuple[str, dict[str, object]]]:
    """What the tests may call by name, as it is now."""
    return [(each.__name__, dict(vars(each))) for each in (builtins, typing, dataclasses)]


def _taken(known: list[tuple[str, dict[str, object]]], names: dict[str, object]) -> str | None:
    """What an answer has put in another's place: in a module, or as a name of its own for one of these types."""
    for module, before in known:
        now = vars(sys.modules[module])
        for name, value in before.items():
            if now.get(name) is not value:
                return f"{module}.{name}"
    return next((each.__name__ for each in TYPES if names.get(each.__name__, each) is not each), None)


def _told(error: BaseException, tests: str, said: str) -> str:
    name, text = type(error).__name__, " ".join(str(error).split())
    if not tests or not isinstance(error, AssertionError):
        return f"{said} fails: {name}: {text}"[:LONGEST_SAID]
    step = error.__traceback__
    line = 0
    while step is not None:
        line = step.tb_lineno if step.tb_frame.f_code.co_filename == "tests" else line
        step = step.tb_next
    lines = tests.split("\n")
    return f"does not hold: {lines[line - 1].strip() if 0 < line <= len(lines) else text}"[:LONGEST_SAID]


def _heard(reading: int, seconds: float) -> bytes | None:
    """What it said; nothing within its time is None."""
    stop, said = time.monotonic() + 4 * seconds + 1, b""  # its own limit is on what it computes; this, on idling
    while True:
        left = stop - time.monotonic()
        if left <= 0 or not select.select([reading], [], [], left)[0]:
            return None
        piece = os.read(reading, 65536)
        if not piece or len(said) > 100_000:
            return said
        said += piece


def _meant(told: bytes | None, token: str, status: int) -> dict[str, object]:
    if told is None:
        return {"failed": "it runs too long"}
    try:
        said = json.loads(told)
    except ValueError:
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL):
            return {"failed": "it runs too long"}
        return {"failed": "it ends before its tests do"}
    if isinstance(said, dict) and said.get("passed") == token:
        return {"passed": True}
    reason = said.get("failed") if isinstance(said, dict) else None
    return {"failed": str(reason or "it ends before its tests do")[:LONGEST_SAID]}


if __name__ == "__main__":
    main()
