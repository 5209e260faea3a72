"""A build with nothing to do, whole process, against `dvc repro` on an equal graph with nothing to do.

python benchmarks/nothing_to_do.py [--dvc PATH] [--experts 6] [--rounds 7]

Both have built everything before. Ours composes and checks the configuration of every expert, keys all
steps (configuration, code, data, libraries), looks every result up, and puts the packages in place;
dvc reads dvc.yaml, hashes dependencies and outputs and compares. Both include interpreter start and
imports. Interleaved A B A B, medians; the ratio is what counts. Writes nothing_to_do.json beside itself.

The experts are copies of expert-json on a smoke recipe: what a step costs to build does not matter
here, how many steps and files are looked at does.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STEPS = ("base", "dataset", "train", "compile", "evaluate", "profile", "package")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dvc", default=shutil.which("dvc"), help="the dvc program (pip install dvc, in its own venv)")
    parser.add_argument("--experts", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args()
    if not asked.dvc:
        sys.exit("dvc is not installed; put it into an environment of its own and name it with --dvc")
    with tempfile.TemporaryDirectory() as folder:
        ours = Ours(Path(folder) / "ours", asked.experts)
        theirs = Theirs(Path(folder) / "theirs", asked.experts, asked.dvc)
        times: dict[str, list[float]] = {"expertbuild": [], "dvc": []}
        for _ in range(asked.rounds):
            times["expertbuild"].append(ours.again())
            times["dvc"].append(theirs.again())
    ratios = [a / b for a, b in zip(times["expertbuild"], times["dvc"], strict=True)]
    result = {
        "experts": asked.experts,
        "rounds": asked.rounds,
        "seconds": {name: spread(values) for name, values in times.items()},
        "ratio": spread(ratios),
    }
    Path(__file__).with_suffix(".json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    for name, values in times.items():
        low, middle, high = spread(values)
        print(f"{name:<12} median {middle:.2f} s  ({low:.2f} to {high:.2f})")
    low, middle, high = spread(ratios)
    print(f"{'ratio':<12} median {middle:.2f}    ({low:.2f} to {high:.2f}), goal <= 0.5")


def spread(values: list[float]) -> tuple[float, float, float]:
    return min(values), statistics.median(values), max(values)


def timed(command: list[str], folder: Path, env: dict[str, str]) -> float:
    begun = time.perf_counter()
    subprocess.run(command, cwd=folder, env=env, check=True, capture_output=True)
    return time.perf_counter() - begun


class Ours:
    def __init__(self, folder: Path, experts: int) -> None:
        from runtime.home import shipped

        self._folder = folder
        self._env = {**os.environ, "EXPERTBUILD_HOME": str(folder / "home")}
        for number in range(experts):
            copy = folder / "experts" / f"expert-{number}"
            shutil.copytree(shipped("experts") / "expert-json", copy)
            manifest = copy / "expert.yaml"
            text = manifest.read_text(encoding="utf-8").replace("expert-json", copy.name)
            manifest.write_text(text, encoding="utf-8")
        names = ",".join(f"expert-{number}" for number in range(experts))
        self._command = [
            str(Path(sys.executable).parent / "expertbuild"),
            "-m",
            f"expert={names}",
            "train=smoke",
            "dataset.offline.rows=400",
            "evaluation.cases=20",
            "evaluation.margin=-1",
            "evaluation.well_formed=0",
            "evaluation.compatibility=1",  # copies of one expert take all of each other's cases
        ]
        timed(self._command, folder, self._env)

    def again(self) -> float:
        return timed(self._command, self._folder, self._env)


class Theirs:
    def __init__(self, folder: Path, experts: int, dvc: str) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._env = {**os.environ, "DVC_NO_ANALYTICS": "1"}
        self._dvc = dvc
        (folder / "step.py").write_text("import sys\nopen(sys.argv[1], 'w').write(sys.argv[1] * 1000)\n")
        stages = []
        for number in range(experts):
            before = "step.py"
            for step in STEPS:
                out = f"{number}-{step}.txt"
                stages.append(
                    f"  s{number}-{step}:\n    cmd: {sys.executable} step.py {out}\n"
                    f"    deps: [step.py, {before}]\n    outs: [{out}]\n"
                    if before != "step.py"
                    else f"  s{number}-{step}:\n    cmd: {sys.executable} step.py {out}\n"
                    f"    deps: [step.py]\n    outs: [{out}]\n"
                )
                before = out
        (folder / "dvc.yaml").write_text("stages:\n" + "".join(stages))
        timed(["git", "init", "-q"], folder, self._env)
        timed([dvc, "init", "-q"], folder, self._env)
        timed([dvc, "repro", "-q"], folder, self._env)

    def again(self) -> float:
        return timed([self._dvc, "repro"], self._folder, self._env)


if __name__ == "__main__":
    main()
