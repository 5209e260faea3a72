"""Old packages: honest ones as Python's tarfile writes them, and others with whatever a hostile hand puts in."""

import gzip
import io
import tarfile
from pathlib import Path
from typing import Any

MINIMAL = b'{"schema_version": "2.0", "name": "expert-tar", "base_models": []}'


def entry(name: str, data: bytes = b"x", **header: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in header.items():
        setattr(info, key, value)
    return info, data


def tar(entries: list[tuple[tarfile.TarInfo, bytes]], form: int = tarfile.USTAR_FORMAT, **words: Any) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form, **words) as made:
        for info, data in entries:
            made.addfile(info, io.BytesIO(data))
    return out.getvalue()


def package(folder: Path, *entries: tuple[tarfile.TarInfo, bytes], form: int = tarfile.USTAR_FORMAT) -> Path:
    """A tar.gz with a manifest and these entries after it."""
    return packed(folder, tar([entry("manifest.json", MINIMAL), *entries], form))


def packed(folder: Path, content: bytes) -> Path:
    path = folder / "package.tar.gz"
    path.write_bytes(gzip.compress(content, mtime=0))
    return path


def patched(content: bytes, block: int, begin: int, data: bytes) -> bytes:
    """The tar with bytes of one header changed, and its checksum made right again."""
    header = bytearray(content[block * 512 : block * 512 + 512])
    header[begin : begin + len(data)] = data
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header):06o}\0 ".encode()
    return content[: block * 512] + bytes(header) + content[block * 512 + 512 :]
