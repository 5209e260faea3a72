"""Where a value comes from."""

import yaml
from hypothesis import given
from hypothesis import strategies as st

from expertbuild.compose.command import Command
from expertbuild.compose.origins import Origins, split
from expertbuild.compose.places import short
from expertbuild.compose.positions import defaults, lines
from runtime.home import shipped


def test_the_file_merged_last_is_the_one_a_value_comes_from(workspace):
    file = workspace.expert("mine") / "expert.yaml"
    file.write_text(file.read_text() + "train:\n  steps: 77\n")
    origins = Origins(Command(("expert=mine", "adapter.r=3", "++train.length=64", "adapter=dora")))
    cpu = short(shipped("conf") / "train" / "cpu.yaml")
    assert origins.of("train.steps") == "experts/mine/expert.yaml:20"
    assert origins.of("train.warmup").startswith(cpu)
    assert origins.of("train.length") == "command line: ++train.length=64"
    assert origins.of("adapter.r") == "command line: adapter.r=3"
    assert origins.of("adapter.kind").startswith(short(shipped("conf") / "adapter" / "dora.yaml"))
    assert origins.of("dataset.offline.sources[0].rows") == "experts/mine/dataset.yaml:3"


def test_a_key_that_is_not_there_has_the_place_around_it(workspace):
    workspace.expert("mine")
    origins = Origins(Command(("expert=mine",)))
    assert origins.of("evaluation.nothing") == "experts/mine/evaluation.yaml:1"
    assert origins.of("nothing") == ""
    assert origins.of(()) == ""


def test_paths_are_split_the_same_however_they_are_written():
    assert split("a.b[0].c") == split(["a", "b", 0, "c"]) == ("a", "b", "0", "c")


keys = st.text("abcdefgh_-", min_size=1, max_size=6)
trees = st.recursive(
    st.integers() | st.text("xyz ", max_size=8) | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(keys, trees, min_size=1, max_size=5))
def test_the_line_of_every_key_is_the_line_it_is_written_on(tmp_path_factory, tree):
    file = tmp_path_factory.mktemp("yaml") / "any.yaml"
    file.write_text(yaml.safe_dump(tree, sort_keys=False, default_flow_style=False), encoding="utf-8")
    written = file.read_text(encoding="utf-8").splitlines()
    for path, line in lines(file).items():
        if not path[-1].isdigit():
            assert f"{path[-1]}:" in written[line - 1].replace("'", "")


def test_a_defaults_list_says_on_which_line_it_chooses_what(workspace):
    file = workspace.expert("mine") / "expert.yaml"
    assert defaults(file)["ia3"] == 7
    assert defaults(file)["mine/dataset@dataset"] == 3


def test_broken_files_have_no_lines(workspace):
    assert lines(workspace.write("broken.yaml", "a: [")) == {}
    assert lines(workspace.write("empty.yaml", "")) == {}
    assert lines(workspace.write("itself.yaml", "a: &a [*a]\n")) == {}
    assert lines(workspace.folder / "gone.yaml") == {}
