"""What an old manifest claims: scores, speeds, hashes, signatures, soft prompts, and where its rows came from.

None of it decides anything in a build: scores are measured anew, hashes are made anew, and a claim without the number of
cases behind it is told as a doubt.
"""

import re
from collections.abc import Iterable

from expertbuild.migration.account import Account, Path, leaves
from expertbuild.migration.expert import Data
from expertbuild.migration.fields import Found, Section
from expertbuild.migration.hashes import DIGEST_FIELDS, digest_of, doubt, doubt_digest
from expertbuild.migration.older import Old
from expertbuild.migration.suspicion import local_path

_COUNTS = frozenset({"n", "num_examples", "num_samples", "samples", "n_samples", "cases", "count", "examples", "size"})
_SIGNATURE = re.compile(r"signature|signed|gpg|pgp|public_?key")
_SCORES = ("quality_metrics", "quality", "metrics", "benchmarks", "evaluation", "eval")
_SPEEDS = ("perf", "performance", "hardware", "requirements")
# A capability of exactly this name is what a generator of ours teaches, and how its answers are judged.
_GENERATORS = {"text-to-sql": ("text_to_sql", "sql_execution"), "json-repair": ("json_repair", "json_equal")}
_DATASET_NO_PLACE = {
    "format": "a recipe says how rows are read",
    "num_examples": "a recipe counts for itself",
    "description": "a recipe says what rows are made of",
    "version": "a recipe pins what it reads",
    "split": "a recipe says how its rows are split",
    "license": "the licence of the rows is theirs",
}


def seals(old: Old) -> dict[str, Found[str]]:
    """The hashes of the integrity section that could be hashes, by file; the others are told as doubted."""
    found: dict[str, Found[str]] = {}
    for section in _seal_sections(old):
        for name, value in section.value.items():
            path = (*section.path, name)
            why = doubt(value) if not isinstance(value, dict) else ""
            if why:
                old.account.doubted(path, why)
            elif digest := digest_of(value):
                found[name.removeprefix("./")] = Found(path, digest)
    return found


def settle_seals(old: Old, sealed: dict[str, Found[str]], arrived: dict[str, str]) -> None:
    """Each hash against the file that was taken; `arrived`: the hashes of those."""
    for name, found in sealed.items():
        if name not in arrived:
            old.account.dropped(found.path, "of a file that was not taken; a release lists hashes of its own")
        elif arrived[name] == found.value:
            old.account.dropped(found.path, "true of the file that was taken; a release lists hashes of its own")
        else:
            old.account.doubted(found.path, "not the hash of the file")
    why = "cannot be checked without a key that somebody trusts; a release is signed anew"
    for section in (old.top, old.top.section("integrity")):
        for name in section.value:
            if _SIGNATURE.search(name.lower()) and (*section.path, name) not in old.account:
                old.account.doubted((*section.path, name), why)


def doubt_claims(old: Old) -> None:
    """Scores and speeds."""
    for name in _SPEEDS:
        if name in old.top.value:
            old.account.doubted((name,), "a claim about a machine nobody names; benchmarks measure this one")
    for name in _SCORES:
        if name in old.top.value:
            _scores(old.account, (name,), old.top.value[name])


def leave_prompts(old: Old) -> None:
    for prompt in old.prompts:
        doubt_digest(prompt, "of a file that is left behind")
        old.account.dropped(prompt.path, "no build makes soft prompts yet")


def learn_from(old: Old, capabilities: Iterable[str]) -> Data:
    """The rows: a generator of ours where a capability is exactly what it teaches, else whatever somebody brings."""
    _settle_dataset(old)
    for capability in capabilities:
        known = _GENERATORS.get(capability.lower().replace("_", "-").replace(" ", "-"))
        if known is not None:
            why = f"rows of the project's own generator for {capability}; the old manifest holds none"
            old.account.added("dataset.yaml: offline", known[0], why)
            old.account.added("evaluation.yaml: scorer", known[1], "the scorer for such answers")
            return Data(*known)
    old.account.added("dataset.yaml: offline", "data/rows.jsonl", "empty: the old manifest holds no rows; bring yours")
    old.account.added("evaluation.yaml: scorer", "exact_match", "the strictest one; choose one that fits")
    return Data()


def _settle_dataset(old: Old) -> None:
    section, account = old.dataset, old.account
    for name in section.value:
        path = (*section.path, name)
        if path in account:
            continue
        if name in ("dataset", "name", "source", "path", "url", "file", "hf_dataset", "repo_id"):
            _settle_rows_origin(section, name)
        elif name in (*_DATASET_NO_PLACE, "examples", "num_rows", "rows", "size", "num_samples"):
            account.dropped(path, _DATASET_NO_PLACE.get(name, "a recipe counts for itself"))
        elif name in DIGEST_FIELDS:
            account.doubted(path, doubt(section.value[name]) or "the rows themselves are not in the package")


def _settle_rows_origin(section: Section, name: str) -> None:
    for path, value in leaves(section.value[name], (*section.path, name)):
        if isinstance(value, str) and local_path(value):
            section.account.doubted(path, "a path of somebody's disk")
        else:
            section.account.dropped(path, "rows come from a recipe that pins what it reads: write one in dataset.yaml")


def _seal_sections(old: Old) -> list[Section]:
    integrity = old.top.section("integrity")
    found = []
    for name in (*DIGEST_FIELDS, "files", "hashes", "checksums"):
        if isinstance(integrity.value.get(name), dict):
            found.append(Section(old.account, (*integrity.path, name), integrity.value[name]))
        elif name in DIGEST_FIELDS and name in integrity.value:
            why = doubt(integrity.value[name]) or "which file it is the hash of is not said"
            old.account.doubted((*integrity.path, name), why)
    return found


def _scores(account: Account, path: Path, value: object, counted: bool = False) -> None:
    """Every claim below a path; `counted`: it says of how many cases it speaks."""
    if isinstance(value, dict) and value:
        counted = counted or bool(_COUNTS & {str(key).lower() for key in value})
        for key, each in value.items():
            _scores(account, (*path, key), each, counted)
    elif isinstance(value, list) and value:
        for index, each in enumerate(value):
            _scores(account, (*path, index), each, counted)
    elif counted:
        account.dropped(path, "measured by somebody else; a build measures expert and base on the same cases")
    else:
        account.doubted(path, "a claim of quality that does not say of how many cases; a build measures")
