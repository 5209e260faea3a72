import json
import os

import pytest

from runtime.registry.audit import audit
from runtime.registry.commands.verify import verify
from runtime.registry.trust import remove_keys

SLOTS = "variants/nano/slots.safetensors"


def faults(store):
    found = audit(store, store.find("expert-sql"))
    return " ".join(found.faults)


@pytest.fixture
def installed(store, acme, package):
    installed = store.install(package)
    for path in [installed.directory, *installed.directory.rglob("*")]:
        path.chmod(0o755)
    return installed


def test_what_was_not_touched_has_no_faults(store, installed):
    assert faults(store) == ""


@pytest.mark.parametrize("name", [SLOTS, "README.md", "manifest.json", "statement.json", "signatures.json"])
def test_a_changed_file_is_found_even_with_its_old_size_and_time(store, installed, name):
    path = installed.path(name)
    times = path.stat()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert f"{name} was changed" in faults(store)


def test_files_that_are_gone_or_new_or_links_are_found(store, installed):
    installed.path("README.md").unlink()
    (installed.directory / "more.py").write_text("import os")
    assert "README.md is gone" in faults(store)
    assert "more.py was added" in faults(store)
    (installed.directory / "README.md").symlink_to("/etc/hostname")
    assert "not a plain file" in faults(store)


def test_a_record_changed_together_with_the_file_is_found_by_the_statement(store, installed):
    import hashlib

    from blake3 import blake3

    path = installed.path("README.md")
    path.write_bytes(b"# expert-xxx\n")
    place = store.records / "acme" / "expert-sql" / "0.1.0.json"
    record = json.loads(place.read_text())
    record["members"]["README.md"] |= {
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "blake3": blake3(path.read_bytes()).hexdigest(),
        "mtime_ns": path.stat().st_mtime_ns,
    }
    place.write_text(json.dumps(record))
    assert bytes(store.find("expert-sql").open("README.md")) == b"# expert-xxx\n"  # the hot path trusts the record
    assert "README.md is not the one that was signed" in faults(store)


def test_a_publisher_who_is_no_longer_trusted_is_found(store, installed):
    remove_keys("acme")
    assert "installed as trusted and is no longer trusted" in faults(store)


def test_a_whole_package_whose_publisher_is_not_trusted_is_not_called_changed(store, installed, capsys):
    remove_keys("acme")
    assert audit(store, store.find("expert-sql")).whole
    assert verify(["expert-sql"]) == 1
    assert "whole and unchanged, but no longer trusted" in capsys.readouterr().out
    installed.path("README.md").write_text("other")
    assert verify(["expert-sql"]) == 1
    assert "not what was signed" in capsys.readouterr().out


def test_times_that_are_off_are_repaired_when_the_content_is_proved(store, installed):
    os.utime(installed.path(SLOTS), ns=(1, 1))
    assert faults(store) == ""
    assert store.find("expert-sql").open(SLOTS) is not None
