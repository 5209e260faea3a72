"""Toy actions: small real functions that read, write, print, fail, wait and report as the real ones do."""

import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from expertbuild.graph import Action, Context, Event, Outcome, Step
from runtime.errors import Mistake, Problem


def write(run: Context) -> None:
    """Output: the configuration, and the inputs' text, line by line."""
    lines = [f"{name}={value}" for name, value in sorted(run.config.get("own", {}).items())]
    lines += [f"{role}: {text}" for role, text in sorted(read_inputs(run).items())]
    lines += [f"{role} {path.read_text()}" for role, path in sorted(run.files.items())]
    (run.out / "text").write_text("\n".join([*lines, f"seed {run.seed}"]))


def read_inputs(run: Context) -> dict[str, str]:
    return {role: (path / "text").read_text().replace("\n", " / ") for role, path in run.inputs.items()}


def halve(run: Context) -> None:
    """Output depends only on half of `own.n`: two inputs may give the same bytes."""
    (run.out / "text").write_text(str(run.config["own"]["n"] // 2))


def nested(run: Context) -> None:
    (run.out / "a" / "b").mkdir(parents=True)
    (run.out / "a" / "b" / "deep").write_text("deep")
    (run.out / "empty").write_bytes(b"")
    (run.out / "tool.sh").write_text("#!/bin/sh\necho ran\n")
    (run.out / "tool.sh").chmod(0o755)
    (run.out / "text").write_text(f"{sorted(read_inputs(run).items())}")


def slowly(run: Context) -> None:
    """Counts to `own.n` with a checkpoint at every count; goes on from the last one."""
    mark = run.work / "count"
    start = int(mark.read_text()) if mark.exists() else 0
    for count in range(start, run.config["own"]["n"]):
        time.sleep(run.config["own"].get("pause", 0.01))
        part = run.work / "count.part"
        part.write_text(str(count + 1))
        part.replace(mark)
        run.report(step=count + 1, total=run.config["own"]["n"])
    (run.out / "text").write_text(
        f"counted to {run.config['own']['n']} from {start}; {sorted(read_inputs(run).items())}"
    )


def steadily(run: Context) -> None:
    """As `slowly`, but its output does not tell where it began."""
    slowly(run)
    (run.out / "text").write_text(f"{run.config['own']['n']} {sorted(read_inputs(run).items())}")


def at_random(run: Context) -> None:
    """Never the same bytes twice, like training."""
    (run.out / "text").write_text(os.urandom(16).hex())


def fail(run: Context) -> None:
    how = run.config["own"]["how"]
    print("about to fail", how)
    if how == "problem":
        raise Problem("the data has no rows", where="train.jsonl", hint="Generate some.")
    if how == "mistake":
        raise Mistake("scorer sqll is not known", hint="Did you mean sql?")
    if how == "exit":
        sys.exit(3)
    if how == "signal":
        os.kill(os.getpid(), 11)
    if how == "kill":
        os.kill(os.getpid(), 9)
    if how == "link":
        (run.out / "link").symlink_to("nowhere")
        return
    if how == "pipe":
        os.mkfifo(run.out / "pipe")
        return
    if how == "input":
        target = next(iter(run.inputs.values())) / "text"
        target.chmod(0o644)
        target.write_text("overwritten")
        return
    if how == "full":
        raise OSError(28, "No space left on device")
    raise ValueError(f"cannot do {how}\nand a second line")


def leak(run: Context) -> None:
    print("token", os.environ["TOY_API_KEY"])
    run.report(message=f"with {os.environ['TOY_API_KEY']}")
    raise RuntimeError(f"https://me:hunter22@example.org refused {os.environ['TOY_API_KEY']}")


def tell_environment(run: Context) -> None:
    names = ("OMP_NUM_THREADS", "PYTHONHASHSEED")
    (run.out / "text").write_text(" ".join(f"{name}={os.environ.get(name)}" for name in names) + f" pid={os.getpid()}")


def wait_for(run: Context) -> None:
    """Says that it began, and ends when it may."""
    here = Path(run.config["own"]["folder"])
    (here / "began").touch()
    while not (here / "go").exists():
        time.sleep(0.01)
    (run.out / "text").write_text("done")


def toy(
    function: Callable[[Context], None] | str, *, name: str = "", reads: tuple[str, ...] = ("own",), **rest: Any
) -> Action:
    place = function if isinstance(function, str) else f"{__name__}:{function.__name__}"
    return Action(name or place.rpartition(":")[2], rest.pop("version", 1), reads, place, **rest)


def step(
    id: str,
    function: Callable[[Context], None] | str | Action = write,
    own: Mapping[str, Any] | None = None,
    **inputs: Step,
) -> Step:
    """A step with its own configuration and inputs by role."""
    action = function if isinstance(function, Action) else toy(function)
    return Step(id, action, {"own": dict(own or {}), "other": {"unread": id}}, inputs)


class Heard(list[Event]):
    """A listener that remembers."""

    def __call__(self, event: Event) -> None:
        self.append(event)

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self if isinstance(event, kind)]

    def steps(self, kind: type[Any]) -> list[str]:
        return [event.step for event in self.of(kind)]


def statuses(outcome: Outcome) -> dict[str, str]:
    return {id: str(part.status) for id, part in outcome.items()}


def text(outcome: Outcome, id: str) -> str:
    return (outcome[id].path() / "text").read_text()


def mix(run: Context) -> None:
    """A number from what it reads and its inputs. Halved, so that some changes do not get through."""
    numbers = [*run.config.get("own", {}).values(), *(int((path / "text").read_text()) for path in run.inputs.values())]
    (run.out / "text").write_text(str(sum(numbers) // 2))


def tell_lineage(run: Context) -> None:
    (run.out / "text").write_text(" ".join(f"{id}:{document['config']['own']}" for id, document in run.lineage.items()))


def link(run: Context) -> None:
    """Output made of links to somebody else's file and folder."""
    mine = Path(run.config["own"]["folder"])
    (run.out / "file").symlink_to(mine / "file")
    (run.out / "folder").symlink_to(mine)
    os.link(mine / "file", run.out / "hard")
