"""Weights of an old package: compared, checked, kept for PEFT; pickles and whatever is not what the manifest says stay outside."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from expertbuild.migration.account import Outcome, spelled
from expertbuild.migration.migrating import Migrated, migrate
from runtime.artifact.refusals import BadTensors, BeyondCap, ForbiddenMember, NotAPlainFile
from tests.migration.tars import entry, packed, tar
from tests.tiny import tiny_base

LAYER = "base_model.model.model.layers.0.self_attn.q_proj"
KEPT = Path("weights/qwen3-0.6b/adapter_model.safetensors")


def manifest(data: bytes | None = None, **adapter: Any) -> dict[str, Any]:
    """An old manifest with one LoRA of rank 2 on q_proj."""
    said = {"type": "lora", "target_modules": ["q_proj"], "rank": 2, "alpha": 4, "path": "weights/adapter.safetensors"}
    if data is not None:
        said |= {"file_size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    base = {"name": "Qwen3-0.6B", "hf_repo": "Qwen/Qwen3-0.6B", "adapters": [said | adapter]}
    return {"schema_version": "2.0", "name": "expert-x", "base_models": [base]}


def lora(**changes: tuple[int, ...]) -> bytes:
    """The smallest file that fits it, as safetensors' own library writes it."""
    shapes = {"lora_A.weight": (2, 8), "lora_B.weight": (6, 2)} | changes
    tensors = {f"{LAYER}.{part}": torch.ones(shape) for part, shape in shapes.items()}
    path = Path("made.safetensors")
    save_file(tensors, path, metadata={"format": "pt"})
    data = path.read_bytes()
    path.unlink()
    return data


def archived(document: Any, files: dict[str, bytes], **words: Any) -> Migrated:
    entries = [
        entry("manifest.json", json.dumps(document).encode()),
        *(entry(name, data) for name, data in files.items()),
    ]
    return migrate(packed(Path(), tar(entries)), **words)


def fates(done: Migrated) -> dict[str, str]:
    return {spelled(each.path).rpartition(".")[2]: f"{each.outcome}: {each.why}" for each in done.account.entries()}


def test_weights_are_kept_as_they_came_with_a_configuration_of_ours(here: Path) -> None:
    data = lora()
    foreign = (
        b'{"peft_type": "LORA", "auto_mapping": {"parent_library": "os"}, "base_model_name_or_path": "/evil", "r": 99}'
    )
    done = archived(manifest(data), {"weights/adapter.safetensors": data, "weights/adapter_config.json": foreign})
    assert (done.directory / KEPT).read_bytes() == data
    config = json.loads((done.directory / KEPT.parent / "adapter_config.json").read_text())
    assert (config["r"], config["lora_alpha"], config["base_model_name_or_path"]) == (2, 4, None)
    assert "auto_mapping" not in config
    told = fates(done)
    assert told["path"].startswith("changed: kept for PEFT and for comparison; a build trains anew")
    assert told["sha256"] == "dropped: true of the file that was kept"
    notes = {note.name: (note.outcome, note.why) for note in done.account.files}
    assert "never read" in notes["weights/adapter_config.json"][1]
    assert "trains anew" in (done.directory / "weights" / "README.md").read_text()


def test_a_folder_gives_the_same_as_an_archive(here: Path) -> None:
    data = lora()
    (here / "old" / "weights").mkdir(parents=True)
    (here / "old" / "manifest.json").write_text(json.dumps(manifest(data)))
    (here / "old" / "weights" / "adapter.safetensors").write_bytes(data)
    done = migrate(here / "old")
    assert (done.directory / KEPT).read_bytes() == data
    shutil.rmtree(done.directory)
    alone = migrate(here / "old" / "manifest.json")
    assert not (alone.directory / "weights").exists(), "a manifest alone stays alone"
    assert fates(alone)["path"] == "doubted: only the manifest was given"


@pytest.mark.parametrize("change", [{"sha256": "ab" * 32}, {"file_size": 7}])
def test_weights_that_are_not_those_declared_are_left_behind(here: Path, change: dict[str, Any]) -> None:
    data = lora()
    done = archived(manifest(data, **change), {"weights/adapter.safetensors": data})
    assert not (done.directory / "weights").exists()
    assert "that the manifest declares" in fates(done)["path"]


