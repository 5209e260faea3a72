"""From words to checked configurations."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from expertbuild import cli
from expertbuild.compose.command import Command, read
from expertbuild.compose.faults import ConfigMistake
from expertbuild.compose.jobs import Job, jobs
from expertbuild.compose.places import expert_names
from expertbuild.compose.schemas import violations
from runtime.home import shipped

SHIPPED = sorted(file.parent.name for file in shipped("experts").glob("*/expert.yaml"))
ADAPTERS = sorted(file.stem for file in (shipped("conf") / "adapter").glob("*.yaml"))


def composed(*words: str) -> list[Job]:
    command = read(words)
    assert command is not None
    return jobs(command)


def one(*words: str) -> Job:
    [job] = composed(*words)
    return job


def test_a_job_is_plain_data_with_every_reference_resolved(workspace):
    job = one("expert=expert-json", "generation=sampling")
    assert job.config["decoding"]["temperature"] == job.config["generation"]["temperature"] == 0.7
    assert job.config["expert"]["name"] == "expert-json"
    assert "hydra" not in job.config
    assert job.directory == shipped("experts") / "expert-json"


def kind(adapter: str) -> str:
    """Of a choice that is named for its rank too: `dora20`."""
    return adapter.removesuffix("20")


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("expert", SHIPPED)
def test_what_cfg_job_prints_is_valid_for_every_expert_with_every_adapter(workspace, capsys, expert, adapter):
    assert cli.main(["--cfg", "job", "--resolve", f"expert={expert}", f"adapter={adapter}"]) == 0
    config = OmegaConf.to_container(OmegaConf.create(capsys.readouterr().out))
    assert list(violations(config)) == []
    assert config["adapter"]["kind"] == kind(adapter)
    assert 0 < config["adapter"]["learning_rate"] < 0.1, "each kind carries a learning rate of its own"
    assert config["adapter"].get("targets") or config["adapter"]["tokens"]


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_build_is_planned_with_every_adapter(workspace, adapter):
    assert one("expert=expert-json", f"adapter={adapter}").config["adapter"]["kind"] == kind(adapter)


def test_the_expert_chooses_its_adapter_and_the_command_line_wins_over_it(workspace):
    workspace.expert("mine")
    assert one("expert=mine").config["adapter"]["kind"] == "ia3"
    assert one("expert=mine", "adapter=dora").config["adapter"]["kind"] == "dora"
    assert one("expert=mine", "adapter=dora", "adapter.r=3").config["adapter"]["r"] == 3


def test_an_expert_may_change_training_and_the_command_line_wins_over_that_too(workspace):
    folder = workspace.expert("mine")
    file = folder / "expert.yaml"
    file.write_text(file.read_text() + "train:\n  steps: 77\n")
    assert one("expert=mine").config["train"]["steps"] == 77
    assert one("expert=mine", "train=gpu").config["train"]["steps"] == 77
    assert one("expert=mine", "train.steps=5").config["train"]["steps"] == 5


def test_an_expert_may_say_something_for_one_base_only(workspace):
    workspace.expert("mine")
    workspace.write("experts/mine/bases/qwen3-0.6b.yaml", "train: {steps: 9}\n")
    assert one("expert=mine").config["train"]["steps"] != 9
    assert one("expert=mine", "base=qwen3-0.6b").config["train"]["steps"] == 9


def test_glob_finds_shipped_experts_and_those_of_the_working_directory(workspace):
    workspace.expert("mine")
    assert [job.expert for job in composed("-m", "expert=glob(*)")] == expert_names()
    assert "mine" in expert_names() and "expert-json" in expert_names()


def test_a_sweep_makes_every_combination_and_says_what_each_one_is(workspace):
    made = composed("-m", "expert=expert-json,expert-sql", "adapter=ia3,lora", "seed=5")
    assert [job.words for job in made] == [
        f"expert={expert} adapter={adapter} seed=5"
        for expert in ("expert-json", "expert-sql")
        for adapter in ("ia3", "lora")
    ]


def test_a_conf_folder_here_adds_to_the_shipped_one_and_overrides_it_file_by_file(workspace):
    lora = (shipped("conf") / "adapter" / "lora.yaml").read_text()
    workspace.write("conf/adapter/small.yaml", lora.replace("r: 16", "r: 2"))
    workspace.write("conf/adapter/lora.yaml", lora.replace("r: 16", "r: 4"))
    assert one("expert=expert-json", "adapter=small").config["adapter"]["r"] == 2
    assert one("expert=expert-json", "adapter=lora").config["adapter"]["r"] == 4
    assert one("expert=expert-json", "adapter=dora").config["adapter"]["kind"] == "dora"


def test_an_expert_here_comes_before_a_shipped_one_of_the_same_name(workspace):
    workspace.expert("expert-json")
    job = one("expert=expert-json")
    assert job.config["expert"]["summary"] == "Does one thing."
    assert job.directory == Path.cwd() / "experts" / "expert-json"


def test_several_bases_give_one_branch_each_with_learning_rates_to_suit(workspace):
    job = one("expert=expert-json", "adapter=lora", "bases=[nano,qwen3-0.6b]")
    assert list(job.branches) == ["nano", "qwen3-0.6b"]
    rates = [branch["adapter"]["learning_rate"] for branch in job.branches.values()]
    assert rates == [0.005, 0.0002]
    assert [branch["base"]["name"] for branch in job.branches.values()] == ["nano", "qwen3-0.6b"]


def test_pre_training_a_base_needs_no_expert(workspace):
    job = one("target=base")
    assert job.expert is None and job.directory is None and list(job.branches) == ["nano"]


def test_composing_again_gives_the_same_job(workspace):
    first = composed("-m", "expert=glob(*)", "adapter=ia3,dora")
    again = composed("-m", "expert=glob(*)", "adapter=ia3,dora")
    assert [job.config for job in again] == [job.config for job in first]
    assert [job.branches for job in again] == [job.branches for job in first]
    assert [job.words for job in again] == [job.words for job in first]


def test_a_file_that_went_away_is_noticed_although_the_configuration_is_remembered(workspace):
    folder = workspace.expert(
        "mine",
        decoding="system: null\ngrammar: own.gbnf\ntemperature: 0\ntop_p: 1\ntop_k: 0\nmax_tokens: 9\nstop: []\n",
    )
    grammar = workspace.write("experts/mine/own.gbnf", 'root ::= "x"')
    assert one("expert=mine").directory == folder
    grammar.unlink()
    with pytest.raises(ConfigMistake, match=r"decoding.yaml:2: the grammar experts/mine/own.gbnf is not there"):
        one("expert=mine")


def test_nothing_is_left_in_the_working_directory(workspace):
    composed("-m", "expert=glob(*)", "adapter=ia3,dora")
    assert list(workspace.folder.iterdir()) == []


def test_a_folder_given_on_the_command_line_is_searched_too(workspace):
    workspace.write("more/train/short.yaml", (shipped("conf") / "train" / "smoke.yaml").read_text())
    assert one("--config-dir", "more", "expert=expert-json", "train=short").config["train"]["steps"] == 4


def test_words_become_a_command_without_flags_being_taken_for_overrides():
    assert read(["a=1", "-m", "b=2"]) == Command(("a=1", "b=2"), multirun=True)
    assert read(["--config-name", "other", "a=1"]) == Command(("a=1",), config_name="other")
    assert read(["--cfg", "job"]) is None


def test_a_multirun_over_experts_may_set_what_only_experts_have(workspace):
    made = composed("-m", "expert=expert-json,expert-sql", "dataset.offline.rows=7")
    assert [job.config["dataset"]["offline"]["rows"] for job in made] == [7, 7]
