"""`python -m runtime.serve`: the server, set up by conf/serve.yaml and whatever `key=value` is typed.

python -m runtime.serve port=8080 'experts=[local/expert-sql]'
python -m runtime.serve base=qwen3-0.6b
python -m runtime.serve 'experts=[build/expert-sql-0.1.0.expert]'     installed first, by the trust file
python -m runtime.serve --help                                        all settings
"""

import json
import socket
import sys
from contextlib import suppress
from typing import Any

from runtime.artifact.shown import shown
from runtime.errors import Mistake, Problem
from runtime.home import folders, shipped

_BACKLOG = 2048

# Settings of conf/serve.yaml that are the runtime's own, under the same names.
PASSED = (
    "device",
    "dtype",
    "weights",
    "cache_tokens",
    "cache_dtype",
    "graphs",
    "speculate",
    "run_ahead",
    "max_batch",
    "max_tokens",
    "queue",
    "adapter_bytes",
    "watch",
)


def main() -> int:
    try:
        if {"-h", "--help"} & set(sys.argv[1:]):
            print((shipped("conf") / "serve.yaml").read_text(encoding="utf-8"))
            return 0
        from runtime.settings import settings

        return serve(settings(sys.argv[1:]))
    except Problem as problem:
        print(shown(problem), file=sys.stderr)
        return problem.exit_code
    except KeyboardInterrupt:
        return 0


def serve(wanted: dict[str, Any]) -> int:
    """Load, say what there is, answer until Ctrl-C."""
    with _bound(wanted["host"], wanted["port"]) as listening:
        from runtime.server.access import key_from_environment
        from runtime.server.app import Limits, create_app
        from runtime.service import Runtime
        from runtime.service.bases import base_of

        key = key_from_environment()
        with Runtime(
            base_of(wanted["base"]),
            experts=wanted["experts"] or None,
            unsigned=wanted["policy"]["unsigned"],
            **wanted["router"],
            **{name: wanted[name] for name in PASSED},
        ) as runtime:
            app = create_app(runtime, limits=Limits(wanted["body_bytes"], wanted["timeout"]), key=key)
            host, port = listening.getsockname()[:2]
            listening.listen(_BACKLOG)  # whoever follows the announcement at once is not turned away
            print(announcement(runtime, wanted["host"], f"http://{host}:{port}", key is not None), flush=True)
            with suppress(KeyboardInterrupt):  # uvicorn hands it on when it has finished
                _run(app, listening)
    print("Stopped.")
    return 0


def announcement(runtime: Any, host: str, address: str, locked: bool) -> str:
    """What a person needs to know once the server is ready."""
    header = ' -H "Authorization: Bearer $EXPERTBUILD_API_KEY"' if locked else ""
    body = json.dumps({"model": "auto", "messages": [{"role": "user", "content": "Hello"}]})
    lines = [f"Serving at {address}/v1 with the models {', '.join(runtime.models)}."]
    own = folders("conf")[0] / "serve.yaml"
    if own.parent != shipped("conf") and own.is_file():
        lines.append(f"Set up by {own}.")
    lines += [f"Not loaded: {refusal}" for refusal in runtime.refused.values()]
    for ready in runtime.experts.values():
        if ready.installed.trust != "trusted":
            lines.append(
                f"{ready.installed.reference} is {ready.installed.trust}: nobody you named has vouched for it."
            )
    if not runtime.experts:
        lines.append("No expert is loaded; the base answers. Build one: expertbuild expert=expert-json")
    if host not in ("127.0.0.1", "localhost", "::1") and not locked:
        lines.append("Anybody who reaches this machine can use it: set EXPERTBUILD_API_KEY to ask for a key.")
    lines.append("Try it:")
    lines.append(f"  curl {address}/v1/chat/completions -H 'Content-Type: application/json'{header} -d '{body}'")
    return "\n".join(shown(line) for line in lines)


def _bound(host: str, port: int) -> socket.socket:
    """The address, taken before anything is loaded: a port in use is said at once."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, or asyncio leaves Nagle's algorithm on for its connections: 40 ms more for every answer.
    taken = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((host, port))
    except OSError as error:
        taken.close()
        reason = error.strerror or str(error)
        raise Mistake(f"{host}:{port} cannot be used: {reason}.", hint="Choose another: port=0 takes any.") from None
    return taken


def _run(app: Any, listening: socket.socket) -> None:
    import uvicorn

    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        lifespan="off",
        backlog=_BACKLOG,
        timeout_graceful_shutdown=5,
    )
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    sys.exit(main())