def test_a_hash_of_the_integrity_section_counts_as_much(here: Path) -> None:
    data = lora()
    document = manifest() | {"integrity": {"sha256": {"weights/adapter.safetensors": "ab" * 32}}}
    done = archived(document, {"weights/adapter.safetensors": data})
    assert not (done.directory / "weights").exists()
    assert {each.why for each in done.account.entries() if each.path[0] == "integrity"} == {"not the hash of the file"}
    document["integrity"]["sha256"]["weights/adapter.safetensors"] = hashlib.sha256(data).hexdigest()
    done = archived(document, {"weights/adapter.safetensors": data}, replace=True)
    assert (done.directory / KEPT).is_file()


@pytest.mark.parametrize("name", ["weights/adapter.bin", "adapter.pt", "x/training_args.BIN", "a.pkl", "a.npz"])
def test_a_pickle_anywhere_is_refused_by_name(here: Path, name: str) -> None:
    files = {name: b"cos\nsystem\n(S'touch ran'\ntR."}
    with pytest.raises(ForbiddenMember, match="can carry code"):
        archived(manifest(path=name), files)
    assert not (here / "experts").exists()
    done = archived(manifest(path=name), files, without_weights=True)
    assert "never read" in fates(done)["path"]
    assert not (here / "ran").exists()


def header(entries: Any, data: bytes = b"") -> bytes:
    text = entries if isinstance(entries, str) else json.dumps(entries)
    text += " " * (-(8 + len(text)) % 64)
    return len(text).to_bytes(8, "little") + text.encode() + data


ONE = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
NAN = (float("nan"), float("inf"), float("-inf"))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"123", "too short"),
        ((2**40).to_bytes(8, "little") + b"{}", "declares a header"),
        (header('{"a": {}, "a": {}}'), "twice"),
        (header({"a": ONE, "b": ONE}, bytes(8)), "overlaps"),
        (header({"a": ONE | {"data_offsets": [8, 16]}}, bytes(16)), "gap"),
        (header({"a": ONE | {"shape": [3]}}, bytes(8)), "which is not"),
        (header({"a": ONE | {"dtype": "PICKLE"}}, bytes(8)), "unknown dtype"),
        (header({"a": ONE | {"more": 1}}, bytes(8)), "unknown field"),
        (header("[" * 100_000, bytes(8)), "nested"),
    ],
)
def test_tensors_that_are_not_sound_are_refused(here: Path, data: bytes, says: str) -> None:
    with pytest.raises(BadTensors, match=says):
        archived(manifest(), {"weights/adapter.safetensors": data})
    assert not (here / "experts").exists()


@pytest.mark.parametrize("value", NAN)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_values_that_are_not_finite_are_refused(here: Path, value: float, dtype: torch.dtype) -> None:
    made = {
        f"{LAYER}.lora_A.weight": torch.ones(2, 8, dtype=dtype),
        f"{LAYER}.lora_B.weight": torch.ones(6, 2, dtype=dtype),
    }
    made[f"{LAYER}.lora_B.weight"][5, 1] = value
    save_file(made, here / "w.safetensors")
    with pytest.raises(BadTensors, match="not finite"):
        archived(manifest(), {"weights/adapter.safetensors": (here / "w.safetensors").read_bytes()})


def test_largest_and_smallest_values_are_finite(here: Path) -> None:
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        most = torch.finfo(dtype)
        made = {f"{LAYER}.lora_A.weight": torch.full((2, 8), most.max, dtype=dtype)}
        made[f"{LAYER}.lora_B.weight"] = torch.full((6, 2), most.tiny, dtype=dtype)
        save_file(made, here / "w.safetensors")
        data = (here / "w.safetensors").read_bytes()
        done = archived(manifest(), {"weights/adapter.safetensors": data}, replace=True)
        assert (done.directory / KEPT).is_file()


@pytest.mark.parametrize(
    ("adapter", "shapes", "says"),
    [
        ({"rank": 3}, {}, "not of rank 3"),
        ({}, {"lora_A.weight": (8, 2)}, "not of rank 2"),
        ({"target_modules": ["v_proj"]}, {}, "not among the targets"),
        ({"type": "dora"}, {}, "is no dora adapter"),
        ({}, {"lora_C.weight": (2, 2)}, "is no lora adapter"),
        ({}, {"lora_B.weight": (0, 2)}, "is [0, 2]"),
    ],
)
def test_weights_of_another_rank_shape_or_target_are_refused(
    here: Path, adapter: dict[str, Any], shapes: dict[str, Any], says: str
) -> None:
    with pytest.raises(BadTensors) as caught:
        archived(manifest(**adapter), {"weights/adapter.safetensors": lora(**shapes)})
    assert says in str(caught.value)
    assert archived(manifest(**adapter), {}, without_weights=True).directory.is_dir()


