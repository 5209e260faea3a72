import http.server
import json
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from expertbuild.graph import Cache, Fetched, Remote, Step, Warned, build, verify, why
from tests.graph import toys
from tests.graph.test_plan import snapshot
from tests.graph.toys import Heard, statuses, step, text

ROOT = Path(__file__).parents[2]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"file://{tmp_path}/remote"


def machine(tmp_path: Path, name: str) -> Cache:
    return Cache(tmp_path / name)


def graph(n: int = 10) -> list[Step]:
    half = step("half", toys.halve, {"n": n})
    return [step("end", middle=step("middle", toys.nested, half=half), half=half)]


def pushed(tmp_path: Path, url: str) -> None:
    assert build(graph(), machine(tmp_path, "first"), remote=Remote(url, push=True)).ok


def warnings(heard: Heard) -> list[str]:
    return [event.what for event in heard.of(Warned)]


@pytest.mark.parametrize("place", ["file", "memory"])
def test_what_one_machine_built_another_one_fetches(tmp_path: Path, url: str, place: str) -> None:
    url = url if place == "file" else f"memory://{tmp_path}"
    pushed(tmp_path, url)
    heard = Heard()
    outcome = build(graph(), machine(tmp_path, "second"), remote=url, listener=heard)
    assert statuses(outcome) == {"half": "fetched", "middle": "fetched", "end": "fetched"}
    assert text(outcome, "end").startswith("half: 5") and not warnings(heard)
    assert sum(event.size for event in heard.of(Fetched)) == sum(
        part.record.size for part in outcome.values() if part.record
    )
    assert set(statuses(build(graph(), machine(tmp_path, "second"))).values()) == {"hit"}
    assert not verify(machine(tmp_path, "second"))


