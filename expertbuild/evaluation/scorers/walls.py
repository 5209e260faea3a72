"""A process that puts walls around itself and becomes a command: `python -I -S walls.py SETTINGS COMMAND ...`.

Behind them it computes within its caps, reads the system's own programs and libraries and the folders it is given, and
writes nowhere but in those that are named for it. There is no socket, no signal to another process, no privilege of
root; one that is `alone` starts no process and changes no file at all. Landlock keeps the files, seccomp the rest, and
what it becomes has no way back. Run by file, so it imports nothing of the project.
"""

import ctypes
import json
import os
import platform
import resource
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import syscalls  # type: ignore[import-not-found]

SYSTEM = ("/usr", "/lib", "/lib64", "/lib32", "/bin", "/sbin", "/opt", "/etc/ld.so.cache", "/etc/alternatives", "/nix")
_LANDLOCK = {"make": 444, "add": 445, "restrict": 446}  # the same numbers on every machine
_EXECUTE, _WRITE, _READ, _LIST = 1, 2, 4, 8
_OF_FILES = _EXECUTE | _WRITE | _READ | 1 << 14 | 1 << 15  # what can be allowed for one file, that is no folder
_NEVER_MADE = 1 << 6 | 1 << 9 | 1 << 10 | 1 << 11  # devices, sockets, pipes
# What seccomp refuses, x86_64 and aarch64 (-1: there is no such call). Always:
_ALWAYS = {
    **{"socket": (41, 198), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201), "accept": (43, 202)},
    **{"accept4": (288, 242), "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271)},
    **{"pidfd_open": (434, 434), "pidfd_send_signal": (424, 424), "pidfd_getfd": (438, 438), "tkill": (200, 130)},
    **{"rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240), "bpf": (321, 280)},
    **{"io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427)},
    **{"perf_event_open": (298, 241), "userfaultfd": (323, 282), "keyctl": (250, 219), "add_key": (248, 217)},
    **{"request_key": (249, 218), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41)},
    **{"chroot": (161, 51), "setns": (308, 268), "unshare": (272, 97), "open_by_handle_at": (304, 265)},
    **{"name_to_handle_at": (303, 264), "personality": (135, 92), "shmget": (29, 194), "msgget": (68, 186)},
    **{"semget": (64, 190), "mq_open": (240, 180), "setsid": (112, 157), "setpgid": (109, 154)},
}
# Of one that is alone: whatever makes a process or changes a file.
_ALONE = {
    **{"fork": (57, -1), "vfork": (58, -1), "creat": (85, -1), "unlink": (87, -1), "unlinkat": (263, 35)},
    **{"mkdir": (83, -1), "mkdirat": (258, 34), "rmdir": (84, -1), "rename": (82, -1), "renameat": (264, 38)},
    **{"renameat2": (316, 276), "link": (86, -1), "linkat": (265, 37), "symlink": (88, -1), "symlinkat": (266, 36)},
    **{"chmod": (90, -1), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, -1)},
    **{"fchown": (93, 55), "lchown": (94, -1), "fchownat": (260, 54), "truncate": (76, 45), "ftruncate": (77, 46)},
    **{"utime": (132, -1), "utimes": (235, -1), "futimesat": (261, -1), "utimensat": (280, 88), "mknod": (133, -1)},
    **{"mknodat": (259, 33), "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7)},
    **{"removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16)},
}
_WITHOUT = {"clone3": (435, 435), "openat2": (437, 437)}  # as if the kernel were too old: there are others for the same
_OPENED_TO_WRITE = 0o1103  # O_WRONLY, O_RDWR, O_CREAT, O_TRUNC
_A_THREAD = 0x10000  # CLONE_THREAD
_FIRST, _SECOND, _THIRD = 16, 24, 32  # where the arguments of a call lie
_OLD = 0x40000000  # x32's numbers begin here


def main() -> None:
    settings, command = json.loads(sys.argv[1]), sys.argv[2:]
    for what, most in settings["caps"].items():
        if most >= 0:
            resource.setrlimit(getattr(resource, what), (most, most))
    if settings["walls"]:
        _no_privileges()
        syscalls.no_new_privileges()
        _keep_files(settings["reads"], settings["writes"])
        syscalls.put_filter(_filter(settings["alone"]))
    os.execv(command[0], command)


def keeps_files() -> bool:
    """Whether this kernel has Landlock."""
    return sys.platform == "linux" and _landlock() > 0


def _landlock() -> int:
    """Its version; nothing or less where there is none."""
    asked: int = ctypes.CDLL(None, use_errno=True).syscall(_LANDLOCK["make"], None, ctypes.c_size_t(0), 1)
    return asked


def _no_privileges() -> None:
    """Root without what makes it root; for everybody else nothing changes."""
    number = {"x86_64": 126, "aarch64": 91}[platform.machine()]
    header, nothing = struct.pack("Ii", 0x20080522, 0), bytes(24)
    ctypes.CDLL(None, use_errno=True).syscall(number, header, nothing)


def _keep_files(reads: "list[str]", writes: "list[str]") -> None:
    """From here on only these can be opened, and what lies in them."""
    version, libc = _landlock(), ctypes.CDLL(None, use_errno=True)
    if version <= 0:
        return
    files = (1 << 13) - 1 | (1 << 13) * (version >= 2) | (1 << 14) * (version >= 3) | (1 << 15) * (version >= 5)
    rules = struct.pack("QQQ", files, 3, 3)[: 8 if version < 4 else 16 if version < 6 else 24]
    made = libc.syscall(_LANDLOCK["make"], rules, ctypes.c_size_t(len(rules)), 0)
    if made < 0:
        raise OSError(ctypes.get_errno(), "no rules for files can be made")
    for path, may in (
        *((each, _EXECUTE | _READ | _LIST) for each in (*SYSTEM, *reads)),
        *((each, files & ~_NEVER_MADE) for each in writes),
        ("/dev/null", _READ | _WRITE),
        ("/dev/urandom", _READ),
    ):
        try:
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue  # not every system has all of them
        may &= files if os.path.isdir(path) else _OF_FILES & files
        if libc.syscall(_LANDLOCK["add"], made, 1, struct.pack("=Qi", may, place), 0):
            raise OSError(ctypes.get_errno(), f"no rule for {path} can be made")
        os.close(place)
    if libc.syscall(_LANDLOCK["restrict"], made, 0):
        raise OSError(ctypes.get_errno(), "the rules for files do not hold")
    os.close(made)


def _filter(alone: bool) -> "list[tuple[int, int, int, int]]":
    """The program that seccomp asks about every call."""
    machine = ("x86_64", "aarch64").index(platform.machine())
    load, equal, some, ends = syscalls.LOAD, syscalls.EQUAL, syscalls.SOME, syscalls.RETURN
    code = [*syscalls.begun(), (syscalls.FROM, 0, 1, _OLD), (ends, 0, 0, syscalls.REFUSE)]

    def when(number: int, place: int, *lines: "tuple[int, int, int, int]") -> None:
        """A call is decided by one of its arguments: `lines` skip the refusal that stands behind them, or do not."""
        code.extend([(equal, 0, len(lines) + 3, number), (load, 0, 0, place), *lines])
        code.extend([(ends, 0, 0, syscalls.REFUSE), (ends, 0, 0, syscalls.ALLOW)])

    for calls, answer in ((_ALWAYS, syscalls.REFUSE), (_WITHOUT, syscalls.UNKNOWN), (_ALONE, syscalls.REFUSE)):
        for numbers in calls.values() if alone or calls is not _ALONE else ():
            if numbers[machine] >= 0:
                code += [(equal, 0, 1, numbers[machine]), (ends, 0, 0, answer)]
    own = os.getpid()  # it stays what it is when the command takes its place
    when((62, 129)[machine], _FIRST, (equal, 1, 0, own))  # kill
    when((234, 131)[machine], _FIRST, (equal, 1, 0, own))  # tgkill
    when((302, 261)[machine], _FIRST, (equal, 2, 0, 0), (equal, 1, 0, own))  # prlimit64
    if alone:
        when((56, 220)[machine], _FIRST, (some, 1, 0, _A_THREAD))  # clone
        when((257, 56)[machine], _THIRD, (some, 0, 1, _OPENED_TO_WRITE))  # openat
        if machine == 0:
            when(2, _SECOND, (some, 0, 1, _OPENED_TO_WRITE))  # open
    return [*code, (ends, 0, 0, syscalls.ALLOW)]


if __name__ == "__main__":
    main()
