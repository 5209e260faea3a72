"""The verb `index`."""

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runtime.artifact.shown import shown, table
from runtime.registry.commands.words import SHORT, print_json


def index(argv: Sequence[str]) -> int:
    """Say where packages come from."""
    words = argparse.ArgumentParser(prog="expertbuild index", description=index.__doc__)
    verbs = words.add_subparsers(dest="verb", required=True)
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--json", action="store_true", help="print JSON")
    add = verbs.add_parser("add", parents=[shared], help="look for packages in an index")
    add.add_argument("name", help="what to call it here")
    add.add_argument("url", help="https://HOST/PATH, or a folder on this machine")
    add.add_argument("--root", type=Path, required=True, help="the root.json that its publisher handed out")
    add.add_argument(
        "--namespace", nargs="+", default=[], action="extend", help="publishers that this index alone may serve"
    )
    add.add_argument("--insecure-http", action="store_true", help="allow plain http to another machine")
    remove = verbs.add_parser("remove", parents=[shared], help="forget an index; what is installed stays")
    remove.add_argument("name")
    verbs.add_parser("list", parents=[shared], help="show the indexes")
    update = verbs.add_parser("update", parents=[shared], help="look at indexes now")
    update.add_argument("name", nargs="*", help="without one, all of them")
    said = words.parse_args(argv)
    return _DONE[said.verb](said)


def _add(said: argparse.Namespace) -> int:
    from runtime.registry.index.settings import add_index

    made = add_index(said.name, said.url, said.root, said.namespace, said.insecure_http)
    if said.json:
        return print_json(_as_json(made))
    pinned = f", which alone serves {', '.join(made.namespaces)}" if made.namespaces else ""
    print(shown(f"Added the index {made.name} at {made.url}{pinned}."))
    print(
        shown(
            f"Its root is signed by the key {', '.join(k[:SHORT] for k in _root_keys(made))}: is that its publisher's?"
        )
    )
    return 0


def _remove(said: argparse.Namespace) -> int:
    from runtime.registry.disk import remove_folder
    from runtime.registry.index.settings import remove_index
    from runtime.registry.sources.lists import kept_in

    gone = remove_index(said.name)
    remove_folder(kept_in(gone))
    if said.json:
        return print_json(_as_json(gone))
    print(shown(f"Removed the index {gone.name}."))
    return 0


def _list(said: argparse.Namespace) -> int:
    from runtime.registry.index.settings import load_indexes

    known = load_indexes()
    if said.json:
        return print_json([_as_json(each) for each in known])
    if not known:
        print("No index is configured: expertbuild index add NAME URL --root root.json")
        return 0
    rows: list[tuple[str, ...]] = [("NAME", "URL", "ALONE SERVES", "ROOT KEY", "SEEN", "GOOD UNTIL")]
    for each in known:
        said_of = _as_json(each)
        url = f"{each.url} (insecure)" if each.insecure_http else each.url
        key = ", ".join(k[:SHORT] for k in said_of["root_keys"])
        rows.append(
            (each.name, url, ", ".join(each.namespaces), key, said_of["seen"] or "never", said_of["until"] or "")
        )
    print(table(rows))
    return 0


def _update(said: argparse.Namespace) -> int:
    from runtime.errors import Problem
    from runtime.registry.index.settings import find_index, load_indexes
    from runtime.registry.sources.index import IndexSource

    done: list[dict[str, Any]] = []
    for each in [find_index(name) for name in said.name] or load_indexes():
        source = IndexSource(each)
        try:
            source.refresh()
            experts = len(list(source.search("")))
            done.append({**_as_json(each), "experts": experts, "note": source.note, "problem": ""})
        except Problem as problem:
            done.append({**_as_json(each), "experts": 0, "note": "", "problem": str(problem)})
    if said.json:
        print_json(done)
    else:
        for one in done:
            print(shown(one["problem"] or f"{one['name']}: {_counted(one['experts'])}, good until {one['until']}."))
            if one["note"]:
                print(shown(f"  {one['note']}"))
    return 1 if any(one["problem"] for one in done) else 0


_DONE = {"add": _add, "remove": _remove, "list": _list, "update": _update}


def _as_json(each: Any) -> dict[str, Any]:
    from runtime.registry.sources.index import IndexSource

    state = IndexSource(each).state()
    return {
        "name": each.name,
        "url": each.url,
        "namespaces": list(each.namespaces),
        "insecure_http": each.insecure_http,
        "added": each.added,
        "root_keys": _root_keys(each),
        "seen": _moment(state.at) if state else None,
        "until": _moment(state.until) if state else None,
    }


def _root_keys(each: Any) -> list[str]:
    try:
        return [str(key) for key in each.root["signed"]["roles"]["root"]["keyids"]]
    except (KeyError, TypeError):
        return []


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _counted(experts: int) -> str:
    return "1 expert" if experts == 1 else f"{experts:,} experts"
