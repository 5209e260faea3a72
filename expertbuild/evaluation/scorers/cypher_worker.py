"""A process that runs Cypher for another: one JSON line in, one out, until its input ends.

{"graphs": [[statement, ...], ...], "queries": ["...", ...], "seconds": 1.0} makes each graph by its statements and
gives {"results": [[{"rows": [...]} or {"failed": "..."}, ...], ...]}, a list for each graph, in it one a query. The engine is embedded and written in C++: it lives
here so that whatever a query does to it, only this process is lost. Deliberately without any import of the project.
"""

import json
import resource
import sys
from typing import Any

MOST_ROWS = 5_000
MOST_MEMORY = 3 * 2**30  # of addresses; the engine asks for about 1.3 GiB of them before it has done anything
POOL = 64 * 2**20
LARGEST = 2**28


def main() -> None:
    import ladybug

    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    print(json.dumps({"ready": ladybug.__version__}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        results = [_run(ladybug, statements, asked["queries"], asked["seconds"]) for statements in asked["graphs"]]
        print(json.dumps({"results": results}), flush=True)


def _run(ladybug: Any, statements: list[str], queries: list[str], seconds: float) -> list[dict[str, Any]]:
    database = ladybug.Database(":memory:", buffer_pool_size=POOL, max_db_size=LARGEST, max_num_threads=1)
    connection = ladybug.Connection(database, num_threads=1)
    try:
        for statement in statements:
            connection.execute(statement)
        connection.set_query_timeout(max(1, int(seconds * 1000)))
        return [_asked(connection, query) for query in queries]
    except RuntimeError as error:
        return [_failed(error)] * len(queries)
    finally:
        connection.close()
        database.close()


def _asked(connection: Any, query: str) -> dict[str, Any]:
    try:
        result = connection.execute(query)
        if isinstance(result, list):
            return {"failed": "it is more than one query"}
        rows = []
        while result.has_next():
            rows.append([_plain(value) for value in result.get_next()])
            if len(rows) > MOST_ROWS:
                return {"failed": f"it gives more than {MOST_ROWS} rows"}
        return {"rows": rows}
    except (RuntimeError, MemoryError, OverflowError, ValueError) as error:
        return _failed(error)


def _failed(error: Exception) -> dict[str, Any]:
    return {"failed": " ".join((str(error) or type(error).__name__).split())[:200]}


def _plain(value: Any) -> Any:
    """Numbers, text and nothing as they are; the rest as text, without the engine's own numbers for nodes."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return json.dumps(_bare(value), default=str, sort_keys=True)


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _bare(each) for key, each in value.items() if key not in ("_ID", "_SRC", "_DST")}
    return [_bare(each) for each in value] if isinstance(value, list) else value


if __name__ == "__main__":
    main()
