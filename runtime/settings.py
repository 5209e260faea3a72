"""conf/serve.yaml with the words typed: composed by Hydra, and checked before anything is loaded.

A `conf` folder in the working directory adds to the shipped one and overrides it file by file, as for builds. The only
module of the runtime that imports Hydra.
"""

import json
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from runtime.artifact.refusals import BadDocument
from runtime.artifact.schema import check
from runtime.errors import Mistake
from runtime.home import folders, shipped


class OwnFolder(SearchPathPlugin):
    """Puts the `conf` folder of the working directory before the shipped one, which stands there already, as `main`."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        for folder in folders("conf")[:-1]:
            search_path.prepend(provider="here", path=f"file://{folder}", anchor="main")


def settings(words: Sequence[str]) -> dict[str, Any]:
    """The settings of the server."""
    schema = json.loads((shipped("schemas") / "config" / "serve.schema.json").read_text(encoding="utf-8"))
    known = _keys(schema)
    for word in words:
        key = word.partition("=")[0].lstrip("+~")
        if "=" not in word or not (key in known or key.startswith("base.")):
            close = get_close_matches(key, known, n=1)
            hint = f"Did you mean {close[0]}?" if close else "See: python -m runtime.serve --help"
            raise Mistake(f"{word!r} sets nothing that the server knows.", hint=hint)
    Plugins.instance().register(OwnFolder)
    try:
        with initialize_config_dir(version_base="1.3", config_dir=str(shipped("conf"))):
            composed = OmegaConf.to_container(compose("serve", overrides=list(words)), resolve=True)
    except (HydraException, OmegaConfBaseException) as error:
        raise Mistake(f"The settings cannot be read: {' '.join(str(error).split())[:300].rstrip('.')}.") from None
    try:
        check(composed, "config/serve", "the setting")
    except BadDocument as fault:
        raise Mistake(fault.what, hint="See: python -m runtime.serve --help") from None
    assert isinstance(composed, dict)
    return {str(key): value for key, value in composed.items()}


def _keys(schema: dict[str, Any], before: str = "") -> list[str]:
    """Every setting, nested ones with dots."""
    keys = []
    for name, entry in schema["properties"].items():
        keys.append(f"{before}{name}")
        if "properties" in entry:
            keys += _keys(entry, f"{before}{name}.")
    return keys
