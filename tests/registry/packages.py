"""Real packages in a folder, signed by Alice unless it is said otherwise."""

from tests.artifact.samples import ALICE, sealed


def put(folder, name, version="1.0.0", requires=(), conflicts=(), *, signers=(ALICE,), bases=("nano",), **more):
    """acme/NAME in `folder`; `requires` and `conflicts` are mappings without the publisher. Returns the path."""
    path = folder / f"{name}-{version}.expert"
    relations = {
        word: {f"acme/{other}": text for other, text in dict(relation).items()}
        for word, relation in (("requires", requires), ("conflicts", conflicts))
    }
    sealed(path, bases, signers, name=name, version=version, **relations, **more)
    return path
