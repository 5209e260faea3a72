"""What Hydra answers by itself: --help, --hydra-help, --cfg, --info, --shell-completion.

Its own entry point is called with our folders and sources; only a mistake is told our way.
"""

import logging
import os
import sys
from collections.abc import Sequence

from expertbuild.compose.faults import ConfigMistake


def ask(arguments: Sequence[str]) -> int:
    """Print Hydra's answer; ConfigMistake where it has none."""
    import hydra
    from hydra._internal.utils import get_args_parser

    from expertbuild.compose import resolvers, source
    from expertbuild.compose.command import Command
    from expertbuild.compose.diagnose import diagnose
    from expertbuild.compose.session import session
    from runtime.home import shipped

    source.register()
    resolvers.register()
    main = hydra.main(config_path=str(shipped("conf")), config_name="config", version_base="1.3")(_nothing)
    before, shows_all = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    logger = logging.getLogger()
    level, handlers = logger.level, list(logger.handlers)
    sys.argv = [before[0] if before else "expertbuild", *arguments]
    os.environ["HYDRA_FULL_ERROR"] = "1"  # so that errors reach us instead of ending the program
    try:
        main()
    except SystemExit as end:  # Hydra ends the program after --help
        return int(end.code or 0)
    except Exception as error:
        failure = error
    else:
        return 0
    finally:
        sys.argv = before
        logger.level, logger.handlers = level, handlers  # --info sets up a log of its own
        if shows_all is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = shows_all
    flags = get_args_parser().parse_args(list(arguments))
    command = Command(tuple(flags.overrides), flags.multirun, flags.config_name or "config", flags.config_dir)
    with session(command) as ready:
        raise ConfigMistake(diagnose(failure, ready))


def _nothing(_: object) -> None:
    """Questions run no job."""
