"""Expert directories as a Hydra group."""

from hydra.core.object_type import ObjectType

from expertbuild.compose.command import Command
from expertbuild.compose.jobs import jobs
from expertbuild.compose.source import ExpertSource


def source(workspace):
    return ExpertSource("experts", f"experts://{workspace.folder / 'experts'}")


def test_directories_with_a_manifest_are_the_options_of_the_group(workspace):
    workspace.expert("mine")
    workspace.write("experts/no-manifest/dataset.yaml", "offline: {}")
    workspace.write("experts/README.md", "not an expert")
    assert source(workspace).list(config_path="expert", results_filter=ObjectType.CONFIG) == ["mine"]
    assert source(workspace).list(config_path="", results_filter=ObjectType.GROUP) == ["expert"]
    assert source(workspace).list(config_path="", results_filter=ObjectType.CONFIG) == []


def test_the_other_files_of_an_expert_are_a_group_of_their_own(workspace):
    workspace.expert("mine")
    workspace.write("experts/mine/grammar.gbnf", 'root ::= "x"')
    found = source(workspace).list(config_path="expert/mine", results_filter=ObjectType.CONFIG)
    assert found == ["dataset", "decoding", "evaluation"]
    assert source(workspace).is_config(config_path="expert/mine/dataset")
    assert source(workspace).is_group(config_path="expert/mine")
    assert not source(workspace).is_config(config_path="expert/mine/grammar")


def test_other_groups_are_none_of_its_business(workspace):
    workspace.expert("mine")
    assert not source(workspace).is_group(config_path="adapter")
    assert not source(workspace).is_config(config_path="adapter/mine")
    assert not source(workspace).is_config(config_path="config")


def test_a_manifest_stands_at_the_root_of_the_configuration_with_or_without_saying_so(workspace):
    folder = workspace.expert("mine")
    said = source(workspace).load_config(config_path="expert/mine")
    (folder / "expert.yaml").write_text((folder / "expert.yaml").read_text().replace("# @package _global_\n", ""))
    unsaid = source(workspace).load_config(config_path="expert/mine")
    assert said.header["package"] == unsaid.header["package"] == "_global_"
    assert source(workspace).load_config(config_path="expert/mine/dataset").header["package"] is None


def test_a_person_can_add_a_folder_of_experts_on_the_command_line(workspace):
    workspace.expert("mine")
    (workspace.folder / "experts").rename(workspace.folder / "elsewhere")
    words = ("expert=mine", f"hydra.searchpath=[experts://{workspace.folder}/elsewhere]")
    [job] = jobs(Command(words))
    assert job.config["expert"]["name"] == "mine"
    assert job.directory == workspace.folder / "elsewhere" / "mine"
