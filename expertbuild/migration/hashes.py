"""Hashes that a manifest declares: whether they could be hashes at all. Whether a file has them, `weights` finds out."""

import re

from expertbuild.migration.fields import Found, Section

DIGEST_FIELDS = ("sha256", "hash", "checksum", "digest", "sha256sum")
OF_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
_DIGEST = re.compile(r"(?:sha256[:-])?([0-9a-f]{64})", re.IGNORECASE)


def digest_of(value: object) -> str | None:
    """The hash in 64 small hexadecimal digits, or None for what is none."""
    found = _DIGEST.fullmatch(value.strip()) if isinstance(value, str) else None
    return found[1].lower() if found else None


def doubt(value: object) -> str:
    """Why a hash is none, or nothing."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return "an empty hash: it says nothing of any file"
    digest = digest_of(value)
    if digest is None:
        return "not a SHA-256: 64 hexadecimal digits are"
    if digest == OF_NOTHING:
        return "the hash of nothing at all"
    return "always the same digit: no hash of a file" if len(set(digest)) == 1 else ""


def declared(section: Section) -> Found[str] | None:
    """A hash that could be one; what could not is told as doubted."""
    for name in DIGEST_FIELDS:
        path = (*section.path, name)
        if name not in section.value or path in section.account:
            continue
        why = doubt(section.value[name])
        if not why:
            return Found(path, str(digest_of(section.value[name])))
        section.account.doubted(path, why)
    return None


def doubt_digest(section: Section, why: str) -> None:
    """A hash that nothing here can be compared with."""
    found = declared(section)
    if found is not None:
        section.account.doubted(found.path, why)
