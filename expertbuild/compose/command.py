"""What was typed: overrides to compose, or a question that Hydra answers itself (--cfg, --help, --info ...)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from runtime.errors import Mistake

QUESTIONS = ("cfg", "help", "hydra_help", "info", "shell_completion")


@dataclass(frozen=True)
class Command:
    """Overrides, and where to begin composing."""

    overrides: tuple[str, ...] = ()
    multirun: bool = False
    config_name: str = "config"
    config_dir: str | None = None

    def with_overrides(self, overrides: Sequence[str]) -> "Command":
        """The same for one single build."""
        return replace(self, overrides=tuple(overrides), multirun=False)

    def adding(self, override: str) -> "Command":
        """The same with one override more, which wins over those before it."""
        return self.with_overrides([*self.overrides, override])


def read(arguments: Sequence[str]) -> Command | None:
    """The command, or None for a question. Flags that do not exist end the program as argparse does."""
    words = [word for word in arguments if word not in ("-m", "--multirun")]
    if not any(word.startswith("-") for word in words):  # the usual case, and no reason to import Hydra
        return Command(tuple(words), multirun=len(words) < len(arguments))
    from hydra._internal.utils import get_args_parser

    parser = get_args_parser()
    parser.prog = "expertbuild"
    flags = parser.parse_args(list(arguments))
    if flags.experimental_rerun:
        raise Mistake("--experimental-rerun reads a pickle, and nothing here does.", hint="Type the words again.")
    if any(getattr(flags, question) for question in QUESTIONS):
        return None
    return Command(
        tuple(flags.overrides),
        multirun=flags.multirun,
        config_name=flags.config_name or "config",
        config_dir=flags.config_dir,
    )
