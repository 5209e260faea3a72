"""package: the gate, then one signed `.expert` with a variant for every base.

The signing key is named by its public id alone: the private half is looked up in the key folder when
the file is sealed and never enters a key document.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from expertbuild.graph import Action, Context

PACKAGE = Action(
    name="package",
    version=2,
    reads=(
        "expert",
        "decoding",
        "evaluation.margin",
        "evaluation.well_formed",
        "evaluation.regression",
        "package.publisher",
        "package.variants",
        "package.key_id",
        "package.bases",
    ),
    function="expertbuild.actions.package:package",
)


def package(run: Context) -> None:
    """Refuse what does not beat its base; seal, sign and, where asked, cut what does."""
    from expertbuild.evaluation.gate import require
    from runtime.artifact.release import cut, seal
    from runtime.registry.keys import signer

    bases: list[dict[str, Any]] = run.config["package"]["bases"]
    reports = {base["name"]: _report(run, base["name"]) for base in bases}
    for report in reports.values():
        require(report, run.config["evaluation"])
    members = _shared_members(run)
    for base in bases:
        folder = f"variants/{base['name']}"
        compiled = run.inputs[f"compile/{base['name']}"]
        for name in ("slots.safetensors", "prompt.safetensors"):
            if (compiled / name).exists():
                members[f"{folder}/{name}"] = compiled / name
        members[f"{folder}/canary.safetensors"] = compiled / "canary.safetensors"
        members[f"{folder}/evaluation.json"] = _text(reports[base["name"]])
    expert = run.config["expert"]
    whole = run.out / f"{expert['name']}-{expert['version']}.expert"
    signers = [signer(run.config["package"]["key_id"])]
    seal(whole, members, _manifest(run), signers, _provenance(run, reports))
    if run.config["package"]["variants"] is not None:
        partial = run.work / whole.name
        cut(whole, run.config["package"]["variants"], partial)
        partial.replace(whole)


def _report(run: Context, base: str) -> dict[str, Any]:
    """The evaluation, with the comparison to the last release where there is one."""
    compared = run.inputs.get(f"compare/{base}")
    released = _json(compared / "comparison.json") if compared else None
    return {**_json(run.inputs[f"evaluate/{base}"] / "evaluation.json"), "released": released}


def _shared_members(run: Context) -> dict[str, bytes | Path]:
    members: dict[str, bytes | Path] = {
        f"profile/{path.name}": path for path in sorted(run.inputs["profile"].iterdir())
    }
    names = {"grammar": "grammar.gbnf", "readme": "README.md", "license": "LICENSE"}
    members |= {names[role]: run.files[role] for role in names if role in run.files}
    return members


def _manifest(run: Context) -> Any:
    from runtime.artifact.manifest import Adapter, Compression, Decoding, Manifest, Routing, VariantManifest

    expert, decoding = run.config["expert"], run.config["decoding"]
    variants = {}
    for base in run.config["package"]["bases"]:
        digests = _json(run.inputs[f"base/{base['name']}"] / "base.json")
        stored = Compression(**_json(run.inputs[f"compile/{base['name']}"] / "parity.json")["compression"])
        adapter = Adapter(kind=base["adapter"]["kind"], rank=base["adapter"].get("r"), compression=stored)
        variants[base["name"]] = VariantManifest(digests["digest"], digests["tokenizer_digest"], adapter)
    routing = expert["routing"]
    return Manifest(
        publisher=run.config["package"]["publisher"],
        name=expert["name"],
        version=expert["version"],
        summary=expert["summary"],
        license=expert["license"],
        variants=variants,
        capabilities=tuple(expert["capabilities"]),
        routing=Routing(tuple(routing["keywords"]), tuple(routing["exclude_keywords"]), routing["priority"]),
        requires=expert["requires"],
        conflicts=expert["conflicts"],
        limitations=tuple(expert["limitations"]),
        decoding=Decoding(
            system=decoding["system"] or "",
            temperature=decoding["temperature"],
            top_p=decoding["top_p"],
            top_k=decoding["top_k"],
            max_tokens=decoding["max_tokens"],
            stop=tuple(decoding["stop"]),
            grammar="grammar" in run.files,
            rope=decoding.get("rope"),
            check=decoding.get("check"),
            second_look=decoding.get("second_look"),
            bind=decoding.get("bind") if "grammar" in run.files else None,
            rebind=decoding.get("rebind") if "grammar" in run.files else None,
        ),
    )


def _provenance(run: Context, reports: Mapping[str, Any]) -> Any:
    from runtime.artifact.statement import Provenance

    documents = run.lineage
    libraries = {
        name: version
        for document in documents.values()
        for name, version in document["libraries"].items()
        if version is not None
    }
    datasets = {
        step.replace("train", "dataset", 1): document["inputs"]["dataset"]
        for step, document in documents.items()
        if document["action"] == "train"
    }
    datasets |= {
        f"{step.replace('evaluate', 'dataset', 1)}/test.jsonl": reports[base]["cases"]["sha256"]
        for base in reports
        for step in documents
        if step.startswith("evaluate[") and step.endswith(f",{base}]")
    }
    return Provenance(
        actions=documents,
        libraries=libraries,
        datasets=datasets,
        evaluation={base: _summary(report) for base, report in reports.items()},
    )


def _summary(report: Mapping[str, Any]) -> dict[str, Any]:
    """What `info` shows: the scores, and the interval of their difference."""
    overall, formed, released = report["overall"], report.get("well_formed"), report["released"]
    summary = {
        "n": overall["n"],
        "expert": overall["expert"]["value"],
        "base": overall["base"]["value"],
        "measure": report["scorer"]["kind"],
        "interval": overall["difference"]["interval"],
        "confidence": report["confidence"],
    }
    if formed:
        summary["well_formed"] = formed["expert"]["value"]
    if released:
        kept = ("version", "id", "n", "unlike")
        summary["released"] = {field: released[field] for field in kept if field in released}
        if "difference" in released:
            summary["released"] |= {
                "score": released["released"]["value"],
                "interval": released["difference"]["interval"],
            }
    return summary


def _text(document: Mapping[str, Any]) -> bytes:
    return (json.dumps(document, sort_keys=True, indent=2, ensure_ascii=False) + "\n").encode("utf-8")


def _json(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document
