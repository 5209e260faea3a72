"""The `experts://` source of Hydra: expert directories as the group `expert`.

    expert                      -> the expert directories of the folder
    expert/expert-sql           -> expert-sql/expert.yaml, at the root of the configuration
    expert/expert-sql/dataset   -> expert-sql/dataset.yaml, where the defaults list of expert.yaml puts it

It is registered in code, so no namespace package is needed; a person can add a folder of their own
with `hydra.searchpath=[experts:///home/me/experts]`.
"""

import builtins
from pathlib import Path

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigLoadError, ConfigResult, ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import OmegaConf

from expertbuild.compose.places import conf_folders, expert_folders

GROUP = "expert"


class ExpertSource(ConfigSource):
    """One folder of expert directories. Hydra calls these methods by keyword: the names are its own."""

    @staticmethod
    def scheme() -> str:
        return "experts"

    def available(self) -> bool:
        return Path(self.path).is_dir()

    def is_group(self, config_path: str) -> bool:
        directory = self._directory(config_path) if config_path else Path(self.path)  # "": where groups are listed
        return directory is not None and directory.is_dir()

    def is_config(self, config_path: str) -> bool:
        file = self.file(config_path)
        return file is not None and file.is_file()

    def load_config(self, config_path: str) -> ConfigResult:
        file = self.file(config_path)
        if file is None or not file.is_file():
            raise ConfigLoadError(f"Config not found: {config_path}")
        with file.open(encoding="utf-8") as text:
            header = self._get_header_dict(text.read(512))
        if file.name == "expert.yaml" and header["package"] is None:
            header["package"] = "_global_"
        return ConfigResult(
            config=OmegaConf.load(file),
            path=f"{self.scheme()}://{self.path}",
            provider=self.provider,
            header=header,
        )

    def list(self, config_path: str, results_filter: ObjectType | None) -> builtins.list[str]:
        if config_path == "":
            return [] if results_filter == ObjectType.CONFIG else [GROUP]
        directory = self._directory(config_path)
        assert directory is not None
        found: set[str] = set()
        for entry in directory.iterdir():
            name = entry.name.removesuffix(".yaml")
            if name == "expert" or name.startswith((".", "_")):
                continue
            here = f"{config_path}/{name}"
            if results_filter != ObjectType.GROUP and self.is_config(here):
                found.add(name)
            if results_filter != ObjectType.CONFIG and self.is_group(here):
                found.add(name)
        return sorted(found)

    def file(self, config_path: str) -> Path | None:
        """The file that a config path stands for, whether it is there or not."""
        group, *rest = config_path.removesuffix(".yaml").split("/")
        if group != GROUP or not rest:
            return None
        if len(rest) == 1:
            return Path(self.path, rest[0], "expert.yaml")
        return Path(self.path, *rest[:-1], f"{rest[-1]}.yaml")

    def _directory(self, config_path: str) -> Path | None:
        group, *rest = config_path.split("/")
        return Path(self.path, *rest) if group == GROUP else None


class Folders(SearchPathPlugin):
    """Puts the folders of `places` on Hydra's search path; the shipped conf stands there already, as `main`."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        for folder in conf_folders()[:-1]:
            search_path.prepend(provider="here", path=f"file://{folder}", anchor="main")
        for folder in expert_folders():
            search_path.append(provider="experts", path=f"experts://{folder}")


def register() -> None:
    """Make both known to Hydra. Doing it twice changes nothing."""
    Plugins.instance().register(ExpertSource)
    Plugins.instance().register(Folders)
