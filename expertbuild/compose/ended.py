"""How a job ended: its exit code, and what went wrong in a sentence each. Plain data, so that a launcher can send it."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

from runtime.errors import Problem


@dataclass(frozen=True)
class Ended:
    code: int = 0
    why: tuple[str, ...] = ()


def attempt(work: Callable[[], Ended]) -> Ended:
    """Do it; whatever goes wrong is told and costs this job alone. Who is stopped by a person stops all."""
    try:
        return work()
    except Problem as problem:
        if problem.exit_code == 130:
            raise
        print(problem, file=sys.stderr)
        return Ended(problem.exit_code, (str(problem),))
    except BrokenPipeError:
        raise
    except Exception as error:
        import traceback

        traceback.print_exc()
        return Ended(1, (f"{type(error).__name__}: {error}",))
