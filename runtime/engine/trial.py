"""Compiles a JSON Schema once in a process of its own, where it can be stopped.

Twenty-four patterns under one `allOf` keep llguidance busy for minutes, and nothing inside a process can interrupt it.
A trial costs about 80 ms, once per schema; the caps are on processor time and memory, so a busy machine refuses nothing
that an idle one takes. GBNF needs no trial: its terminals are single characters.
"""

import subprocess
import sys

from runtime.engine.errors import GrammarRefused

MOST_SECONDS = 3
MOST_MEMORY = 2 << 30

_PROGRAM = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_CPU, ({MOST_SECONDS}, {MOST_SECONDS}))
resource.setrlimit(resource.RLIMIT_AS, ({MOST_MEMORY}, {MOST_MEMORY}))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
from llguidance import LLMatcher
sys.stdout.write(LLMatcher.validate_grammar(sys.stdin.read()))
"""


def try_schema(source: str) -> str:
    """What llguidance has against the grammar, or ""; refused if it does not come to an end."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            input=source,
            capture_output=True,
            text=True,
            timeout=20 * MOST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        done = None
    if done is None or done.returncode:
        raise GrammarRefused(f"the JSON Schema took more than {MOST_SECONDS} seconds or too much memory to compile.")
    return done.stdout
