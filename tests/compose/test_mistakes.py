"""What a person is told who typed or wrote something wrong: everything at once, each with its place and a way out."""

import pytest

from expertbuild.compose.command import read
from expertbuild.compose.faults import ConfigMistake
from expertbuild.compose.jobs import jobs


def told(*words: str) -> list[str]:
    """The lines that a command ends with."""
    command = read(words)
    assert command is not None
    with pytest.raises(ConfigMistake) as caught:
        jobs(command)
    assert caught.value.exit_code == 2
    return str(caught.value).splitlines()


# --- what was typed ----------------------------------------------------------------------------------------


# One command for all of these: every one of them has to be told.
WRONG_VALUES = {
    "adapter.r=abc": 'adapter.r must be a whole number, not "abc".',
    "adapter.alpha=true": "adapter.alpha must be a number, not true.",
    "adapter.dropout=1": "adapter.dropout must be below 1, not 1.",
    "adapter.learning_rate=-1": "adapter.learning_rate must be above 0, not -1.",
    "adapter.targets=[q_proj,k_porj]": 'adapter.targets[1]: there is no "k_porj". Did you mean k_proj?',
    "train.learning_rate=nan": "train.learning_rate must be a number or null, not NaN.",
    "train.steps=1.5": "train.steps must be a whole number, not 1.5.",
    "train.batch_tokens=0": "train.batch_tokens must be at least 16, not 0.",
    "train.processes=many": 'train.processes must be auto or a number above 0, not "many".',
    "train.schedule=linea": 'train.schedule: there is no "linea". Did you mean linear?',
    "target=packag": 'target: there is no "packag". Did you mean package?',
    "compile=3": "compile must be a group of keys, not 3.",
    "seed=null": "seed must be a whole number, not null.",
    "package.publisher=Me": 'package.publisher must be lower-case letters, digits and dashes, not "Me".',
    "evaluation.margin=2": "evaluation.margin must be at most 1, not 2.",
    "expert.capabilities=[]": "expert.capabilities must not be empty.",
    "expert.routing.keywords=[a,a]": "expert.routing.keywords names something twice.",
    "decoding.grammar=../x.gbnf": 'decoding.grammar must be the name of a .gbnf file beside it, not "../x.gbnf".',
    "base.digest=12": "base.digest must be 64 hexadecimal digits, not 12.",
    "base.source=nano": 'base.source must be package:NAME, path:DIRECTORY or hub:OWNER/REPO@REVISION, not "nano".',
    "+train.stepps=3": 'train has no key "stepps". Did you mean steps?',
    "+adapter._target_=os.system": "adapter._target_ is refused: configuration names things, it does not run them.",
    "package.key=no/such.key": "the signing key no/such.key is not there.",
}


def test_every_wrong_value_is_told_with_the_word_that_was_typed(workspace):
    lines = told("expert=expert-json", "adapter=lora", *WRONG_VALUES)
    for word, said in WRONG_VALUES.items():
        assert any(line.startswith(f"command line: {word}: {said}") for line in lines), (word, lines)
    assert len(lines) == len(WRONG_VALUES)


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("adapter.r.x=3", "adapter.r has no keys of its own."),
        ("a=[1", "this cannot be read as key=value."),
        ("adapter=lora,dora", "has several values, and this is one build. To build each in turn, add -m;"),
        ("hydra/launcher=joblibb", 'there is no hydra launcher "joblibb". Did you mean joblib?'),
        ("package.variants=[qwen]", 'package.variants names "qwen", which this build does not make.'),
        ("bases=[nano,qwen]", 'there is no base "qwen".'),
        ("base.source=path:no/such", "there is no base model in no/such: it has no config.json."),
    ],
)
def test_a_wrong_word_is_told_with_the_word_that_was_typed(workspace, word, line):
    [only] = told("expert=expert-json", "adapter=lora", word)
    assert only.startswith(f"command line: {word}: {line}")


def test_a_recipe_that_the_expert_does_not_have_is_told_with_those_it_has(workspace):
    workspace.expert("mine")
    [line] = told("expert=mine", "dataset=hub")
    assert line.endswith('mine has no recipe "hub" in its dataset.yaml. There are: offline.')


def test_all_wrong_words_are_told_at_once_and_what_is_wrong_besides(workspace):
    lines = told("expert=expert-json", "adapter=dorra", "trian.x=1", "train.steps=0", "foo", "seed=-1")
    assert lines == [
        "command line: foo: this cannot be read as key=value. Did you mean foo=...?",
        'command line: adapter=dorra: there is no adapter "dorra". Did you mean dora?',
        'command line: trian.x=1: there is no key "trian". Did you mean train?',
        "command line: seed=-1: seed must be at least 0, not -1.",
        "command line: train.steps=0: train.steps must be at least 1, not 0.",
    ]


