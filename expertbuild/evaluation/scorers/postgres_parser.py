"""A process that parses SQL for another as PostgreSQL does: one JSON line in, one out, until its input ends.

{"sql": "..."} gives {"statements": ["SelectStmt", ...]} or {"failed": "..."}. The parser is PostgreSQL's own, in C: it
lives here so that whatever a query does to it, only this process is lost. Without any import of the project.
"""

import json
import resource
import sys

MOST_MEMORY = 2**30


def main() -> None:
    import pglast
    from pglast.parser import ParseError

    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    print(json.dumps({"ready": ".".join(map(str, pglast.get_postgresql_version()))}), flush=True)
    for line in sys.stdin:
        try:
            found = pglast.parse_sql(json.loads(line)["sql"])
            said: dict[str, object] = {"statements": [type(each.stmt).__name__ for each in found]}
        except (ParseError, ValueError, RecursionError, MemoryError) as error:
            said = {"failed": " ".join(str(error.args[0] if error.args else error).split())[:200]}
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
