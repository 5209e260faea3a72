"""Real servers on loopback: an ordinary one for a folder, and one that answers as it is told."""

import hashlib
import http.server
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from tuf.api.metadata import TargetFile

from runtime.registry.index import roles
from runtime.registry.index.roles import Keys
from runtime.registry.index.settings import add_index
from runtime.registry.keys import PrivateKey
from runtime.registry.sources.fetcher import Patience
from tests.artifact.samples import Key

CAROL, DAVE = Key(4), Key(5)
NOW = datetime.now(UTC)
LATELY = NOW - timedelta(days=1)


def private(key):
    """A key of the samples, as the registry holds one."""
    return PrivateKey(key.public, key.private)


KEYS = Keys(private(CAROL))


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder; `answers` maps a path to a function of the handler that answers in its place."""

    def __init__(self, *rest, server_of, **more):
        self.of = server_of
        super().__init__(*rest, **more)

    def do_GET(self):
        self.of.asked.append(self.path)
        for path, answer in self.of.answers.items():
            if self.path.endswith(path):
                answer(self)
                return
        super().do_GET()

    def log_message(self, *_):
        pass


class Server:
    def __init__(self, folder: Path):
        self.folder, self.answers, self.asked = folder, {}, []
        handler = partial(Handler, directory=str(folder), server_of=self)
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}/"

    def stop(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextmanager
def serving(folder):
    server = Server(folder)
    try:
        yield server
    finally:
        server.stop()


def configured(server, name="acme", namespaces=(), root=None):
    return add_index(name, server.url, root or server.folder / "root.json", namespaces)


def redirecting(to, status=302):
    def answer(handler):
        handler.send_response(status)
        handler.send_header("Location", to)
        handler.end_headers()

    return answer


def sending(data, status=200, length=None):
    def answer(handler):
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(data) if length is None else length))
        handler.end_headers()
        handler.wfile.write(data)

    return answer


# So small that a test of a cap ends soon, and no cap of a sound answer is met.
SHORT = Patience(idle=60.0, seconds=1.0, slowest=1e9)


def sign_anew(folder, chain, path, data):
    """What a dishonest publisher can do: a release whose document says what he likes."""
    digest = hashlib.sha256(data).hexdigest()
    place, _, name = path.rpartition("/")
    (folder / "targets" / place / f"{digest}.{name}").write_bytes(data)
    files = {**chain.files, path: TargetFile(len(data), {"sha256": digest}, path)}
    for name, written in roles.release(chain, files, KEYS, NOW):
        (folder / "metadata" / name).write_bytes(written)