def test_every_value_of_a_sweep_is_tried(workspace):
    assert told("-m", "expert=expert-json,expert-sqll", "adapter=loraa,dora") == [
        'command line: expert=expert-sqll: there is no expert "expert-sqll". Did you mean expert-sql?',
        'command line: adapter=loraa: there is no adapter "loraa". Did you mean lora?',
    ]


def test_a_pattern_that_matches_nothing_is_told(workspace):
    assert told("-m", "expert=glob(nothing*)") == ["command line: expert=glob(nothing*): matches nothing."]


def test_without_an_expert_the_experts_there_are_are_named(workspace):
    [line] = told()
    assert line.startswith(
        "which expert? There are: expert-extract, expert-json, expert-neo4j, expert-python, expert-rust, expert-sql"
    )
    assert line.endswith("Try: expertbuild expert=expert-extract")


def test_a_launcher_that_is_not_installed_is_told_with_the_line_to_type(workspace):
    [line] = told("-m", "expert=expert-json", "hydra/launcher=submitit_slurm")
    assert line.endswith("submitit_slurm is not installed. pip install 'expertbuild[slurm]'")


# --- what was written --------------------------------------------------------------------------------------


def test_a_rule_that_is_bound_has_to_be_in_the_grammar(workspace):
    decoding = (
        "system: null\ngrammar: g.gbnf\nbind:\n  tabel: sql_tables\n  name: json_tekst\nrebind:\n  nam: pascal_names\n"
    )
    rest = "temperature: 0\ntop_p: 1\ntop_k: 0\nmax_tokens: 9\nstop: []\n"
    workspace.expert("mine", decoding=decoding + rest)
    (workspace.folder / "experts/mine/g.gbnf").write_text("root ::= table\ntable ::= [a-z]+\nname ::= table\n")
    lines = told("expert=mine")
    assert (
        "experts/mine/decoding.yaml:4: decoding.bind binds tabel, and g.gbnf has no such rule. Did you mean table?"
        in lines
    )
    assert any("decoding.yaml:5" in line and "json_text" in line for line in lines)
    assert any("decoding.yaml:7: decoding.rebind binds nam, and" in line for line in lines)


def test_everything_wrong_with_an_expert_is_told_at_once_with_file_and_line(workspace):
    workspace.expert(
        "mine",
        evaluation="scorer: {kind: jsn_equal}\ncases: 5\nmargin: 0.1\nconfidence: 2\n",
        decoding="system: null\ngrammar: gone.gbnf\ntemperature: 0\ntop_p: 1\ntop_k: 0\nmax_tokens: 9\nstopp: []\n",
    )
    file = workspace.folder / "experts/mine/expert.yaml"
    text = (
        file.read_text().replace("0.1.0", "one").replace("name: mine", "name: other").replace("limitations", "limits")
    )
    file.write_text(text + "trian: {steps: 3}\ntrain:\n  steps: many\n")
    assert told("expert=mine") == [
        "experts/mine/decoding.yaml:1: decoding.stop is missing. Texts that end the answer.",
        "experts/mine/decoding.yaml:2: the grammar experts/mine/gone.gbnf is not there. Add the file, or set decoding.grammar to null.",
        'experts/mine/decoding.yaml:7: decoding has no key "stopp". Did you mean stop?',
        'experts/mine/evaluation.yaml:1: evaluation.scorer.kind: there is no "jsn_equal". Did you mean json_equal?',
        "experts/mine/evaluation.yaml:4: evaluation.confidence must be below 1, not 2.",
        "experts/mine/expert.yaml:8: expert.limitations is missing. What it does badly, measured rather than feared.",
        'experts/mine/expert.yaml:9: expert.name is "other", but the directory is called "mine". Make both the same.',
        'experts/mine/expert.yaml:10: expert.version must be three numbers such as 0.1.0, not "one".',
        'experts/mine/expert.yaml:18: expert has no key "limits". Did you mean limitations?',
        'experts/mine/expert.yaml:19: there is no key "trian". Did you mean train?',
        'experts/mine/expert.yaml:21: train.steps must be a whole number, not "many".',
    ]


def test_a_name_that_is_not_there_is_told_where_the_defaults_list_asks_for_it(workspace):
    file = workspace.expert("mine") / "expert.yaml"
    file.write_text(file.read_text().replace("/adapter: ia3", "/adapter: dorra"))
    assert told("expert=mine") == ['experts/mine/expert.yaml:7: there is no adapter "dorra". Did you mean dora?']


def test_a_file_of_the_expert_that_is_not_there_is_told_where_it_is_listed(workspace):
    (workspace.expert("mine") / "decoding.yaml").unlink()
    [line] = told("expert=mine")
    assert line == "experts/mine/expert.yaml:5: experts/mine/decoding.yaml is not there."


