"""What a person sees of a build: bars on a terminal, lines in a pipe, JSON lines for programs.

Listeners of the graph's events, nothing else: they decide nothing and keep no state that matters.
Progress goes to stderr, so that stdout holds the result. rich is imported only where bars are drawn;
colours are its own and go away with NO_COLOR.
"""

import json
import sys
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import IO, Any

from expertbuild.graph.events import (
    Event,
    Failed,
    Fetched,
    Finished,
    Hit,
    Listener,
    Planned,
    Progress,
    Skipped,
    Started,
    Status,
    Stopping,
    Waiting,
    Warned,
)
from runtime.errors import Mistake

LOGS = ("auto", "plain", "json", "quiet")


@contextmanager
def listener(log: str, stream: IO[str] | None = None) -> Iterator[Listener]:
    """A listener for the length of a build."""
    out = stream or sys.stderr
    if log not in LOGS:
        raise Mistake(f"log={log} is not one of {', '.join(LOGS)}")
    if log == "auto" and out.isatty():
        with _bars() as bars:
            yield bars
    elif log == "json":
        yield JsonLines(stream or sys.stdout)
    else:
        yield Lines(out, quiet=log == "quiet")


def without(listen: Listener, known: Collection[str]) -> Listener:
    """The listener, not told once more that these steps are up to date."""

    def tell(event: Event) -> None:
        if not (isinstance(event, Hit | Planned) and event.step in known):
            listen(event)

    return tell


def seconds(duration: float) -> str:
    if duration < 60:
        return f"{duration:.1f} s"
    return f"{int(duration) // 60} min {int(duration) % 60:02d} s"


def size(count: int) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count = count / 1000  # type: ignore[assignment] # a float from here on
    return f"{count:.1f} GB"


def said(event: Event) -> str:
    """The line for an event that deserves one; empty for the others."""
    match event:
        case Planned() | Progress():
            return ""
        case Hit(step=step):
            return f"{step}: up to date"
        case Fetched(step=step):
            return f"{step}: fetched {size(event.size)} in {seconds(event.seconds)}"
        case Started(step=step):
            return f"{step}: {'goes on where it was stopped' if event.resumed else 'started'}"
        case Waiting(step=step):
            return f"{step}: another build is at it; waiting for its result"
        case Finished(step=step):
            return f"{step}: done in {seconds(event.seconds)}, {size(event.size)}"
        case Failed(step=step):
            log = f" (details: {event.log})" if event.log else ""
            return f"{step}: {' '.join(part for part in (event.what, event.hint) if part)}{log}"
        case Skipped(step=step):
            return f"{step}: skipped, since {', '.join(event.because)} failed"
        case Warned():
            return f"warning: {f'{event.step}: ' if event.step else ''}{event.what}"
        case Stopping():
            return f"stopping {', '.join(event.steps)}; what is finished is kept" if event.steps else "stopping"


def measures(fields_: Mapping[str, Any]) -> str:
    """Loss, speed and time left, as far as a step reports them."""
    parts = []
    if "message" in fields_:
        parts.append(str(fields_["message"]))
    if "loss" in fields_:
        parts.append(f"loss {fields_['loss']:.3f}")
    if "tokens_per_second" in fields_:
        parts.append(f"{fields_['tokens_per_second']:,.0f} tokens/s")
    return ", ".join(parts)


class Lines:
    """Plain lines; progress at most every ten seconds for each step."""

    def __init__(self, stream: IO[str], *, quiet: bool = False) -> None:
        self._stream = stream
        self._quiet = quiet
        self._last: dict[str, float] = {}
        self._begun: dict[str, tuple[float, int]] = {}

    def __call__(self, event: Event) -> None:
        if self._quiet and not isinstance(event, Failed | Warned | Skipped):
            return
        line = self._progress(event) if isinstance(event, Progress) else said(event)
        if line:
            print(line, file=self._stream, flush=True)

    def _progress(self, event: Progress) -> str:
        now = time.monotonic()
        step = int(event.fields.get("step", 0))
        begun, first = self._begun.setdefault(event.step, (now, step))
        if now - self._last.setdefault(event.step, begun) < 10:
            return ""
        self._last[event.step] = now
        total = event.fields.get("total")
        parts = [f"{step}/{total}" if total else "", measures(event.fields)]
        if total and step > first:
            left = (now - begun) / (step - first) * (int(total) - step)
            parts.append(f"{seconds(left)} left")
        return f"{event.step}: {', '.join(part for part in parts if part)}"


class JsonLines:
    """Every event as one JSON object a line, for programs."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def __call__(self, event: Event) -> None:
        document = {"event": type(event).__name__.lower()}
        document |= {field.name: _plain(getattr(event, field.name)) for field in fields(event)}
        print(json.dumps(document), file=self._stream, flush=True)


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Status):
        return value.value
    return dict(value) if isinstance(value, Mapping) else value


@contextmanager
def _bars() -> Iterator[Listener]:
    """One bar for each step that runs, with loss, tokens a second and time left."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    columns = (
        TextColumn("[bold]{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[measures]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    tasks: dict[str, TaskID] = {}
    with Bars(*columns, console=console, transient=True) as bars:

        def show(event: Event) -> None:
            if isinstance(event, Started):
                tasks[event.step] = bars.add_task(escape(event.step), total=None, measures="")
            if isinstance(event, Progress) and event.step in tasks:
                total, step = event.fields.get("total"), event.fields.get("step", 0)
                bars.update(tasks[event.step], total=total, completed=step, measures=escape(measures(event.fields)))
            if isinstance(event, Finished | Failed) and event.step in tasks:
                bars.remove_task(tasks.pop(event.step))
            line = said(event)
            if line and not isinstance(event, Started):
                style = "red" if isinstance(event, Failed) else "yellow" if isinstance(event, Warned) else "dim"
                console.print(
                    escape(line), style=style if not isinstance(event, Finished) else "green", highlight=False
                )

        yield show
