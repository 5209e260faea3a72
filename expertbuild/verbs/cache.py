"""`expertbuild cache`: what the build cache holds, making it smaller, checking every byte."""

import argparse
import re
import time
from pathlib import Path

from expertbuild.actions.memory import memory
from expertbuild.display import size
from expertbuild.graph import Cache, show, shrink, verify
from runtime.errors import Mistake

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="expertbuild cache", description="Look after the build cache.")
    parser.add_argument("--cache", type=Path, help="its folder; the user's cache folder by default")
    verbs = parser.add_subparsers(dest="verb")
    verbs.add_parser("show", help="what it holds (the default)")
    smaller = verbs.add_parser("shrink", help="remove what was used longest ago, never what a package still needs")
    smaller.add_argument("limit", help="the size to come down to: 2GB, 500MB, 0")
    verbs.add_parser("verify", help="hash everything; what is damaged is removed and made again by the next build")
    asked = parser.parse_args(words)
    cache = Cache(asked.cache)
    if asked.verb == "shrink":
        return _shrink(cache, asked.limit)
    return _verify(cache) if asked.verb == "verify" else _show(cache)


def _show(cache: Cache) -> int:
    usage = show(cache)
    print(f"{cache.root}: {size(usage.size)} in {usage.objects} objects, {size(usage.work)} of unfinished work")
    for held in usage.actions:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(held.last_used))
        print(f"  {held.action:<10} {held.results:>5} results {size(held.size):>10}   last used {when}")
    if remembered := memory(cache).size():
        print(f"  rows       {size(remembered)} of what was found out about them")
    for root in usage.roots:
        print(f"  kept for {root}")
    return 0


def _shrink(cache: Cache, limit: str) -> int:
    found = re.fullmatch(r"\s*([0-9.]+)\s*([kmgt]?)b?\s*", limit.lower())
    if found is None:
        raise Mistake(f"{limit!r} is not a size", hint="Write 2GB, 500MB or 0.")
    most = int(float(found[1]) * _UNITS[found[2]])
    done = shrink(cache, most)
    memory(cache).forget(max(0, most - done.after))  # results are worth more
    print(f"{size(done.before)} -> {size(done.after)}: {done.results} results removed")
    if done.kept_for_packages:
        print(f"  {size(done.kept_for_packages)} stay for packages that are still there")
    if done.in_use:
        print(f"  {size(done.in_use)} stay because they were used a moment ago or a build is running")
    return 0


def _verify(cache: Cache) -> int:
    findings = verify(cache)
    for finding in findings:
        print(finding.what)
    print(f"{len(findings)} found" if findings else "every byte is as it was recorded")
    return 1 if findings else 0
