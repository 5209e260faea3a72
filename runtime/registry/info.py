"""What a package says of itself, and what this machine says of the package, as one document and as text.

The two are kept apart: scores were measured by the builder and are shown as that; trust comes from the trust file here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from runtime.artifact.package import Package, open_package
from runtime.artifact.refusals import Refused
from runtime.artifact.shown import shown
from runtime.registry.installed import Installed
from runtime.registry.provenance import lines as provenance_lines
from runtime.registry.trust import load_trust
from runtime.registry.verdict import decide

MEASURED_BY = "measured by the builder"


def describe(subject: Installed | Path) -> dict[str, Any]:
    """Everything there is to know about an installed version or a package file, ready for JSON."""
    path = subject.directory if isinstance(subject, Installed) else subject
    with open_package(path) as package:
        manifest = package.manifest
        return {
            "name": manifest.full_name,
            "version": manifest.version,
            "id": package.id,
            "where": str(path),
            "installed": subject.record.installed if isinstance(subject, Installed) else None,
            "trust": _trust(subject, package),
            "cosigned": package.cosigned.hint if package.cosigned else None,
            "manifest": manifest.document(),
            "variants": {base: _variant(package, base) for base in package.statement.variants},
            "provenance": asdict(package.statement.provenance),
            "evaluation_by": MEASURED_BY,
            "members": {name: member.size for name, member in package.members.items()},
        }


def lines(described: Mapping[str, Any]) -> Iterator[str]:
    """The same for a person; every line is safe to print."""
    return (shown(line) for line in _lines(described))


def _lines(described: Mapping[str, Any]) -> Iterator[str]:
    manifest, provenance = described["manifest"], described["provenance"]
    yield f"{described['name']} {described['version']}"
    yield f"  {manifest['summary']}"
    yield f"  id       {described['id']}"
    yield f"  where    {described['where']}" + (
        f" (installed {described['installed']})" if described["installed"] else ""
    )
    trust = described["trust"]
    yield f"  trust    {trust['state']}" + (f", signed by {', '.join(trust['keys'])}" if trust["keys"] else "")
    if trust["flags"]:
        yield f"           installed with --{', --'.join(trust['flags'])}"
    if described["cosigned"]:
        yield f"  co-sign  claims the P-256 key {described['cosigned']} (to check it: expertbuild verify FILE --p256 KEY.pub)"
    yield f"  license  {manifest['license']}"
    for word in ("capabilities", "limitations"):
        if manifest[word]:
            yield f"  {word}: {'; '.join(manifest[word])}"
    for word in ("requires", "conflicts"):
        for name, versions in manifest[word].items():
            yield f"  {word} {name} {versions}"
    routing, decoding = manifest["routing"], manifest["decoding"]
    yield f"  routing: {', '.join(routing['keywords']) or 'no keywords'}; priority {routing['priority']}"
    grammar = "bound by its grammar" if decoding["grammar"] else "no grammar"
    yield f"  decoding: {grammar}, temperature {decoding['temperature']}, at most {decoding['max_tokens']} tokens"
    for base, variant in described["variants"].items():
        adapter = variant["adapter"]
        rank = f" of rank {adapter['rank']}" if adapter["rank"] is not None else ""
        here = "" if variant["present"] else " (not in this package)"
        yield f"  variant {base}: {adapter['kind']}{rank}, {variant['bytes']:,} bytes{here}"
        yield f"    base {variant['base_digest'][:16]}..., tokenizer {variant['tokenizer_digest'][:16]}..."
        stated = provenance["evaluation"].get(base)
        yield f"    {_evaluation(stated)}"
        yield from (f"    {line}" for line in _further(stated or {}))
    yield from provenance_lines(provenance)


def _evaluation(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return "no evaluation is stated"
    measure = f"{found['measure']}: " if "measure" in found else ""
    text = f"{measure}{found['expert']:.3g} against {found['base']:.3g} for the base, n = {found['n']}"
    if "interval" in found:
        low, high = found["interval"]
        confidence = f"{100 * found['confidence']:g} % interval" if "confidence" in found else "interval"
        text += f", {confidence} of the difference {low:.3g} to {high:.3g}"
    return f"{text} ({MEASURED_BY})"


def _further(found: Mapping[str, Any]) -> Iterator[str]:
    """Form, and the release before: what older packages do not state."""
    if "well_formed" in found:
        yield f"well formed: {found['well_formed']:.3g} of its answers"
    if not (released := found.get("released")):
        return
    text = f"release {released['version']} (id {str(released['id'])[:16]}) before it"
    if "interval" in released:
        low, high = released["interval"]
        yield f"{text}: {released['score']:.3g} on the same {released['n']} cases, interval of the difference {low:.3g} to {high:.3g}"
    else:
        yield f"{text}: not compared, {released.get('unlike', 'no reason is stated')}"


def _variant(package: Package, base: str) -> dict[str, Any]:
    stated = package.manifest.variants[base]
    return {
        "present": base in package.variants,
        "adapter": asdict(stated.adapter),
        "base_digest": stated.base_digest,
        "tokenizer_digest": stated.tokenizer_digest,
        "bytes": sum(stated.sizes.values()),
        "evaluation": package.statement.provenance.evaluation.get(base),
    }


def _trust(subject: Installed | Path, package: Package) -> dict[str, Any]:
    if isinstance(subject, Installed):
        recorded = subject.record.trust
        return {"state": subject.trust, "keys": list(recorded.keys), "flags": list(recorded.flags)}
    try:
        verdict = decide(package.manifest.publisher, package.envelope, package.statement_bytes, load_trust())
    except Refused as refusal:
        return {"state": f"refused: {refusal.what}", "keys": [], "flags": []}
    state = "unknown publisher" if verdict.state == "unknown" else verdict.state
    return {"state": state, "keys": list(verdict.keys), "flags": []}
