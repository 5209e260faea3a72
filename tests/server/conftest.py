"""A home of its own, a tiny base, and a runtime with two experts on it; a real server where one is asked for."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
import uvicorn

from runtime.engine.engine import Engine
from runtime.server.app import Limits, create_app
from runtime.service import Runtime
from tests.server.installed import store_with
from tests.tiny import tiny_base


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("serving")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPERTBUILD_HOME", str(path / "home"))
        patch.delenv("EXPERTBUILD_API_KEY", raising=False)
        yield path


@pytest.fixture(scope="module")
def base(folder: Path) -> Path:
    return tiny_base(folder)


@pytest.fixture(scope="module")
def engine(base: Path) -> Engine:
    """For measuring canaries and comparing answers; nobody else uses it."""
    return Engine.load(base, cache_tokens=1024)


@pytest.fixture(scope="module")
def runtime(folder: Path, base: Path, engine: Engine) -> Iterator[Runtime]:
    with Runtime(base, store=store_with(folder, engine, "query", "record"), cache_tokens=2048, max_batch=8) as runtime:
        yield runtime


@contextmanager
def serving(runtime: Runtime, **options: Any) -> Iterator[str]:
    """A real server on a free port of this machine; its address."""
    with socket.socket(proto=socket.IPPROTO_TCP) as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(create_app(runtime, **options), log_level="warning", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        wait_for(lambda: server.started)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)


def wait_for(condition: Callable[[], Any], seconds: float = 10.0) -> None:
    """Until it holds; the test fails if it never does."""
    end = monotonic() + seconds
    while not condition():
        assert monotonic() < end, "it never came to that"
        sleep(0.01)


@pytest.fixture(scope="module")
def address(runtime: Runtime) -> Iterator[str]:
    with serving(runtime, limits=Limits(body_bytes=20_000, timeout=20)) as address:
        yield address