def test_a_directory_without_a_manifest_is_no_expert(workspace):
    workspace.write("experts/mine/dataset.yaml", "offline: {}")
    [line] = told("expert=mine")
    assert "experts/mine is not an expert: it has no expert.yaml." in line


def test_defaults_that_lead_back_to_themselves_are_told_as_a_circle(workspace):
    workspace.expert("mine")
    workspace.write("experts/mine/dataset.yaml", "defaults: [again, _self_]\noffline: {}\n")
    workspace.write("experts/mine/again.yaml", "x: 1\ndefaults:\n  - dataset\n  - _self_\n")
    [line] = told("expert=mine")
    circle = "expert/mine/dataset -> expert/mine/again -> expert/mine/dataset"
    assert line == f"experts/mine/dataset.yaml:1: the defaults go round in a circle: {circle}."


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("kind: lora\nr: [1,\n", "conf/adapter/mine.yaml:3: this is not YAML:"),
        ("kind: lora\nkind: dora\n", "conf/adapter/mine.yaml:2: this is not YAML:"),
        ("- kind\n- r\n", 'conf/adapter/mine.yaml:1: adapter must be a group of keys, not ["kind", "r"].'),
        ("kind: lora\nr: ${oops\n", "conf/adapter/mine.yaml:2: ${oops cannot be read: is a bracket missing?"),
        ("defaults: {a: b}\nkind: lora\n", "conf/adapter/mine.yaml:1: Invalid defaults list"),
        ("kind: loraa\n", 'conf/adapter/mine.yaml:1: adapter.kind: there is no "loraa". Did you mean lora?'),
    ],
)
def test_a_broken_file_is_told_with_its_line(workspace, text, line):
    workspace.write("conf/adapter/mine.yaml", text)
    lines = told("expert=expert-json", "adapter=mine")
    assert lines[0].startswith(line)


def test_a_file_that_is_not_text_is_told(workspace):
    workspace.write("conf/adapter/mine.yaml", "").write_bytes(b"kind: lora\nr: \xff\xfe\n")
    assert told("expert=expert-json", "adapter=mine") == ["conf/adapter/mine.yaml:2: this is not UTF-8 text."]


def test_every_value_that_cannot_be_worked_out_is_told(workspace):
    text = (
        "kind: lora\nr: ${base.nothing}\nalpha: ???\ndropout: ${times:a,b}\ntargets: all-linear\nlearning_rate: 0.1\n"
    )
    workspace.write("conf/adapter/mine.yaml", text)
    lines = told("expert=expert-json", "adapter=mine")
    assert [line.split(": ")[0] for line in lines] == [f"conf/adapter/mine.yaml:{line}" for line in (2, 3, 4)]
    assert "refers to a key that is not there" in lines[0]
    assert lines[1].endswith("adapter.alpha must be given. Add adapter.alpha=...")


def test_data_that_is_not_there_is_told_and_rows_that_nobody_asked_for(workspace):
    dataset = """
        offline:
          sources:
            - {kind: files, path: [own.jsonl, data/*.csv]}
        endless:
          sources:
            - {kind: generator, name: json_repair}
            - {kind: generator, name: json_repair, weight: 1}
        """
    workspace.expert("mine", dataset=dataset)
    workspace.write("experts/mine/own.jsonl", "{}")
    assert told("expert=mine") == ["experts/mine/dataset.yaml:3: there is no file data/*.csv in experts/mine."]
    assert told("expert=mine", "dataset.use=endless") == [
        "experts/mine/dataset.yaml:6: dataset.endless.sources[0].rows is missing. A generator never ends.",
        "experts/mine/dataset.yaml:7: dataset.endless.rows is missing. A weight is a share of it.",
    ]
    workspace.write("experts/mine/data/a.csv", "")
    command = read(["expert=mine"])
    assert command is not None and len(jobs(command)) == 1


def test_generators_take_their_own_options_and_no_others(workspace):
    line = "{kind: generator, name: json_repair, rows: 5, columns: 4}"
    workspace.expert(
        "mine", dataset=f"offline:\n  sources:\n    - {line}\n    - {{kind: generator, name: json_repar, rows: 1}}\n"
    )
    assert told("expert=mine") == [
        'experts/mine/dataset.yaml:3: dataset.offline.sources[0] has no key "columns". There are: kind, name, part, phrasings, rows, size, weight, words.',
        'experts/mine/dataset.yaml:4: generator: there is no "json_repar". Did you mean json_repair?',
    ]


def test_ia3_scales_the_input_of_its_targets_only(workspace):
    [line] = told("expert=expert-json", "adapter=ia3", "adapter.targets=[k_proj]")
    assert "adapter.feedforward names down_proj, which is not among adapter.targets." in line


def test_the_whole_traceback_is_shown_to_those_who_ask(workspace, monkeypatch, capsys):
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    told("expert=expert-jsonn")
    assert "Traceback" in capsys.readouterr().err
