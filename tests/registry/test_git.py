"""Packages out of real repositories on disk; nothing in a repository, its address or the environment gets to act."""

import os
import subprocess

import pytest

from runtime.artifact.package import open_package
from runtime.artifact.refusals import NotAContainer
from runtime.registry.refusals import (
    PointerOnly,
    RepositoryRefused,
    RepositoryTooLarge,
    RepositoryTooSlow,
    UnsafeAddress,
)
from runtime.registry.sources import at
from runtime.registry.sources.commit import Limits
from runtime.registry.sources.git import GitSource, parse
from tests.artifact.samples import sealed
from tests.registry.conftest import snapshot

ZERO = "0" * 40


class Repository:
    """A repository that somebody else keeps."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        self.git("init", "-q", "-b", "main")

    def git(self, *words):
        identity = {
            f"GIT_{who}_{what}": "x@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        done = subprocess.run(
            ["git", "-c", "protocol.file.allow=always", *words],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder.parent), **identity},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def commit(self):
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "x")
        return self.git("rev-parse", "HEAD")

    def at(self, commit, path=""):
        return f"git+file://{self.folder}@{commit}{'#' + path if path else ''}"


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path / "theirs")


@pytest.fixture
def marker(tmp_path):
    """A command that leaves a trace if anybody runs it."""
    command = tmp_path / "trap.sh"
    command.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\nexec cat\n")
    command.chmod(0o755)
    yield command
    assert not (tmp_path / "sprung").exists(), "somebody ran the trap"


def only(source):
    (candidate,) = source.search("")
    return candidate


def refused(store, text, kind, sentence=".", limits=None):
    before = snapshot(store.root)
    with pytest.raises(kind, match=sentence) as caught:
        only(GitSource(parse(text), limits))
    assert caught.type is kind
    assert snapshot(store.root) == before


def test_a_package_in_a_commit_is_offered_fetched_and_installed(store, acme, repository, tmp_path):
    identity = sealed(repository.folder / "packages" / "sql.expert")
    source = at(repository.at(repository.commit()))
    (candidate,) = source.candidates("acme", "expert-sql")
    assert (candidate.id, candidate.version, candidate.full_name) == (identity, "0.1.0", "acme/expert-sql")
    assert list(source.publishers("expert-sql")) == ["acme"]
    assert [each.id for each in source.search("WRITES sql")] == [identity]
    assert list(source.search("cypher")) == []
    installed = store.install(candidate.fetch(tmp_path))
    assert (installed.id, installed.trust) == (identity, "trusted")


def test_a_commit_is_installed_by_its_address(run, store, acme, repository):
    sealed(repository.folder / "expert-sql.expert", ("nano",))
    address = repository.at(repository.commit())
    assert "Installed acme/expert-sql 0.1.0 for nano" in run("install", address)[1]
    assert "/theirs@" in store.find("expert-sql").record.source
    assert "Installed already" in run("install", address)[1]


@pytest.mark.parametrize(
    "word", ["ext::sh -c true", "git+https://example.org/x.git@main", "https://example.org/x.expert"]
)
def test_an_address_that_is_not_one_of_a_commit_is_refused_as_it_is_typed(run, store, word):
    with pytest.raises(UnsafeAddress):
        run("install", word)
    assert not store.root.exists()


def test_the_commit_that_was_named_is_fetched_and_not_the_newest(repository):
    first = sealed(repository.folder / "sql.expert")
    old = repository.commit()
    sealed(repository.folder / "sql.expert", version="0.2.0")
    repository.commit()
    assert only(at(repository.at(old))).id == first


def test_a_package_that_was_unpacked_in_the_repository_is_one_too(store, acme, repository, tmp_path):
    identity = sealed(tmp_path / "sql.expert")
    with open_package(tmp_path / "sql.expert") as package:
        for name in package.members:
            place = repository.folder / "experts" / "sql" / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(package.read(name))
    (repository.folder / "README.md").write_text("not a member\n")
    candidate = only(at(repository.at(repository.commit(), "experts/sql")))
    assert candidate.id == identity
    (tmp_path / "out").mkdir()
    assert store.install(candidate.fetch(tmp_path / "out")).id == identity


def test_a_path_narrows_a_commit_to_what_lies_there(repository):
    one = sealed(repository.folder / "a" / "sql.expert")
    sealed(repository.folder / "b" / "sql.expert", name="expert-json")
    commit = repository.commit()
    assert {each.name for each in at(repository.at(commit)).search("")} == {"expert-sql", "expert-json"}
    assert only(at(repository.at(commit, "a"))).id == one
    assert only(at(repository.at(commit, "a/sql.expert"))).id == one


@pytest.mark.parametrize(
    "text",
    [
        f"git+--upload-pack=/bin/sh@{ZERO}",
        f"git+-x@{ZERO}",
        f"git+ssh://-oProxyCommand=id/x@{ZERO}",
        f"git+ssh://-oProxyCommand=id@host/x@{ZERO}",
        f"git+ssh://host/-x@{ZERO}",
        f"git+ssh://host:2x/x@{ZERO}",
        f"git+https://-host/x@{ZERO}",
        f"git+https://user:secret@host/x@{ZERO}",
        f"git+https://host/../x@{ZERO}",
        f"git+https://host/x y@{ZERO}",
        f"git+https://host/x\n@{ZERO}",
        f"git+http://host/x@{ZERO}",
        f"git+git://host/x@{ZERO}",
        f"git+ext::sh -c id@{ZERO}",
        f"git+ext://host/x@{ZERO}",
        f"ext::sh -c id@{ZERO}",
        f"https://host/x.git@{ZERO}",
        f"git+file://host/x@{ZERO}",
        f"git+file:///x/../y@{ZERO}",
        f"git+host:x@{ZERO}",
        "git+https://host/x@main",
        "git+https://host/x@v1.0.0",
        "git+https://host/x",
        "git+ssh://git@host/x",
        f"git+https://host/x@{ZERO[:39]}",
        f"git+https://host/x@{ZERO[:39]}G",
        f"git+https://host/x@{ZERO.replace('0', 'A')}",
        f"git+https://host/x@{ZERO}^",
        f"git+https://host/x@{ZERO}#../x",
        f"git+https://host/x@{ZERO}#a/../../x",
        f"git+https://host/x@{ZERO}#-x",
        f"git+https://host/x@{ZERO}#:(top)x",
    ],
)
def test_an_address_that_git_could_take_for_something_else_is_refused(text):
    with pytest.raises(UnsafeAddress) as caught:
        at(text)
    assert caught.value.exit_code == 2
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "url", ["https://host.org/a/b.git", "https://host.org:8443/~a/b", "ssh://git@host.org/a/b.git", "file:///srv/a b"]
)
def test_an_ordinary_address_is_taken_apart(url):
    place = parse(f"git+{url}@{ZERO}#a/b")
    assert (place.url, place.commit, place.path) == (url, ZERO, "a/b")


def test_no_hook_runs_and_no_repository_says_what_does(store, repository, marker):
    """Hooks in the repository, its own configuration, and templates with hooks of the user's."""
    sealed(repository.folder / "sql.expert")
    commit = repository.commit()
    hooks = repository.folder / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("post-checkout", "post-merge", "pre-upload", "reference-transaction", "post-update", "pre-receive"):
        (hooks / name).symlink_to(marker)
    for key in ("uploadpack.packObjectsHook", "core.fsmonitor", "core.sshCommand", "core.gitProxy", "core.pager"):
        repository.git("config", key, str(marker))
    assert only(at(repository.at(commit))).version == "0.1.0"


