"""`python -m tests.fuzz TARGET --runs N`: fuzz one reader, guided by coverage where atheris is installed.

Inputs that reach new code are kept in `--grown` (a folder under the build folder by default) and used again next time; an
input that finds something is written there as `crash-...`, told, and ends the run. Move it to tests/fuzz/corpus/TARGET,
where the ordinary tests replay it for ever.
"""

import argparse
import random
import sys
import time
from collections import Counter
from pathlib import Path

from tests.fuzz.chance import beginnings, by_chance
from tests.fuzz.targets import LONGEST, TARGETS, attempt

seen: Counter[str] = Counter()


def main() -> int:
    words = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.splitlines()[0])
    words.add_argument("target", choices=list(TARGETS))
    words.add_argument("--runs", type=int, default=-1, help="how many inputs; without it until --seconds are over")
    words.add_argument("--seconds", type=int, default=60, help="at most so long (60); 0 for no end")
    words.add_argument("--seed", type=int, default=0, help="the beginning of chance")
    words.add_argument("--grown", type=Path, default=Path("build/fuzz"), help="where found inputs are kept")
    words.add_argument("--plain", action="store_true", help="without atheris: mutations by chance alone")
    said = words.parse_args()
    return blind(said) if said.plain else guided(said)


def guided(said: argparse.Namespace) -> int:
    """libFuzzer through atheris; it ends the process itself."""
    import atheris

    with atheris.instrument_imports(include=["runtime.artifact"]):
        for module in [name for name in sys.modules if name.startswith("runtime.artifact")]:
            del sys.modules[module]
        for module in [name for name in sys.modules if name.startswith("tests.")]:
            del sys.modules[module]
        from tests.fuzz import targets

    target = targets.TARGETS[said.target]
    grown: Path = said.grown / said.target
    grown.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(beginnings(said.target)):
        (grown / f"seed-{number:03}").write_bytes(data)

    def one_input(data: bytes) -> None:
        seen["accepted" if targets.attempt(target, data) else "refused"] += 1

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        chance = random.Random(seed)
        if chance.random() < 0.25:
            return bytes(atheris.Mutate(data, most))
        return target.mutate(data, chance)[:most]

    options = [
        f"-artifact_prefix={grown}/", f"-max_len={LONGEST}", f"-seed={said.seed}", "-timeout=30", "-rss_limit_mb=1900",
        "-print_final_stats=1", "-report_slow_units=20",
    ]  # fmt: skip
    options += [f"-runs={said.runs}"] if said.runs >= 0 else []
    options += [f"-max_total_time={said.seconds}"] if said.seconds else []
    atheris.Setup([sys.argv[0], *options, str(grown)], one_input, custom_mutator=mutate)
    atheris.Fuzz()
    return 0


def blind(said: argparse.Namespace) -> int:
    """Mutation by chance, with nothing to install."""
    grown: Path = said.grown / said.target
    begun, runs = time.monotonic(), 0
    for data in by_chance(said.target, random.Random(said.seed)):
        if runs == said.runs or (said.seconds and time.monotonic() - begun > said.seconds):
            break
        runs += 1
        try:
            seen["accepted" if attempt(TARGETS[said.target], data) else "refused"] += 1
        except Exception:
            grown.mkdir(parents=True, exist_ok=True)
            place = grown / f"crash-{said.seed}-{runs}"
            place.write_bytes(data)
            print(f"found something: {place}", file=sys.stderr)
            raise
    print(f"{said.target}: {runs:,} inputs in {time.monotonic() - begun:.0f} s, {dict(seen)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
