"""What a process may still ask of Linux once it has shut itself in: memory, the clock, and files it already holds.

Everything else fails with EPERM: opening, writing to a disk, sockets, new processes, signals to others. There is no way
back for the process, nor for anything it becomes. Run by file in workers, so it imports nothing of the project.
"""

import ctypes
import errno
import functools
import os
import platform
import struct
import subprocess
import sys

# x86_64 and aarch64 numbers of the calls that remain.
_ALLOWED = {
    "x86_64": {
        **{
            "read": 0,
            "write": 1,
            "close": 3,
            "fstat": 5,
            "poll": 7,
            "lseek": 8,
            "mmap": 9,
            "mprotect": 10,
            "munmap": 11,
        },
        **{"brk": 12, "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15, "sched_yield": 24, "mremap": 25},
        **{"madvise": 28, "nanosleep": 35, "getpid": 39, "exit": 60, "gettimeofday": 96, "getrusage": 98, "times": 100},
        **{"sigaltstack": 131, "gettid": 186, "futex": 202, "clock_gettime": 228, "clock_getres": 229},
        **{"clock_nanosleep": 230, "exit_group": 231, "getrandom": 318, "rseq": 334},
    },
    "aarch64": {
        **{"close": 57, "lseek": 62, "read": 63, "write": 64, "ppoll": 73, "fstat": 80, "exit": 93, "exit_group": 94},
        **{"futex": 98, "nanosleep": 101, "clock_gettime": 113, "clock_getres": 114, "clock_nanosleep": 115},
        **{"sched_yield": 124, "sigaltstack": 132, "rt_sigaction": 134, "rt_sigprocmask": 135, "rt_sigreturn": 139},
        **{
            "times": 153,
            "getrusage": 165,
            "gettimeofday": 169,
            "getpid": 172,
            "gettid": 178,
            "brk": 214,
            "munmap": 215,
        },
        **{"mremap": 216, "mmap": 222, "mprotect": 226, "madvise": 233, "getrandom": 278, "rseq": 293},
    },
}
_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
LOAD, EQUAL, FROM, SOME, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # of a filter's program: == value, >= value, & value
ALLOW, KILL, REFUSE, UNKNOWN = 0x7FFF0000, 0x80000000, 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 38, 22, 2


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))


@functools.cache
def can_shut_in() -> bool:
    """Whether this machine lets a process shut itself in: another one tries."""
    if sys.platform != "linux" or platform.machine() not in _ALLOWED:
        return False
    tried = subprocess.run([sys.executable, "-I", "-S", __file__], stdin=subprocess.DEVNULL, capture_output=True)
    return tried.returncode == 0


def shut_in() -> None:
    """From here on this process computes and answers, and nothing else."""
    numbers = sorted(_ALLOWED[platform.machine()].values())
    code = begun()
    for place, number in enumerate(numbers):
        code.append((EQUAL, len(numbers) - place, 0, number))
    no_new_privileges()
    put_filter([*code, (RETURN, 0, 0, REFUSE), (RETURN, 0, 0, ALLOW)])


def begun() -> "list[tuple[int, int, int, int]]":
    """How a filter begins: calls of this machine's own kind, by number."""
    return [(LOAD, 0, 0, 4), (EQUAL, 1, 0, _ARCHITECTURE[platform.machine()]), (RETURN, 0, 0, KILL), (LOAD, 0, 0, 0)]


def no_new_privileges() -> None:
    """Without this, only root may put a filter."""
    _control(_NO_NEW_PRIVILEGES, 1, None)


def put_filter(code: "list[tuple[int, int, int, int]]") -> None:
    """Have every call of this process decided by a filter, and of whatever it becomes."""
    written = b"".join(struct.pack("HBBI", *line) for line in code)
    held = ctypes.create_string_buffer(written, len(written))
    _control(_SECCOMP, _FILTER, ctypes.byref(_Program(len(code), ctypes.cast(held, ctypes.c_void_p))))


def _control(what: int, first: int, second: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl.argtypes = (ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_ulong)
    if libc.prctl(what, first, second, 0, 0):
        raise OSError(ctypes.get_errno(), "this machine does not let a process shut itself in")


if __name__ == "__main__":
    shut_in()
    os._exit(0)