def test_tensors_of_another_layout_are_left_behind(here: Path) -> None:
    save_file({"layers.0.q.lora_a": torch.ones(2, 2)}, here / "w.safetensors")
    done = archived(manifest(), {"weights/adapter.safetensors": (here / "w.safetensors").read_bytes()})
    assert "not named as PEFT names them" in fates(done)["path"]
    assert not (done.directory / "weights").exists()


def test_weights_without_their_alpha_mean_nothing(here: Path) -> None:
    done = archived(manifest(alpha=None), {"weights/adapter.safetensors": lora()})
    assert "does not say its alpha" in fates(done)["path"]


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../outside.safetensors", "C:\\w.safetensors", "~/w.safetensors", "file:///w"]
)
def test_a_path_out_of_the_package_is_never_followed(here: Path, path: str) -> None:
    (here.parent / "outside.safetensors").write_bytes(lora())
    (here / "old").mkdir()
    (here / "old" / "manifest.json").write_text(json.dumps(manifest(path=path)))
    done = migrate(here / "old")
    assert fates(done)["path"] == "doubted: a path of somebody's disk"
    assert not (done.directory / "weights").exists()


def test_a_link_in_a_folder_is_refused(here: Path) -> None:
    (here / "old" / "weights").mkdir(parents=True)
    (here / "old" / "manifest.json").write_text(json.dumps(manifest()))
    (here / "secret").write_bytes(lora())
    (here / "old" / "weights" / "adapter.safetensors").symlink_to(here / "secret")
    with pytest.raises(NotAPlainFile, match="is a link"):
        migrate(here / "old")


def test_a_folder_with_too_much_in_it_is_refused(here: Path) -> None:
    (here / "old").mkdir()
    for number in range(1030):
        (here / "old" / f"f{number}").touch()
    (here / "old" / "manifest.json").write_text(json.dumps(manifest()))
    with pytest.raises(BeyondCap, match="1,024 files"):
        migrate(here / "old")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["lora", "rslora", "dora", "ia3", "loha"])
def test_peft_and_our_compiler_read_what_was_kept_as_they_read_the_original(here: Path, kind: str) -> None:
    """Trained weights, packed the old way, migrated, loaded again: the same logits from PEFT, the same slot record."""
    from peft import IA3Config, LoHaConfig, LoraConfig, PeftModel, get_peft_model
    from transformers import AutoModelForCausalLM

    from expertbuild.training.lowering import lower
    from runtime.artifact.slots import write_slots

    targets: Any = ["q_proj", "down_proj"]
    configs: dict[str, Any] = {
        "lora": LoraConfig(r=4, lora_alpha=8, target_modules=targets),
        "rslora": LoraConfig(r=4, lora_alpha=8, target_modules=targets, use_rslora=True),
        "dora": LoraConfig(r=4, lora_alpha=8, target_modules=targets, use_dora=True),
        "ia3": IA3Config(target_modules=targets, feedforward_modules=["down_proj"]),
        "loha": LoHaConfig(r=4, alpha=8, target_modules=targets),
    }
    loader: Any = AutoModelForCausalLM
    base = tiny_base(here)
    torch.manual_seed(1)
    model = get_peft_model(loader.from_pretrained(base), configs[kind])
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter) * (0.05 if "magnitude" not in name else 0.01))
    model.save_pretrained(here / "peft")
    data = (here / "peft" / "adapter_model.safetensors").read_bytes()
    said = manifest(data, type=kind, rank=4, alpha=8, target_modules=targets)
    done = archived(said, {"weights/adapter.safetensors": data})
    kept = done.directory / KEPT.parent
    assert (
        load_file(kept / "adapter_model.safetensors").keys()
        == load_file(here / "peft" / "adapter_model.safetensors").keys()
    )

    tokens = torch.tensor([[5, 7, 11, 13]])
    with torch.no_grad():
        theirs = model.eval()(input_ids=tokens).logits
        ours = PeftModel.from_pretrained(loader.from_pretrained(base), kept).eval()(input_ids=tokens).logits
    assert torch.equal(ours, theirs)
    assert write_slots(lower(kept, base)) == write_slots(lower(here / "peft", base))
    assert [note.outcome for note in done.account.files] == [Outcome.CARRIED]
