"""`python -m runtime.chat`: talk to the installed experts in a terminal, without a server.

    python -m runtime.chat                        the router chooses for each message
    python -m runtime.chat --expert expert-sql    always this one

/new forgets what was said, /why tells who answered last and for which reasons, /quit or Ctrl-D ends.
What a model writes is shown and never obeyed by the terminal.
"""

import argparse
import sys
from collections.abc import Iterable

from runtime.artifact.shown import shown
from runtime.errors import Problem


def main() -> int:
    parser = argparse.ArgumentParser("runtime.chat", description="Talk to the installed experts.")
    parser.add_argument("--base", default="nano", help="a file of conf/base, or path:FOLDER")
    parser.add_argument("--expert", default="auto", help="an expert, the base's name, or auto")
    parser.add_argument("--temperature", type=float, help="instead of the expert's own")
    parser.add_argument("--unsigned", action="store_true", help="load packages that nobody signed as well")
    wanted = parser.parse_args()
    try:
        return chat(wanted.base, wanted.expert, wanted.temperature, wanted.unsigned)
    except Problem as problem:
        print(shown(problem), file=sys.stderr)
        return problem.exit_code
    except KeyboardInterrupt:
        print()
        return 0


def chat(base: str, expert: str, temperature: float | None, unsigned: bool) -> int:
    from runtime.service import Answer, Runtime

    with Runtime(base, unsigned=unsigned) as runtime:
        print(f"Models: {', '.join(runtime.models)}. /new begins again, /why tells who answered, /quit ends.")
        session = runtime.session(expert, temperature=temperature)
        last: Answer | None = None
        for line in _lines():
            match line.strip():
                case "":
                    continue
                case "/quit":
                    break
                case "/new":
                    session.forget()
                case "/why":
                    print(why(last))
                case text:
                    try:
                        for piece in session.stream(text):
                            print(visible(piece.text), end="", flush=True)
                            last = piece.answer or last
                        print()
                    except Problem as problem:
                        print(shown(problem))
    return 0


def _lines() -> Iterable[str]:
    """What is typed, with a prompt where somebody types."""
    while True:
        try:
            yield input("> " if sys.stdin.isatty() else "")
        except EOFError:
            return


def visible(text: str) -> str:
    """Line breaks and tabs stay; whatever else a terminal would obey is written out."""
    return "\n".join(shown(line, sys.maxsize) for line in text.replace("\t", "    ").split("\n"))


def why(answer: object) -> str:
    """Who gave this answer, and why it was them."""
    from runtime.service import Answer

    if not isinstance(answer, Answer):
        return "Nothing has been answered yet."
    reasons = answer.decision.reasons if answer.decision else ("chosen by hand",)
    return "\n".join([answer.expert or "the base", *(f"  {shown(reason)}" for reason in reasons)])


if __name__ == "__main__":
    sys.exit(main())
