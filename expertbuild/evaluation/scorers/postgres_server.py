"""A PostgreSQL to run queries on: the one that EXPERTBUILD_POSTGRES_DSN names, or one of our own for as long as we run.

Our own lives in a temporary folder, listens on a socket there and nowhere else, and dies with this process. Queries come
to it as a role that owns nothing and may read no file. What a DSN names is the user's: it should be a role and a
database for this alone, and one that is a superuser is refused. Nothing of it is kept: whatever is made there is made in a
transaction that is rolled back, and what a session keeps beside that is discarded.
"""

import atexit
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from expertbuild.evaluation.engines import POSTGRES_DSN, postgres_programs
from expertbuild.evaluation.errors import EvaluationMistake

START = 180.0  # seconds for it to come up, on a machine that has much else to do
MEMORY = 2**30  # of addresses, for each of its processes
CLEARING = 30.0  # seconds to roll back and discard
ROLE = "judge"
COMING = "the database system is"  # starting up, in recovery mode, not yet accepting connections, ...

_MIGHTY = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolsuper AND pg_has_role(session_user, oid, 'MEMBER'))"

# Sets limits, becomes the other user, asks to be ended when its parent is, and becomes the server. This Python starts it,
# since another user may not be able to.
_LAUNCH = """
import ctypes, os, resource, signal, sys
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]), int(sys.argv[1])))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
user, group = int(sys.argv[2]), int(sys.argv[3])
if os.geteuid() != user:
    os.setgroups([])
    os.setgid(group)
    os.setuid(user)
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGQUIT)
os.execv(sys.argv[4], sys.argv[4:])
"""


class Ended(Exception):
    """What took too long, and was ended with its connection."""


class Server:
    """Where to connect; our own server is started when it is first needed."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Any = None
        atexit.register(self.close)

    def connection(self) -> Any:
        """A connection that is open; another where the last one was lost."""
        if self._connection is None or self._connection.closed:
            self._connection = self._connected()
        return self._connection

    @contextmanager
    def session(self) -> Iterator[Any]:
        """A connection of which nothing stays: neither in the database nor, like locks, in the session."""
        connection = self.connection()
        try:
            yield connection
        finally:
            try:
                with self.watched(CLEARING):
                    connection.rollback()
                    connection.autocommit = True
                    connection.execute("DISCARD ALL")
                    connection.autocommit = False
            except Exception:  # whatever it was that a query left
                connection.close()

    @contextmanager
    def watched(self, seconds: float) -> Iterator[None]:
        """End the connection if this takes longer, and the process of our own server that works for it: `Ended`."""
        connection, over = self._connection, threading.Event()
        own = connection.info.backend_pid if connection.info.host == str(self._folder) else None
        with socket.socket(fileno=os.dup(connection.fileno())) as line:
            timer = threading.Timer(seconds, _end, (line, own, over))
            timer.daemon = True
            timer.start()
            try:
                yield
            finally:
                timer.cancel()
                timer.join()
                if over.is_set():
                    connection.close()
                    raise Ended("it runs too long")

    def close(self) -> None:
        """End our own server and remove what it wrote."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        process, self._process = self._process, None
        if process is not None:
            process.kill() if process.poll() is None and _quit(process) is None else None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def _dsn(self) -> str:
        if named := os.environ.get(POSTGRES_DSN):
            return named
        if self._process is None or self._process.poll() is not None:
            self.close()
            self._start()
        return f"host={self._folder} dbname=postgres user={ROLE}"

    def _connected(self) -> Any:
        """A new connection, as soon as the server takes one: when a process of it was ended, it first recovers."""
        psycopg, stop = _psycopg(), time.monotonic() + START
        while True:
            try:
                return _made_ready(psycopg.connect(self._dsn(), connect_timeout=30))
            except psycopg.ProgrammingError:  # which would show some of it
                raise EvaluationMistake(
                    f"{POSTGRES_DSN} is not what a connection is named by.", where="evaluation.scorer"
                ) from None
            except psycopg.OperationalError as error:
                named, said = os.environ.get(POSTGRES_DSN), str(error).strip().split("\n")[0]
                if time.monotonic() > stop or (named and COMING not in str(error)):
                    raise EvaluationMistake(
                        f"PostgreSQL takes no connection: {said}",
                        where="evaluation.scorer",
                        hint=f"Look at the server that {POSTGRES_DSN} names." if named else "",
                    ) from error
            time.sleep(0.1)

    def _start(self) -> None:
        programs = postgres_programs()
        if programs is None:
            raise EvaluationMistake(
                "there is no PostgreSQL to run queries on.",
                where="evaluation.scorer",
                hint=f"Install PostgreSQL, set {POSTGRES_DSN}, or choose the scorer sql_execution.",
            )
        self._folder = folder = Path(tempfile.mkdtemp(prefix="expertbuild-postgres-"))
        folder.chmod(0o700)
        alone = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
        user, group = os.geteuid(), os.getegid()
        who: dict[str, Any] = {}
        if user == 0:  # it refuses to run as root
            user, group = _other().pw_uid, _other().pw_gid
            os.chown(folder, user, group)
            who = {"user": user, "group": group, "extra_groups": []}
        data = folder / "data"
        words = [
            "--auth=trust",
            "--username=owner",
            "--no-locale",
            "--encoding=UTF8",
            "--no-sync",
            "--pgdata",
            str(data),
        ]
        made = subprocess.run(
            [str(programs / "initdb"), *words], capture_output=True, timeout=START, env=alone, cwd=folder, **who
        )
        if made.returncode:
            said = made.stderr.decode("utf-8", "replace").strip().splitlines()
            raise EvaluationMistake(f"PostgreSQL does not start: {said[-1] if said else ''}", where="evaluation.scorer")
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(folder),
            "fsync": "off",
            "max_connections": "8",
        }
        settings |= {
            "shared_buffers": "16MB",
            "temp_file_limit": "64MB",
            "work_mem": "16MB",
            "jit": "off",
            "autovacuum": "off",
        }
        settings |= {"logging_collector": "off", "log_min_messages": "panic", "log_min_error_statement": "panic"}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        server = [str(programs / "postgres"), "-D", str(data), *options]
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _LAUNCH, *map(str, (MEMORY, user, group)), *server],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=alone,
            cwd=folder,
        )
        self._prepare(folder)

    def _prepare(self, folder: Path) -> None:
        """Wait until it listens, and make the role."""
        psycopg = _psycopg()
        stop = time.monotonic() + START
        while True:
            try:
                with psycopg.connect(f"host={folder} dbname=postgres user=owner", autocommit=True) as owner:
                    owner.execute(f"CREATE ROLE {ROLE} LOGIN")
                    owner.execute(f"GRANT CREATE ON DATABASE postgres TO {ROLE}")
                    for kind in ("text", "bytea"):  # what it writes to the log of changes, nothing rolls back
                        owner.execute(
                            f"REVOKE EXECUTE ON FUNCTION pg_logical_emit_message(bool, text, {kind}) FROM PUBLIC"
                        )
                return
            except psycopg.OperationalError as error:
                if time.monotonic() > stop or self._process is None or self._process.poll() is not None:
                    self.close()
                    raise EvaluationMistake("PostgreSQL does not start.", where="evaluation.scorer") from error
                time.sleep(0.1)