def test_filters_and_large_file_storage_do_not_run(store, repository, marker, tmp_path, monkeypatch):
    """A smudge filter that the user has configured, for a file that the repository says it is for."""
    home = tmp_path / "users-home"
    home.mkdir()
    (home / ".gitconfig").write_text(f'[filter "lfs"]\n  smudge = {marker}\n  process = {marker}\n  required = true\n')
    monkeypatch.setenv("HOME", str(home))
    (repository.folder / ".gitattributes").write_text("*.expert filter=lfs diff=lfs merge=lfs -text\n")
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'1' * 64}\nsize 12\n"
    (repository.folder / "sql.expert").write_text(pointer)
    refused(store, repository.at(repository.commit()), PointerOnly, "pointer to sql.expert")
    (repository.folder / "sql.expert").unlink()
    identity = sealed(repository.folder / "sql.expert")
    assert only(at(repository.at(repository.commit()))).id == identity


def test_line_endings_are_not_converted(repository):
    (repository.folder / ".gitattributes").write_text("*.expert text eol=crlf working-tree-encoding=UTF-16\n")
    identity = sealed(repository.folder / "sql.expert")
    repository.git("add", ".gitattributes")
    oid = repository.git("hash-object", "-w", "--no-filters", "sql.expert")
    repository.git("update-index", "--add", "--cacheinfo", f"100644,{oid},sql.expert")
    repository.git("commit", "-q", "-m", "x")
    assert only(at(repository.at(repository.git("rev-parse", "HEAD")))).id == identity


