"""A working directory of its own for every test, with a home of its own."""

from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest


@dataclass(frozen=True)
class Workspace:
    """An empty working directory; what is written here adds to what is shipped."""

    folder: Path

    def write(self, name: str, text: str) -> Path:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text).lstrip("\n"), encoding="utf-8")
        return file

    def expert(self, name: str, **more: str) -> Path:
        """A small expert that is right in every way, but for the files given: `decoding="..."`."""
        files = {
            "expert": f"""
                # @package _global_
                defaults:
                  - {name}/dataset@dataset
                  - {name}/evaluation@evaluation
                  - {name}/decoding@decoding
                  - _self_
                  - override /adapter: ia3
                expert:
                  name: {name}
                  version: 0.1.0
                  summary: Does one thing.
                  description: Does one thing well.
                  license: Apache-2.0
                  capabilities: [one-thing]
                  routing: {{keywords: [thing], exclude_keywords: [], priority: 0.5}}
                  requires: {{}}
                  conflicts: {{}}
                  limitations: []
                """,
            "dataset": """
                offline:
                  sources:
                    - {kind: generator, name: json_repair, rows: 10}
                """,
            "evaluation": """
                scorer: {kind: json_equal}
                cases: 5
                margin: 0.1
                confidence: 0.95
                """,
            "decoding": """
                system: null
                grammar: null
                temperature: ${generation.temperature}
                top_p: ${generation.top_p}
                top_k: ${generation.top_k}
                max_tokens: 20
                stop: []
                """,
            **more,
        }
        for file, text in files.items():
            self.write(f"experts/{name}/{file}.yaml", text)
        return self.folder / "experts" / name


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("EXPERTBUILD_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    return Workspace(here)
