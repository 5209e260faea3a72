"""A process that runs Python for another: one JSON line in, one out, until its input ends.

{"parts": [...], "seconds": 5, "memory": 268435456} runs the parts one after the other, in one namespace, in a process of
their own, and gives {"failed": "..."} or {"passed": true}. That process has caps on time and memory and has shut itself
in before it reads a line of the code (see `syscalls`): it opens no file and no socket and makes no other process. What
it may import is loaded beforehand. Deliberately without any import of the project.
"""

import json
import os
import resource
import secrets
import select
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import contextlib

import syscalls  # type: ignore[import-not-found]

PRELOADED = """
abc bisect collections collections.abc copy dataclasses datetime decimal enum fractions functools heapq itertools json
math numbers operator random re statistics string textwrap traceback types typing unicodedata
"""
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
    import dataclasses
    import typing

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
    sys.modules["answer"] = module
    said = "the answer"
    try:
        for place, part in enumerate(parts):
            said = "a test" if place == len(parts) - 1 else "the answer"
            exec(compile(part, "answer" if place < len(parts) - 1 else "tests", "exec"), module.__dict__)
        return {"passed": token}
    except BaseException as error:
        return {"failed": _told(error, parts[-1] if said == "a test" else "", said)}


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
