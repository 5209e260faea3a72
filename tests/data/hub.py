"""A data set hub on loopback: as much of the hub's interface as reading one small data set at a commit takes."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, name: str, files: Mapping[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.name, self.files = name, files
        self.asked: list[str] = []
        self.tokens: set[str] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.server.asked.append(f"{self.command} {path}")
        if token := self.headers.get("Authorization"):
            self.server.tokens.add(token)
        api, files = f"/api/datasets/{self.server.name}", f"/datasets/{self.server.name}/resolve/{COMMIT}/"
        listing = [
            {"type": "file", "path": name, "size": len(data), "oid": sha1(data).hexdigest()}
            for name, data in self.server.files.items()
        ]
        if path in (f"{api}/revision/{COMMIT}", api):
            siblings = [{"rfilename": name} for name in self.server.files]
            self._json({"id": self.server.name, "sha": COMMIT, "private": False, "siblings": siblings, "tags": []})
        elif path.startswith(f"{api}/tree/{COMMIT}"):
            folder = path.removeprefix(f"{api}/tree/{COMMIT}").strip("/")
            self._json([each for each in listing if str(each["path"]).startswith(f"{folder}/" if folder else "")])
        elif path.startswith(f"{api}/paths-info/"):
            self._json(listing)
        elif path.startswith(files) and path.removeprefix(files) in self.server.files:
            self._file(self.server.files[path.removeprefix(files)])
        else:
            self._send(404, b'{"error": "not found"}', {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})

    do_HEAD = do_POST = do_GET

    def _json(self, document: object) -> None:
        self._send(200, json.dumps(document).encode(), {"Content-Type": "application/json"})

    def _file(self, data: bytes) -> None:
        status, headers = (
            200,
            {"ETag": f'"{sha1(data).hexdigest()}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"},
        )
        if wanted := self.headers.get("Range"):
            start, _, end = wanted.removeprefix("bytes=").partition("-")
            last = min(int(end or len(data) - 1), len(data) - 1)
            headers["Content-Range"] = f"bytes {start}-{last}/{len(data)}"
            status, data = 206, data[int(start) : last + 1]
        self._send(status, data, headers)

    def _send(self, status: int, data: bytes, headers: Mapping[str, str]) -> None:
        if length := int(self.headers.get("Content-Length") or 0):
            self.rfile.read(length)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, format: str, *arguments: object) -> None:
        """Tests print nothing."""


@contextmanager
def hub(name: str, files: Mapping[str, bytes]) -> Iterator[Hub]:
    with Hub(name, files) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(10)