def _made_ready(connection: Any) -> Any:
    """JSON stays text, since its reader has its limits; and a role that may do everything is refused."""
    from psycopg.types.string import TextLoader

    for name in ("json", "jsonb"):
        connection.adapters.register_loader(name, TextLoader)
    [mighty] = connection.execute(_MIGHTY).fetchone()
    connection.rollback()
    if not mighty:
        return connection
    connection.close()
    raise EvaluationMistake(
        f"the role that {POSTGRES_DSN} names is a superuser or can become one, and what a model writes would run as it.",
        where="evaluation.scorer",
        hint="Name another: CREATE ROLE judge LOGIN PASSWORD '...'; GRANT CREATE ON DATABASE ... TO judge;",
    )


def _end(line: socket.socket, backend: int | None, over: threading.Event) -> None:
    """Shut a connection down, and end the process of our own server behind it. Then the server recovers, as it says once
    it has noticed: until then nobody should connect."""
    over.set()
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)
    if backend is None:
        return
    stop = time.monotonic() + CLEARING
    with suppress(ProcessLookupError):
        os.kill(backend, signal.SIGKILL)
        while time.monotonic() < stop:
            os.kill(backend, 0)
            time.sleep(0.01)


def _other() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise EvaluationMistake("PostgreSQL does not run as root, and there is no other user.", where="evaluation.scorer")


def _quit(process: "subprocess.Popen[bytes]") -> int | None:
    """Ask it to end at once; its exit code, or None if it does not."""
    process.send_signal(3)
    try:
        return process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        return None


def _psycopg() -> Any:
    try:
        import psycopg
    except ImportError as error:
        raise EvaluationMistake(
            "running queries on PostgreSQL needs the package psycopg.",
            where="evaluation.scorer",
            hint="pip install 'expertbuild[postgres]', or choose the scorer sql_execution.",
        ) from error
    return psycopg


SERVER = Server()