def test_nothing_in_the_environment_configures_git(repository, marker, tmp_path, monkeypatch):
    sealed(repository.folder / "sql.expert")
    commit = repository.commit()
    elsewhere = Repository(tmp_path / "elsewhere")
    (tmp_path / "hostile.config").write_text(
        f'[url "file://{elsewhere.folder}"]\n  insteadOf = file://{repository.folder}\n'
        f"[uploadpack]\n  packObjectsHook = {marker}\n[core]\n  fsmonitor = {marker}\n  hooksPath = {tmp_path}\n"
    )
    settings = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "uploadpack.packObjectsHook",
        "GIT_CONFIG_VALUE_0": str(marker),
        "GIT_CONFIG_GLOBAL": str(tmp_path / "hostile.config"),
        "GIT_CONFIG_SYSTEM": str(tmp_path / "hostile.config"),
        "GIT_CONFIG_PARAMETERS": f"'uploadpack.packObjectsHook'='{marker}'",
        "GIT_SSH_COMMAND": str(marker),
        "GIT_ASKPASS": str(marker),
        "GIT_PROXY_COMMAND": str(marker),
        "GIT_EXTERNAL_DIFF": str(marker),
        "GIT_EXEC_PATH": str(tmp_path),
        "GIT_TEMPLATE_DIR": str(tmp_path),
        "GIT_DIR": str(elsewhere.folder / ".git"),
        "GIT_WORK_TREE": str(tmp_path),
        "GIT_INDEX_FILE": str(tmp_path / "index"),
        "GIT_OBJECT_DIRECTORY": str(tmp_path / "objects"),
        "GIT_TRACE": str(tmp_path / "traced"),
        "GIT_ALLOW_PROTOCOL": "ext:file",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    found = only(at(repository.at(commit)))
    assert found.version == "0.1.0"
    assert not (tmp_path / "traced").exists()


def test_submodules_are_not_fetched(repository, marker, tmp_path):
    inner = Repository(tmp_path / "inner")
    sealed(inner.folder / "evil.expert", name="expert-evil")
    inner.commit()
    repository.git("submodule", "add", "-q", str(inner.folder), "inner")
    repository.git("config", "-f", ".gitmodules", "submodule.inner.update", f"!{marker}")
    repository.git("config", "submodule.recurse", "true")
    sealed(repository.folder / "sql.expert")
    commit = repository.commit()
    try:
        names = [each.name for each in at(repository.at(commit)).search("")]
    except RepositoryRefused as refusal:  # git's own check may take offence at such a file
        assert "gitmodules" in str(refusal)
    else:
        assert names == ["expert-sql"]


def test_an_innocent_submodule_is_passed_over(repository, tmp_path):
    inner = Repository(tmp_path / "inner")
    sealed(inner.folder / "other.expert", name="expert-other")
    inner.commit()
    repository.git("submodule", "add", "-q", str(inner.folder), "inner")
    sealed(repository.folder / "sql.expert")
    assert only(at(repository.at(repository.commit()))).name == "expert-sql"


def test_a_hostile_submodule_address_is_refused(store, repository):
    sealed(repository.folder / "sql.expert")
    (repository.folder / ".gitmodules").write_text('[submodule "x"]\n  path = x\n  url = --upload-pack=id\n')
    refused(store, repository.at(repository.commit()), RepositoryRefused, "git can not fetch it")


