"""What nobody asked for: the fields no reader knows, sorted by what they could do if anybody obeyed them."""

import re

from expertbuild.migration.account import Account, Path
from expertbuild.migration.hashes import DIGEST_FIELDS, doubt

_COMMAND = re.compile(r"(?:^|_)(?:cmd|command|script|hook|exec|execute|shell|entry_?point|(?:pre|post)_?(?:install|load|run))s?(?:$|_)|^run$", re.IGNORECASE)  # fmt: skip
_CODE = re.compile(r"trust_remote_code|remote_code|auto_map|custom_code|code_revision|^_target_$|__\w+__|^(?:module|class)_?(?:name|path)?$|pickle", re.IGNORECASE)  # fmt: skip
_PATH = re.compile(r"(?:file://|[/~\\]|[A-Za-z]:[\\/]|\.\.?[\\/])")


def local_path(text: str) -> bool:
    """Whether a text leads to a place on somebody's disk."""
    return bool(_PATH.match(text.strip())) or "/../" in text or "\\" in text


def settle_the_rest(account: Account) -> None:
    """Every leaf that no reader spoke for."""
    for path, value in account.unsettled():
        if any(isinstance(part, str) and _CODE.search(part) for part in path):
            account.dropped(path, "leads to code from elsewhere: never loaded")
        elif any(isinstance(part, str) and _COMMAND.search(part) for part in path):
            account.dropped(path, "a command: never run")
        elif _is_digest(path) and doubt(value):
            account.doubted(path, doubt(value))
        elif value is None or value in ("", [], {}):
            account.dropped(path, "empty")
        elif isinstance(value, str) and local_path(value):
            account.doubted(path, "a path of somebody's disk")
        else:
            account.doubted(path, "an unknown field")


def _is_digest(path: Path) -> bool:
    return bool(path) and isinstance(path[-1], str) and path[-1].lower() in DIGEST_FIELDS