def test_fetching_starts_no_worker(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pushed(tmp_path, url)
    monkeypatch.setattr(subprocess, "Popen", lambda *a, **k: pytest.fail("a process was started"))
    assert build(graph(), machine(tmp_path, "second"), remote=url).ok


def test_a_remote_cache_is_only_written_when_asked(tmp_path: Path, url: str) -> None:
    build(graph(), machine(tmp_path, "first"), remote=url).check()
    assert not (tmp_path / "remote").exists()


def test_the_first_result_stands_in_the_remote_cache_too(tmp_path: Path, url: str) -> None:
    one = step("one", toys.at_random)
    first = build([one], machine(tmp_path, "a"), remote=Remote(url, push=True))["one"].tree
    lonely = machine(tmp_path, "b")
    build([one], lonely).check()
    remote = snapshot(tmp_path / "remote")
    (lonely.results / f"{build([one], lonely)['one'].key}.json").unlink()
    assert build([one], lonely, remote=Remote(url, push=True))["one"].tree == first
    assert snapshot(tmp_path / "remote") == remote


def test_a_dry_run_says_fetch_and_downloads_nothing(tmp_path: Path, url: str) -> None:
    pushed(tmp_path, url)
    cache = machine(tmp_path, "second")
    assert set(statuses(build(graph(), cache, dry_run=True, remote=url)).values()) == {"fetch"}
    assert statuses(build(graph(11), cache, dry_run=True, remote=url)) == {
        "half": "build",
        "middle": "build?",
        "end": "build?",
    }
    assert [reason.status for reason in why(graph(), cache, remote=url)] == ["fetch"] * 3
    assert not cache.root.exists()


def test_a_rebuild_with_the_same_bytes_finds_what_follows_in_the_remote_cache(tmp_path: Path, url: str) -> None:
    pushed(tmp_path, url)
    outcome = build(graph(11), machine(tmp_path, "second"), remote=url)
    assert statuses(outcome) == {"half": "built", "middle": "fetched", "end": "fetched"}


# Lies


def edit(path: Path, how: Callable[[Any], Any]) -> None:
    stored = json.loads(path.read_bytes())
    how(stored)
    path.write_text(json.dumps(stored))


def corrupt(remote: Path, what: str) -> None:
    for path in remote.glob("objects/*/*"):
        path.chmod(0o644)
        data = path.read_bytes()
        if what == "flipped":
            path.write_bytes(bytes([(data or b"0")[0] ^ 1]) + data[1:])
        elif what == "cut":
            path.write_bytes(data[:-1] if data else b"!")
        elif what == "longer":
            path.write_bytes(data + b"!")
        elif what == "missing":
            path.unlink()
        elif what == "folder":
            path.unlink()
            path.mkdir()
    records = sorted(remote.glob("results/*.json"))
    swapped = [path.read_bytes() for path in records]
    for path, other in zip(records, [*swapped[1:], swapped[0]], strict=True):
        if what == "garbage":
            path.write_bytes(b"\xff\x00")
        elif what == "huge":
            path.write_bytes(b" " * (17 << 20))
        elif what == "another":
            path.write_bytes(other)
        elif what == "renamed":
            path.write_bytes(other.replace(json.loads(other)["key"].encode(), path.stem.encode()))
        elif what == "escape":
            edit(
                path, lambda stored: stored["outputs"].update({"../../escaped": next(iter(stored["outputs"].values()))})
            )
        elif what == "other tree":
            edit(path, lambda stored: [entry.update(sha256="0" * 64) for entry in stored["outputs"].values()])
        elif what == "too large":
            edit(path, enlarge)


def enlarge(stored: Any) -> None:
    """A record that is consistent and names more bytes than there are on any disk."""
    from expertbuild.graph.tree import Entry, tree_digest

    for entry in stored["outputs"].values():
        entry["size"] = 1 << 60
    stored["tree"] = tree_digest({name: Entry(**entry) for name, entry in stored["outputs"].items()})


@pytest.mark.parametrize(
    "what",
    [
        "flipped",
        "cut",
        "longer",
        "missing",
        "garbage",
        "huge",
        "another",
        "renamed",
        "escape",
        "other tree",
        "too large",
    ],
)
def test_a_remote_cache_that_lies_is_caught_and_the_build_goes_on_here(tmp_path: Path, url: str, what: str) -> None:
    pushed(tmp_path, url)
    corrupt(tmp_path / "remote", what)
    cache, heard = machine(tmp_path, "second"), Heard()
    outcome = build(graph(), cache, remote=Remote(url, push=True), listener=heard)
    assert statuses(outcome) == {"half": "built", "middle": "built", "end": "built"}
    assert sorted(event.step for event in heard.of(Warned)) == ["end", "half", "middle"]
    assert all("gave a wrong result" in said and "\n" not in said for said in warnings(heard))
    assert text(outcome, "end").startswith("half: 5")
    assert not verify(cache) and not list(cache.staging.iterdir()) and not list(tmp_path.glob("**/escaped"))


def test_when_one_result_is_a_lie_what_follows_is_asked_with_what_was_built_here(tmp_path: Path, url: str) -> None:
    def random(name: str) -> list[Step]:
        return [step("after", up=step(name, toys.at_random))]

    first = build(random("up"), machine(tmp_path, "first"), remote=Remote(url, push=True))
    corrupted = tmp_path / "remote" / "objects" / first["up"].outputs["text"].sha256[:2]
    next(corrupted.iterdir()).unlink()
    outcome = build(random("up"), machine(tmp_path, "second"), remote=url)
    assert statuses(outcome) == {"up": "built", "after": "built"}
    assert text(outcome, "after").startswith(f"up: {text(outcome, 'up')}")


# Silence


class Slow(MemoryFileSystem):  # type: ignore[misc]
    """A place that answers later than anybody waits, or drop by drop."""

    protocol = "toyslow"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    how = "silent"

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        if self.how == "silent":
            time.sleep(30)
        file = super()._open(path, mode, **options)
        if self.how == "drips":
            whole = file.read
            file.read = lambda size=-1: (time.sleep(0.05), whole(1))[1]  # type: ignore[func-returns-value]
        return file


@pytest.fixture
def slow() -> Iterator[type[Slow]]:
    fsspec.register_implementation("toyslow", Slow, clobber=True)
    Slow.store.clear()
    yield Slow
    Slow.how = "silent"


def test_a_remote_cache_that_does_not_answer_costs_one_time_cap_and_one_warning(
    tmp_path: Path, slow: type[Slow]
) -> None:
    heard = Heard()
    began = time.monotonic()
    outcome = build(
        graph(), machine(tmp_path, "one"), remote=Remote("toyslow://x", push=True, timeout=0.5), listener=heard
    )
    assert outcome.ok and time.monotonic() - began < 5
    assert warnings(heard) == [
        "the remote cache toyslow://x cannot be used (no answer within 0.5 s); going on without it"
    ]


def test_a_remote_cache_that_drips_does_not_hold_up_the_build(tmp_path: Path, slow: type[Slow]) -> None:
    slow.how = "quick"
    pushed(tmp_path, "toyslow://x")
    slow.how = "drips"
    heard = Heard()
    began = time.monotonic()
    assert build(graph(), machine(tmp_path, "one"), remote=Remote("toyslow://x", timeout=0.2), listener=heard).ok
    assert time.monotonic() - began < 5
    assert warnings(heard) == [
        "the remote cache toyslow://x cannot be used (no answer within 0.2 s); going on without it"
    ]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nonsense://me:hunter22@host/x", "nonsense://***@host/x cannot be used (ValueError: Protocol not known: nonsense)"),
        ("http://127.0.0.1:1/x", "http://127.0.0.1:1/x cannot be used (ClientConnectorError: "),
        ("abfs://x/y", "abfs://x/y cannot be used (a package is missing: "),
    ],
)  # fmt: skip
def test_a_remote_cache_that_cannot_be_reached_is_one_warning(tmp_path: Path, url: str, says: str) -> None:
    heard = Heard()
    assert build(graph(), machine(tmp_path, "one"), remote=Remote(url, push=True), listener=heard).ok
    assert len(warnings(heard)) == 1 and says in warnings(heard)[0]
    heard = Heard()
    assert build(graph(), machine(tmp_path, "two"), remote=url, listener=heard, dry_run=True).ok
    assert len(warnings(heard)) == 1 and "hunter22" not in repr(heard)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "remote").mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: Any) -> None: ...

    handler = partial(Quiet, directory=str(tmp_path / "remote"))
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as serving:
        serving.daemon_threads = True
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_address[1]}"
        serving.shutdown()


