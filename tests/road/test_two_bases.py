"""One release for two bases of different shapes: built once, signed once, cut to either, and whole again in a store."""

from pathlib import Path

import pytest

from runtime.artifact.canary import read_canary
from runtime.artifact.package import open_package
from runtime.artifact.release import cut
from runtime.artifact.slots import read_slots
from runtime.engine.engine import Engine
from runtime.registry.store import Store
from tests.road.roads import SMOKE, Road
from tests.tiny import tiny_base

BASES = ("tiny-qwen3", "tiny-llama")
WORDS = (
    *("expert=expert-json", f"bases=[{','.join(BASES)}]", *SMOKE),
    # The tiny bases know few words: rows are long in their tokens.
    *("train.length=1024", "train.batch_tokens=2048", "train.steps=2", "evaluation.cases=4", "decoding.max_tokens=16"),
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Road:
    """A working directory with two bases of its own, and the release that was built for both."""
    folder = tmp_path_factory.mktemp("two")
    shapes: dict[str, dict[str, int]] = {
        "qwen3": {},
        "llama": {"hidden_size": 48, "intermediate_size": 80, "num_hidden_layers": 3},
    }
    for architecture, shape in shapes.items():
        source = tiny_base(folder / "models", architecture, max_position_embeddings=2048, **shape)
        write_base(folder, f"tiny-{architecture}", source)
    road = Road(folder)
    done = road.run(*WORDS, "install=false")
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "first.out").write_text(done.stdout, encoding="utf-8")
    return road


def write_base(folder: Path, name: str, source: Path) -> None:
    (folder / "conf" / "base").mkdir(parents=True, exist_ok=True)
    (folder / "conf" / "base" / f"{name}.yaml").write_text(
        f"name: {name}\nsource: path:{source}\ndigest: null\ntokenizer_digest: null\n"
        "license: Apache-2.0\nlearning_rate_scale: 1.0\nrecipe: null\n",
        encoding="utf-8",
    )


def package_of(road: Road) -> Path:
    return road.folder / "build" / "expert-json-0.1.0.expert"


def whole_of(road: Road) -> Path:
    """The release as it was first built; later builds put their cuts in its place."""
    kept = road.folder / "whole.expert"
    if not kept.exists():
        kept.write_bytes(package_of(road).read_bytes())
    return kept


def test_one_build_makes_one_release_with_a_variant_for_each_base(two: Road) -> None:
    with open_package(whole_of(two)) as package:
        package.verify()
        assert package.variants == tuple(sorted(BASES))
        adapters = {name: variant.adapter for name, variant in package.manifest.variants.items()}
        assert all(adapter.compression and adapter.compression.kind == "bf16" for adapter in adapters.values())
        digests = {variant.base_digest for variant in package.manifest.variants.values()}
        assert len(digests) == 2
        assert set(package.statement.provenance.evaluation) == set(BASES)
    out = (two.folder / "first.out").read_text(encoding="utf-8")
    for base in BASES:
        assert f"local/expert-json 0.1.0 on {base}:" in out


def test_a_cut_keeps_the_id_and_the_signature_whether_it_is_configured_or_made_later(two: Road) -> None:
    whole = whole_of(two)
    later = two.folder / "later.expert"
    cut(whole, ["tiny-llama"], later)
    done = two.run(*WORDS, "install=false", "package.variants=[tiny-llama]")
    assert done.returncode == 0, done.stderr
    with open_package(whole) as one, open_package(later) as other:
        assert other.variants == ("tiny-llama",) and other.id == one.id
        assert other.read("signatures.json") == one.read("signatures.json")
    assert package_of(two).read_bytes() == later.read_bytes()
    assert later.stat().st_size < whole.stat().st_size


def test_two_cuts_install_verify_and_become_one_version_that_runs_on_both(
    two: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    for base in BASES:
        part = two.folder / f"{base}.expert"
        cut(whole_of(two), [base], part)
        done = two.run("install", str(part))
        assert done.returncode == 0, done.stderr
        assert two.run("verify", "expert-json").returncode == 0
    monkeypatch.setenv("EXPERTBUILD_HOME", str(two.folder / "home"))
    [installed] = Store().list()
    assert set(installed.variants) == set(BASES) and installed.trust == "trusted"
    with open_package(whole_of(two)) as package:
        assert installed.id == package.id
    for base in BASES:
        engine = Engine.load(two.folder / "models" / base)
        assert engine.base_digest == installed.manifest.variants[base].base_digest
        folder = f"variants/{base}"
        engine.attach("expert", read_slots(installed.open(f"{folder}/slots.safetensors")), "expert")
        engine.check_canary("expert", read_canary(installed.open(f"{folder}/canary.safetensors")))
