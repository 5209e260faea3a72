"""The same inputs give the same file on any machine: hash seed, time zone, umask, language, folder and order do not count."""

import hashlib
import locale
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.artifact.samples import sealed

TOP = Path(__file__).resolve().parents[2]

# One whole package, signed by a key of the tests. If this changes, rebuilding anybody's release changes its bytes.
PINNED = "2faa63df55730e7806dd9cc4050a4f7d388362d844b815c145c81d9723e70149"

# Seals the release of `samples` from files that were written in the order the seed says, and prints what it is.
PROGRAM = """
import os, random, sys, time
from pathlib import Path
from tests.artifact.samples import ALICE, manifest, members, provenance
from runtime.artifact.release import seal
out, seed, umask, stamp = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3], 8), int(sys.argv[4])
os.umask(umask)
both = ("nano", "qwen3-0.6b")
made = list(members(both).items())
random.Random(seed).shuffle(made)
sources = {}
for name, data in made:
    path = Path("sources") / str(seed) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (stamp, stamp))
    sources[name] = path
shuffled = list(both)
random.Random(seed).shuffle(shuffled)
print(seal(out, sources, manifest(shuffled), [ALICE], provenance(shuffled)))
"""

MACHINES = {
    "plain": {"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C"},
    "east": {"PYTHONHASHSEED": "1", "TZ": "Pacific/Kiritimati", "LC_ALL": "C.UTF-8"},
    "west": {"PYTHONHASHSEED": "4294967295", "TZ": "America/St_Johns", "LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"},
    "random": {"PYTHONHASHSEED": "random", "TZ": "Asia/Kathmandu", "LC_ALL": "POSIX", "PYTHONUTF8": "0"},
    "optimised": {"PYTHONHASHSEED": "7", "PYTHONOPTIMIZE": "2", "LC_ALL": "de_DE.UTF-8", "PYTHONUTF8": "1"},
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(MACHINES)))
def test_a_package_has_the_same_bytes_wherever_it_is_sealed(tmp_path, number, name):
    sealed(tmp_path / "here.expert", ("nano", "qwen3-0.6b"))
    away = tmp_path / f"a folder {name} \u00e9"
    away.mkdir()
    env = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG", "PYTHON"))}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, away / "there.expert", str(number), ("022", "077", "000")[number % 3], str(10**9 + number)],
        cwd=away,
        env={**env, **MACHINES[name], "PYTHONPATH": str(TOP)},
        capture_output=True,
        text=True,
        encoding=locale.getpreferredencoding(False),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (away / "there.expert").read_bytes() == (tmp_path / "here.expert").read_bytes()


def test_the_bytes_of_a_whole_package_are_pinned(tmp_path):
    sealed(tmp_path / "x.expert", ("nano", "qwen3-0.6b"))
    assert hashlib.sha256((tmp_path / "x.expert").read_bytes()).hexdigest() == PINNED
