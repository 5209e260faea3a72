"""Which folders configuration is read from: the user's own first, then what is shipped.

A `conf` or `experts` folder in the working directory adds to the shipped one and overrides it file by file.
"""

from pathlib import Path

from runtime.home import folders, shipped


def conf_folders() -> list[Path]:
    """Folders of Hydra groups; the first that has a file wins."""
    return folders("conf")


def expert_folders() -> list[Path]:
    """Folders of expert directories; the first that has the expert wins."""
    return folders("experts")


def schema_folder() -> Path:
    return shipped("schemas") / "config"


def expert_directory(name: str) -> Path | None:
    """The directory of an expert, or None where there is none of that name."""
    for folder in expert_folders():
        if name and (folder / name / "expert.yaml").is_file():
            return folder / name
    return None


def expert_names() -> list[str]:
    """The experts there are."""
    return sorted({file.parent.name for folder in expert_folders() for file in folder.glob("*/expert.yaml")})


def short(path: Path) -> str:
    """The path as a person in the working directory would write it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
