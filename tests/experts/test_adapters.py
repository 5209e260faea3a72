"""Every expert builds with every kind of adapter that its directory may be asked for."""

import pytest

from expertbuild.compose.command import read
from expertbuild.compose.jobs import jobs
from tests.road.roads import SMOKE, Road

EXPERTS = ("json", "neo4j", "python", "rust", "sql", "typescript")
ADAPTERS = ("lora", "ia3", "dora", "lokr")


@pytest.fixture(scope="module")
def road(tmp_path_factory: pytest.TempPathFactory) -> Road:
    """One home: datasets are built once an expert."""
    return Road(tmp_path_factory.mktemp("adapters"))


@pytest.mark.slow
@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("expert", EXPERTS)
def test_an_expert_compiles_with_each_adapter(road: Road, expert: str, adapter: str) -> None:
    """Barely trained, up to the step that proves the compiled record against PEFT."""
    done = road.run(f"expert=expert-{expert}", f"adapter={adapter}", "target=compile", *SMOKE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"train[expert-{expert},nano]" in done.stdout + done.stderr


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("expert", EXPERTS)
def test_an_expert_takes_each_adapter_from_the_command_line(expert: str, adapter: str) -> None:
    command = read([f"expert=expert-{expert}", f"adapter={adapter}"])
    assert command is not None
    [job] = jobs(command)
    assert job.config["adapter"]["kind"] == adapter
