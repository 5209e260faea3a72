"""What is to be trained, as one value that also travels to helper processes as a file.

`Job` holds no model: `student()` makes one, in whichever process asks.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

from expertbuild.training.backends import backend
from expertbuild.training.methods import METHODS
from expertbuild.training.packing import Beginning, Pack, Plan, Sample, beginnings, learned, pack, plan, split
from expertbuild.training.settings import Settings
from expertbuild.training.student import Student


@dataclass(frozen=True)
class Job:
    method: str
    base: Path
    adapter: Mapping[str, Any]
    settings: Settings
    seed: int
    samples: tuple[Sample, ...]

    @cached_property
    def plan(self) -> Plan:
        return plan(
            self._lengths,
            steps=self.settings.steps,
            batch_tokens=self.settings.batch_tokens,
            seed=self.seed,
            beginnings=self._beginnings,
            together=self.settings.together,
        )

    @cached_property
    def _lengths(self) -> list[int]:
        return [len(sample.tokens) for sample in self.samples]

    @cached_property
    def _beginnings(self) -> tuple[Beginning, ...] | None:
        return beginnings(self.samples) if self.settings.together > 1 else None

    @cached_property
    def objective(self) -> ModuleType:
        return METHODS.load(self.method)

    def packs(self, step: int, share: int = 0, of: int = 1, *, shared: bool = False) -> list[Pack]:
        """The packs of a step that fall to one of several processes; `shared`: what begins alike lies there once."""
        alike = self._beginnings if shared else None
        groups = self.plan[step] if alike else [[number] for group in self.plan[step] for number in group]
        packs = split(groups, self._lengths, self.settings.micro_tokens, alike)[share::of]
        return [
            pack([self.samples[number] for number in each], [alike[number] for number in each] if alike else None)
            for each in packs
        ]

    def weight(self, step: int) -> int:
        """How many tokens the whole step teaches: its loss is a mean over them, whoever computes it."""
        return learned([self.samples[number] for each in self.plan[step] for number in each])

    def tokens(self, step: int) -> int:
        return sum(len(self.samples[number].tokens) for each in self.plan[step] for number in each)

    def student(self) -> Student:
        return backend(self.settings.backend).prepare(self.base, self.adapter, self.settings, self.seed)

    @cached_property
    def identity(self) -> str:
        """A name for the run: what decides its result, and nothing that only decides its speed."""
        settings = asdict(self.settings)
        for only_speed in (
            "processes",
            "fused",
            "micro_batch",
            "checkpoint_every",
            "eval_every",
            "eval_rows",
            "device",
        ):
            del settings[only_speed]
        parts = [self.method, dict(self.adapter), settings, self.seed, self._samples()]
        return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def write(self, path: Path) -> None:
        document = {
            "method": self.method,
            "base": str(self.base),
            "adapter": dict(self.adapter),
            "settings": asdict(self.settings),
            "seed": self.seed,
            "samples": self._samples(),
        }
        path.write_text(json.dumps(document), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "Job":
        document = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            document["method"],
            Path(document["base"]),
            document["adapter"],
            Settings(**document["settings"]),
            document["seed"],
            tuple(Sample(tokens, start) for tokens, start in document["samples"]),
        )

    def _samples(self) -> list[list[Any]]:
        return [[sample.tokens, sample.answer_from] for sample in self.samples]