def test_links_are_not_packages(store, repository, tmp_path):
    sealed(tmp_path / "outside.expert")
    (repository.folder / "sql.expert").symlink_to(tmp_path / "outside.expert")
    refused(store, repository.at(repository.commit()), RepositoryRefused, "no package")


def test_a_member_of_an_unpacked_package_can_not_lie_elsewhere(store, repository):
    """Git itself refuses such trees; so the name is one that only we refuse."""
    (repository.folder / "statement.json").write_text("{}")
    (repository.folder / "aux").write_text("a device on some systems")
    with pytest.raises(Exception, match="aux") as caught:
        only(at(repository.at(repository.commit())))
    assert type(caught.value).__name__ == "BadMemberName"


def test_what_only_calls_itself_a_package_is_refused(store, repository):
    (repository.folder / "sql.expert").write_text("hello, this is not a package at all\n")
    refused(store, repository.at(repository.commit()), NotAContainer)


def test_a_commit_that_is_not_there_is_one_sentence(store, repository):
    repository.commit()
    refused(store, repository.at("1" * 40), RepositoryRefused, "git can not fetch it")


def test_the_id_of_a_tree_or_a_file_is_not_a_commit(store, repository):
    sealed(repository.folder / "sql.expert")
    repository.commit()
    for what in ("HEAD^{tree}", "HEAD:sql.expert"):
        refused(store, repository.at(repository.git("rev-parse", what)), RepositoryRefused)


def test_a_repository_that_is_not_there_is_one_sentence(store, tmp_path):
    refused(store, f"git+file://{tmp_path}/nothing@{ZERO}", RepositoryRefused, "git can not fetch it")


def test_a_commit_beyond_the_limit_is_not_fetched(store, repository):
    (repository.folder / "noise.expert").write_bytes(os.urandom(3_000_000))
    text = repository.at(repository.commit())
    refused(store, text, RepositoryTooLarge, "more than 1,000,000 bytes", Limits(bytes=1_000_000))


def test_many_small_files_count_together(store, repository):
    for number in range(5):
        (repository.folder / f"{number}.bin").write_bytes(os.urandom(500_000))
    text = repository.at(repository.commit())
    refused(store, text, RepositoryTooLarge, "more than 1,000,000 bytes", Limits(bytes=1_000_000))


def test_a_small_pack_that_becomes_large_is_not_read(store, repository):
    """Zeros compress a thousandfold: the pack is within the limit, what it says it holds is not."""
    (repository.folder / "zeros.expert").write_bytes(bytes(8_000_000))
    text = repository.at(repository.commit())
    refused(store, text, RepositoryTooLarge, "more than 1,000,000 bytes", Limits(bytes=1_000_000))


def test_a_tree_that_names_itself_a_million_times_is_not_walked(store, repository):
    """Ten entries of ten entries of ...: a listing that no disk would hold."""
    oid = repository.git("hash-object", "-w", "--stdin", "-t", "blob")
    kind = "100644 blob"
    for _ in range(8):
        lines = "\n".join(f"{kind} {oid}\t{n}.expert" for n in range(10))
        done = subprocess.run(
            ["git", "mktree"], cwd=repository.folder, input=lines, capture_output=True, text=True, check=True
        )
        oid, kind = done.stdout.strip(), "040000 tree"
    commit = repository.git("commit-tree", "-m", "x", oid)
    repository.git("update-ref", "refs/heads/main", commit)
    refused(store, repository.at(commit), RepositoryTooLarge)


def test_a_repository_that_does_not_answer_is_given_up(store, repository):
    sealed(repository.folder / "sql.expert")
    refused(store, repository.at(repository.commit()), RepositoryTooSlow, "more than 0 s", Limits(seconds=0))


def test_what_was_fetched_goes_with_the_source(repository, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    sealed(repository.folder / "sql.expert")
    source = at(repository.at(repository.commit()))
    assert only(source)
    assert list((tmp_path / "scratch").iterdir())
    del source
    assert not list((tmp_path / "scratch").iterdir())