def test_a_plain_web_server_will_do_to_read_from(tmp_path: Path, url: str, server: str) -> None:
    pushed(tmp_path, url)
    outcome = build(graph(), machine(tmp_path, "second"), remote=server)
    assert set(statuses(outcome).values()) == {"fetched"} and text(outcome, "end").startswith("half: 5")


def test_an_upload_that_fails_is_a_warning(tmp_path: Path, server: str) -> None:
    heard = Heard()
    assert build(graph(), machine(tmp_path, "one"), remote=Remote(server, push=True), listener=heard).ok
    assert len(warnings(heard)) == 1 and "going on without it" in warnings(heard)[0]


def test_a_build_with_nothing_to_do_does_not_even_load_what_talks_to_a_remote_cache(tmp_path: Path, url: str) -> None:
    build(graph(), machine(tmp_path, "one")).check()
    script = (
        "import sys; from expertbuild.graph import *; from tests.graph import toys; from tests.graph.toys import step\n"
        "half = step('half', toys.halve, {'n': 10})\n"
        "steps = [step('end', middle=step('middle', toys.nested, half=half), half=half)]\n"
        "outcome = build(steps, Cache(sys.argv[1]), remote=sys.argv[2])\n"
        "assert {str(part.status) for part in outcome.values()} == {'hit'}\n"
        "print([name for name in ('fsspec', 'subprocess', 'multiprocessing', 'asyncio', 'socket') if name in sys.modules])"
    )
    output = subprocess.check_output([sys.executable, "-c", script, str(tmp_path / "one"), url], cwd=ROOT, text=True)
    assert output == "[]\n"
