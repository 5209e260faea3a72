"""One Hydra, set up the way this program uses it, for as long as a question to it takes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hydra import version
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from expertbuild.compose import resolvers, source
from expertbuild.compose.command import Command
from runtime.errors import Mistake
from runtime.home import shipped

JOB = "expertbuild"


@dataclass(frozen=True)
class Session:
    """Composes configurations; knows which files one was read from."""

    hydra: Hydra
    command: Command

    def compose(self, overrides: tuple[str, ...], mode: RunMode = RunMode.RUN) -> DictConfig:
        """The whole configuration, Hydra's own part included."""
        composed = self.hydra.compose_config(
            config_name=self.command.config_name, overrides=list(overrides), run_mode=mode
        )
        HydraConfig.instance().set_config(composed)  # for ${hydra:...} in the configuration
        return composed

    def jobs(self) -> list[DictConfig]:
        """One configuration for a build, or one for each combination of a multirun."""
        if not self.command.multirun:
            return [self.compose(self.command.overrides)]
        from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
        from hydra.core.override_parser.overrides_parser import OverridesParser
        from omegaconf import open_dict

        loader = self.hydra.config_loader
        parser = OverridesParser.create(config_loader=loader)
        typed = parser.parse_overrides(list(self.command.overrides))
        task = [override for override in typed if not override.is_hydra_override()]
        hydra_words = [str(override.input_line) for override in typed if override.is_hydra_override()]
        # Hydra's own settings are read beside the first job: a key such as dataset.offline is there only with an expert.
        planned = BasicSweeper.split_arguments(task, None)[0]
        whole = self.compose((*hydra_words, *(planned[0] if planned else ())), RunMode.MULTIRUN)
        swept = [f"{key}={value}" for key, value in (whole.hydra.sweeper.params or {}).items()]
        parsed = [*parser.parse_overrides(swept), *task]
        configs = []
        for number, overrides in enumerate(BasicSweeper.split_arguments(parsed, None)[0]):
            config = loader.load_sweep_config(whole, overrides)
            with open_dict(config):
                config.hydra.job.id = config.hydra.job.num = number
            configs.append(config)
        if not configs:
            raise ValueError("These words ask for no build at all.")
        return configs

    def read_from(self, overrides: tuple[str, ...]) -> tuple[list[tuple[Path, str]], list[str]]:
        """The files a configuration is read from, in the order they are merged, each with its package; and
        those of the overrides that set values rather than choose files."""
        loader = self.hydra.config_loader
        composed = self.compose(overrides)
        listed = loader.compute_defaults_list(self.command.config_name, list(overrides), RunMode.RUN)
        files = []
        for default in listed.defaults:
            file = self.file(default.config_path or "", composed)
            if file is not None and not str(default.config_path).startswith("hydra/"):
                files.append((file, default.package or ""))
        return files, [str(override.input_line) for override in listed.config_overrides]

    def file(self, config_path: str, composed: DictConfig | None = None) -> Path | None:
        """The file behind a config path such as `adapter/dora`; a composed configuration knows further folders."""
        if composed is None:
            places = [(each.scheme(), each.path) for each in self.hydra.config_loader.get_sources()]
        else:
            places = [(each.schema, each.path) for each in composed.hydra.runtime.config_sources]
        for scheme, folder in places:
            if scheme == source.ExpertSource.scheme():
                candidate = source.ExpertSource("", f"{scheme}://{folder}").file(config_path)
            else:
                candidate = Path(folder, f"{config_path}.yaml") if scheme == "file" else None
            if candidate is not None and candidate.is_file():
                return candidate
        return None


@contextmanager
def session(command: Command) -> Iterator[Session]:
    """Hydra with our sources and resolvers, as `hydra.main` would set it up; its state before is put back."""
    folder = shipped("conf")
    if not folder.is_dir():
        raise Mistake(
            f"the shipped configuration is missing: {folder} is not a folder.", hint="Install expertbuild again."
        )
    version.setbase("1.3")
    source.register()
    resolvers.register()
    path = create_config_search_path(str(folder))
    if command.config_dir is not None:
        if not Path(command.config_dir).is_dir():
            raise Mistake(f"--config-dir {command.config_dir} is not a folder.")
        added = f"file://{Path(command.config_dir).absolute()}"
        path.prepend(provider="command-line", path=added, anchor=SearchPathQuery(provider="schema", path=None))
    state, settings = GlobalHydra.instance(), HydraConfig.instance()
    former, former_settings = state.hydra, settings.cfg
    state.clear()
    try:
        yield Session(Hydra.create_main_hydra2(JOB, path), command)
    finally:
        state.hydra, settings.cfg = former, former_settings
