"""The verb `sign`."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from runtime.artifact.shown import shown
from runtime.errors import Mistake
from runtime.registry.commands.words import SHORT, parser, print_json, read_file, write_file

_FORMS = """\
  expertbuild sign PACKAGE --key KEY [--out FILE]             one signature more
  expertbuild sign PACKAGE --p256 KEY.pem [--out FILE]        a co-signature that model-signing verifies
  expertbuild sign --request PACKAGE --out request.json       ask for the signature of a key that is kept elsewhere,
  expertbuild sign --answer request.json                      look there what is asked for,
  expertbuild sign --answer request.json --key KEY --out answer.json
  expertbuild sign PACKAGE --attach answer.json               and bring the signature home
  expertbuild sign --rotation NAMESPACE NEW.pub --key OLD --out rotation.json

PACKAGE may be a rotation file too. KEY is a file, or a name in the key folder."""


def sign(argv: Sequence[str]) -> int:
    """Sign a package or a rotation, here or with a key that is kept elsewhere."""
    words = parser("sign", sign.__doc__)
    words.formatter_class = argparse.RawDescriptionHelpFormatter
    words.epilog = _FORMS
    words.add_argument(
        "subject", nargs="*", type=Path, metavar="PACKAGE", help="what to sign; with --rotation, new keys"
    )
    words.add_argument("--key", help="the signing key")
    words.add_argument("--p256", metavar="KEY", help="the P-256 key of a co-signature")
    words.add_argument("--out", type=Path, help="where the result goes; by default it replaces the package")
    form = words.add_mutually_exclusive_group()
    form.add_argument("--request", type=Path, metavar="PACKAGE", help="write down what is to be signed")
    form.add_argument("--answer", type=Path, metavar="REQUEST", help="show a request, and with --key answer it")
    form.add_argument("--attach", type=Path, metavar="ANSWER", help="add a signature made elsewhere")
    form.add_argument("--rotation", metavar="NAMESPACE", help="write down which keys come next")
    words.add_argument("--bytes", type=Path, help="with --request: also the bare bytes to sign, as openssl takes them")
    words.add_argument("--public", type=Path, metavar="KEY.pub", help="with --attach: whose bare signature it is")
    words.add_argument("--threshold", type=int, help="with --rotation: how many of the new keys must sign")
    said = words.parse_args(argv)
    if said.request:
        done = _request(said.request, _needed(said.out, "--out"), said.bytes)
    elif said.answer:
        done = _answer(said.answer, said.key, said.out)
    elif said.rotation:
        done = _rotation(said.rotation, said.subject, said.threshold, said.key, _needed(said.out, "--out"))
    else:
        if len(said.subject) != 1:
            raise Mistake("Name one package or rotation to sign.", hint="See: expertbuild sign --help")
        done = _sign(said.subject[0], said)
    if said.json:
        return print_json(done)
    print("\n".join(_lines(done)))
    return 0


def _sign(path: Path, said: argparse.Namespace) -> dict[str, Any]:
    from runtime.artifact import release
    from runtime.registry.cosigner import load_p256
    from runtime.registry.detached import is_rotation, read_answer, signable
    from runtime.registry.keyfile import named
    from runtime.registry.keys import load_private, load_public
    from runtime.registry.rotation import add_signature

    if not any((said.key, said.p256, said.attach)):
        raise Mistake("Nothing says which key signs.", hint="--key KEY, --p256 KEY.pem, or --attach ANSWER")
    out, done = said.out or path, {}
    if said.attach or said.key:
        wanted = signable(path)
        if said.attach:
            public = load_public(said.public) if said.public else None
            signature = read_answer(read_file(said.attach), wanted, public)
        else:
            signature = wanted.signed_by(load_private(named(said.key), ask=True))
        if is_rotation(path):
            write_file(out, add_signature(read_file(path), signature))
        else:
            release.attach(path, signature, out)
        done, path = {**wanted.summary, "key": signature.key}, out
    if said.p256:
        if is_rotation(path):
            raise Mistake("A co-signature is for packages.", where=str(path))
        cosigner = load_p256(named(said.p256), ask=True)
        release.cosign(path, cosigner, out)
        done = {**signable(out).summary, **done, "cosigned": cosigner.hint}
    return {"done": "signed", **done, "out": str(out)}


def _request(path: Path, out: Path, bare: Path | None) -> dict[str, Any]:
    from runtime.registry.detached import signable, write_request

    wanted = signable(path)
    write_file(out, write_request(wanted))
    if bare:
        write_file(bare, wanted.bytes)
    return {"done": "requested", **wanted.summary, "out": str(out)}


def _answer(path: Path, key: str | None, out: Path | None) -> dict[str, Any]:
    from runtime.registry.detached import read_request, write_answer
    from runtime.registry.keyfile import named
    from runtime.registry.keys import load_private

    wanted = read_request(read_file(path))
    if key is None:
        return {"done": "asked", **wanted.summary}
    out = _needed(out, "--out")
    signature = wanted.signed_by(load_private(named(key), ask=True))
    write_file(out, write_answer(wanted, signature))
    return {"done": "answered", **wanted.summary, "key": signature.key, "out": str(out)}


def _rotation(
    namespace: str, publics: Sequence[Path], threshold: int | None, key: str | None, out: Path
) -> dict[str, Any]:
    from runtime.registry.detached import signable
    from runtime.registry.keyfile import named
    from runtime.registry.keys import load_private, load_public
    from runtime.registry.rotation import sign_rotation, write_rotation
    from runtime.registry.succession import next_rotation

    if not publics:
        raise Mistake("Name the public keys that come next.", hint="expertbuild sign --rotation NAMESPACE NEW.pub ...")
    rotation = next_rotation(namespace, [load_public(path) for path in publics], threshold)
    signer = load_private(named(key), ask=True) if key else None
    write_file(out, sign_rotation(rotation, [signer]) if signer else write_rotation(rotation))
    return {
        "done": "signed" if signer else "written",
        **signable(out).summary,
        "key": signer and signer.id,
        "out": str(out),
    }


def _lines(done: Mapping[str, Any]) -> Iterator[str]:
    if done["what"] == "release":
        what = f"the release {done['name']} {done['version']} for {', '.join(done['variants'])}"
        more = f"  {done['members']} members, {done['bytes']:,} bytes"
    else:
        what = f"rotation {done['sequence']} of {done['namespace']}"
        more = f"  {done['threshold']} of these keys sign from then on: {', '.join(k[:SHORT] for k in done['keys'])}"
    heads = {
        "signed": f"Signed {what}",
        "requested": f"Asked for a signature of {what}",
        "asked": f"You are asked to sign {what}",
        "answered": f"Signed {what}",
        "written": f"Wrote {what}, which nobody has signed yet",
    }
    yield shown(heads[done["done"]])
    yield shown(more)
    yield shown(f"  id   {done['id']}")
    for word, field in (("key", "key"), ("p256", "cosigned"), ("out", "out")):
        if done.get(field):
            yield shown(f"  {word:<4} {done[field]}")
    if done["what"] == "rotation" and done["done"] == "signed":
        yield shown(f"  next expertbuild trust rotate {done['namespace']} {done['out']}")


def _needed(path: Path | None, word: str) -> Path:
    if path is None:
        raise Mistake(f"Say where the result goes: {word} FILE")
    return path
