"""From a name that somebody types to what is installed, with real packages."""

import json
import os
from dataclasses import replace

import pytest

from runtime.artifact.refusals import BadDocument, ChecksumWrong
from runtime.errors import Mistake
from runtime.registry.carrying import Allowed, carry_out, fetch
from runtime.registry.offers import Want
from runtime.registry.plan import make_plan
from runtime.registry.refusals import (
    Ambiguous,
    BadRange,
    NotAsOffered,
    NotOffered,
    SameVersion,
    UnknownPublisher,
    Unresolvable,
    Unsigned,
    WouldBreak,
)
from runtime.registry.sources.folder import FolderSource
from runtime.registry.store import Store
from runtime.registry.trust import add_keys, load_trust
from tests.artifact.samples import ALICE, MALLORY
from tests.registry.conftest import snapshot
from tests.registry.packages import put


def there(store):
    return [installed.reference.removeprefix("acme/") for installed in store.list()]


def test_a_name_brings_what_it_requires(run, store, acme, shop):
    code, text = run("install", "app", "--from", shop)
    assert code == 0
    assert "Installed acme/lib 1.2.0 for nano (trusted, key " in text
    assert "because acme/app requires ^1.1" in text
    assert there(store) == ["app@1.1.0", "lib@1.2.0"]
    assert store.find("lib").record.source == f"folder {shop}"
    assert "Installed already: acme/app 1.1.0" in run("install", "app")[1]  # and no source is asked


def test_a_range_or_a_version_can_be_asked_for(run, store, acme, shop):
    run("install", "acme/app@1.0.0", "lib@~1.0", "--from", shop)
    assert there(store) == ["app@1.0.0", "lib@1.0.0"]
    run("install", "app@^1.1", "--from", shop)  # and lib with it, as far as it must
    assert there(store) == ["app@1.0.0", "app@1.1.0", "lib@1.0.0", "lib@1.2.0"]


def test_an_older_version_asked_for_by_itself_stands_beside(run, store, acme, shop):
    run("install", "lib", "--from", shop)
    text = run("install", "lib@1.0.0", "--from", shop)[1]
    assert "acme/lib still means 2.0.0; this one is acme/lib@1.0.0" in text
    put(shop, "lib", "3.0.0-rc.1")
    with pytest.raises(Unresolvable, match=r"prerelease; if you want it: acme/lib@3\.0\.0-rc\.1"):
        run("install", "lib@^3", "--from", shop)
    run("install", "lib@3.0.0-rc.1", "--from", shop)
    assert there(store) == ["lib@1.0.0", "lib@2.0.0", "lib@3.0.0-rc.1"]
    assert store.find("lib").version == "2.0.0"


def test_a_file_brings_what_it_requires_too(run, store, acme, shop, turned_away):
    file = put(shop.parent, "tool", requires={"lib": "^2"})
    error = turned_away(NotOffered, "install", file)
    assert "No source has acme/lib, which acme/tool 1.0.0 requires" in str(error)
    assert "--from FOLDER" in str(error)
    run("install", file, "--from", shop)
    assert there(store) == ["lib@2.0.0", "tool@1.0.0"]
    assert store.find("tool").record.source == ""
    run("uninstall", "tool", "lib")
    run("install", file, shop / "lib-2.0.0.expert")
    assert there(store) == ["lib@2.0.0", "tool@1.0.0"]


def test_whatever_is_required_can_be_left_out_and_the_list_says_so(run, store, acme, shop):
    file = put(shop.parent, "tool", requires={"lib": "^2"}, conflicts={"app": "*"})
    run("install", "app", "--from", shop)
    run("install", file, "--force")
    text = run("list")[1]
    assert "acme/tool 1.0.0 requires acme/lib ^2, and 1.2.0 is installed." in text
    assert "acme/tool 1.0.0 conflicts with acme/app *, and 1.1.0 is installed." in text
    listed = {each["name"]: each["faults"] for each in json.loads(run("list", "--json")[1])}
    assert len(listed["acme/tool"]) == 2
    assert listed["acme/app"] == []
    run("install", "lib@1.0.0", "--from", shop)  # what was broken before hinders nothing else


def test_what_would_be_installed_can_be_asked_first(run, store, acme, shop):
    text = run("install", "app", "--from", shop, "--dry-run")[1]
    assert f"acme/lib 1.2.0 (acme/app requires ^1.1; folder {shop})" in text
    assert f"acme/app 1.1.0 (asked for; folder {shop})" in text
    changes = json.loads(run("install", "app", "--from", shop, "--dry-run", "--json")[1])["changes"]
    assert [(change["name"], change["version"]) for change in changes] == [("acme/lib", "1.2.0"), ("acme/app", "1.1.0")]
    assert store.list() == []


def test_a_base_is_a_hard_filter(run, store, acme, shop, turned_away):
    put(shop, "app", "1.2.0", {"lib": "^1"}, bases=("qwen3-0.6b",))
    put(shop, "lib", "1.3.0", bases=("nano", "qwen3-0.6b"))
    assert "acme/app 1.2.0" in run("install", "app", "--from", shop, "--dry-run")[1]
    by_digest = run("install", "app", "--from", shop, "--base", "1" * 12, "--dry-run")[1]
    assert "acme/app 1.1.0" in by_digest and "acme/app 1.2.0" not in by_digest
    by_name = run("install", "app", "--from", shop, "--base", "qwen3-0.6b", "--dry-run")[1]
    assert "acme/app 1.2.0" in by_name and "acme/lib 1.3.0" in by_name
    # nano has a digest in conf/base, and what the packages call nano is another
    error = turned_away(Unresolvable, "install", "app", "--from", shop, "--base", "nano")
    assert "has no variant for nano" in str(error)
    turned_away(Mistake, "install", "app", "--from", shop, "--base", "../x")


# What is refused leaves the store as it was.


def test_a_name_that_nobody_has_is_named(turned_away, acme, shop):
    assert "No source has an expert called nothing" in str(
        turned_away(NotOffered, "install", "nothing", "--from", shop)
    )
    assert "No source has acme/nothing" in str(turned_away(NotOffered, "install", "acme/nothing", "--from", shop))
    assert f"Asked: folder {shop}" in str(turned_away(NotOffered, "install", "acme/nothing", "--from", shop))


def test_a_requirement_that_nobody_has_is_named_with_who_wants_it(turned_away, acme, shop):
    """SAFETY 36: an error, never a guess."""
    put(shop, "deep", requires={"middle": "*"})
    put(shop, "middle", requires={"gone": "^2"})
    error = turned_away(NotOffered, "install", "deep", "app", "--from", shop)
    assert "No source has acme/gone, which acme/middle 1.0.0 requires" in str(error)
    assert error.exit_code == 2


def test_what_does_not_go_together_is_explained(run, turned_away, acme, shop):
    put(shop, "tool", requires={"lib": "^2"})
    error = turned_away(Unresolvable, "install", "app", "tool", "--from", shop)
    text = str(error)
    assert "These do not go together: acme/app and acme/tool." in text
    assert "acme/tool 1.0.0 requires acme/lib ^2." in text
    assert "Of acme/lib there is 2.0.0, 1.2.0, 1.0.0, from folder" in text
    assert "Leave one of them out." in text
    run("install", "app", "--from", shop)
    text = str(turned_away(Unresolvable, "install", "tool", "--from", shop))
    assert "acme/app 1.1.0, which is installed, requires acme/lib ^1.1." in text
    assert "expertbuild uninstall acme/app" in text
    put(shop, "app", "1.2.0", {"lib": "*"})
    text = str(turned_away(Unresolvable, "install", "tool", "--from", shop))
    assert "expertbuild install acme/tool acme/app" in text  # it was tried, and it helps
    run("install", "tool", "app", "--from", shop)


def test_a_yanked_version_is_not_installed_and_the_reason_is_shown(store, acme, shop):
    """SAFETY 34."""

    class Yanking(FolderSource):
        def candidates(self, publisher, name):
            for one in super().candidates(publisher, name):
                yield replace(one, yanked="leaks\x1b[2J") if one.version == "2.0.0" else one

    plan = make_plan(store, [Want("acme/lib")], [Yanking(shop)])
    assert plan.chosen["acme/lib"].version == "1.2.0"
    with pytest.raises(Unresolvable) as caught:
        make_plan(store, [Want("acme/lib", "^2")], [Yanking(shop)])
    assert "acme/lib 2.0.0 was yanked: leaks\\x1b[2J." in str(caught.value)


def test_of_a_set_everything_is_verified_before_anything_is_installed(turned_away, acme, shop):
    path = shop / "app-1.1.0.expert"
    data = bytearray(path.read_bytes())
    data[data.index(b"# expert-sql") + 2] ^= 1
    path.write_bytes(data)
    error = turned_away(ChecksumWrong, "install", "app", "--from", shop)
    assert "README.md" in str(error)


def test_one_unsigned_package_of_a_set_keeps_the_whole_set_out(turned_away, run, store, acme, shop):
    put(shop, "app", "1.1.0", {"lib": "^1.1"}, signers=())
    error = turned_away(Unsigned, "install", "app", "--from", shop)
    assert "acme/app 1.1.0" in str(error)
    run("install", "app", "--from", shop, "--allow-unsigned")
    assert [installed.trust for installed in store.list()] == ["unsigned", "trusted"]


def test_what_came_by_name_is_never_taken_on_faith(turned_away, shop):
    error = turned_away(UnknownPublisher, "install", "app", "--from", shop)
    assert "expertbuild trust add acme" in str(error)
    assert "--trust-first-use" not in str(error)
    turned_away(Mistake, "install", "app", "--from", shop, "--trust-first-use")
    # a file beside it may be, and the name gains nothing by that
    put(shop, "evil", signers=[MALLORY], publisher="evil")
    turned_away(UnknownPublisher, "install", "app", shop / "evil-1.0.0.expert", "--from", shop, "--trust-first-use")
    assert load_trust().namespaces == {}


def test_a_set_of_files_is_taken_on_faith_together_or_not_at_all(run, turned_away, store, shop):
    mixed = put(shop, "evil", signers=[MALLORY])
    from runtime.registry.refusals import WrongSigner

    turned_away(WrongSigner, "install", shop / "lib-2.0.0.expert", mixed, "--trust-first-use")
    assert load_trust().namespaces == {}
    run("install", shop / "lib-1.2.0.expert", shop / "app-1.1.0.expert", "--trust-first-use")
    assert [installed.trust for installed in store.list()] == ["first-use", "first-use"]
    assert store.find("app").record.trust.basis == store.find("lib").record.trust.basis != ""


def test_a_package_that_is_not_the_one_that_was_offered_is_refused(store, acme, shop, tmp_path):
    [*ones] = FolderSource(shop).candidates("acme", "app")
    for lie in (
        {"id": "0" * 64},
        {"version": "9.0.0"},
        {"requires": {}},
        {"conflicts": {"acme/x": "*"}},
        {"variants": {"nano": {"base": "7" * 64, "tokenizer": "2" * 64}}},
        {"name": "lib"},
    ):
        with pytest.raises(NotAsOffered, match=next(iter(lie))) as caught:
            fetch(replace(ones[0], **lie), tmp_path / next(iter(lie)))
        assert caught.type is NotAsOffered
    assert not store.root.exists()


def test_a_version_with_other_bytes_than_the_installed_one_is_refused(run, turned_away, acme, shop, tmp_path):
    run("install", "lib", "--from", shop)
    other = put(tmp_path, "lib", "2.0.0", value=2.0)
    turned_away(SameVersion, "install", other)
    assert "Installed acme/lib" in run("install", other, "--replace")[1]


@pytest.mark.parametrize("word", ["app@latest", "app@", "a b", "acme/../lib", "a/b/c", "app@^1 ^y", "-"])
def test_words_that_name_nothing_are_the_users_mistake(run, shop, word):
    with pytest.raises(Mistake) as caught:
        run("install", word, "--from", shop)
    assert type(caught.value) in (Mistake, BadRange)


def test_a_bare_name_of_two_publishers_is_asked_back(run, turned_away, acme, shop):
    add_keys("other", [ALICE.public])
    put(shop, "lib", "5.0.0", publisher="other")
    error = turned_away(Ambiguous, "install", "lib", "--from", shop)
    assert "acme/lib or other/lib" in str(error)
    run("install", "acme/lib", "--from", shop)
    assert "Installed already: acme/lib" in run("install", "lib", "--from", shop)[1]
    turned_away(Ambiguous, "install", "lib@^5", "--from", shop)


def test_a_source_that_is_none_is_the_users_mistake(turned_away, tmp_path):
    turned_away(Mistake, "install", "app", "--from", tmp_path / "nowhere")


def test_cut_packages_of_one_release_add_up_in_one_command(run, store, acme, package, tmp_path):
    from runtime.artifact.release import cut

    for base in ("nano", "qwen3-0.6b"):
        cut(package, [base], tmp_path / f"{base}.expert")
    run("install", tmp_path / "nano.expert", tmp_path / "qwen3-0.6b.expert")
    assert set(store.find("expert-sql").variants) == {"nano", "qwen3-0.6b"}
    assert len(os.listdir(store.packages)) == 1
    assert store.install(package).fresh is False


# SAFETY 41, 42 for sets.


def test_a_source_that_answers_with_paths_for_names_gains_nothing(store, acme, shop, tmp_path):
    class Climbing(FolderSource):
        def candidates(self, publisher, name):
            for one in super().candidates(publisher, name):
                yield replace(one, name="../../evil", version="../..")
                yield replace(one, publisher="..", id="1" * 64)

    with pytest.raises(NotOffered):
        make_plan(store, [Want("acme/lib")], [Climbing(shop)])
    assert not store.root.exists()


def test_two_sets_at_once_that_can_not_live_together_leave_one_winner(store, acme, shop):
    put(shop, "cat")
    put(shop, "dog", conflicts={"cat": "*"})
    plans = [make_plan(store, [Want(f"acme/{name}")], [FolderSource(shop)]) for name in ("cat", "dog")]
    children = []
    for plan in plans:
        child = os.fork()
        if child == 0:
            try:
                carry_out(Store(), plan, Allowed())
                os._exit(0)
            except WouldBreak:
                os._exit(3)
            finally:
                os._exit(1)
        children.append(child)
    ends = sorted(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children)
    assert ends == [0, 3]
    assert len(store.list()) == len(os.listdir(store.packages)) == 1


def test_a_set_killed_at_any_moment_never_leaves_a_requirement_unmet(store, acme, shop):
    from runtime.registry.relations import as_candidate, current, faults
    from tests.registry.test_crash import is_sound, killed_at

    plan = make_plan(store, [Want("acme/app")], [FolderSource(shop)])
    step, killed, seen = 0, True, set()
    while killed:
        killed = killed_at(step, lambda: carry_out(store, plan, Allowed()))
        everything = store.list()
        seen.add(len(everything))
        assert is_sound(store)
        assert not faults(current(map(as_candidate, everything)))
        if everything:
            store.uninstall_all([installed.reference for installed in everything])
        step += 7
    assert 0 in seen and 2 in seen


def test_a_full_disk_in_the_middle_of_a_set_leaves_nothing(store, acme, shop):
    import resource

    from runtime.errors import Problem

    store.install(shop / "lib-1.0.0.expert")
    put(shop, "big", requires={"lib": "^2"}, summary="x" * 400)
    plan = make_plan(store, [Want("acme/big")], [FolderSource(shop)])
    before = snapshot(store.root)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2500, limits[1]))
    try:
        with pytest.raises(Problem):
            carry_out(store, plan, Allowed())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert snapshot(store.root) == before


def test_a_package_whose_ranges_can_not_be_read_is_refused(turned_away, store, acme, tmp_path):
    path = put(tmp_path, "odd", requires={"lib": "latest"})
    assert "names acme/lib in a range that can not be read" in str(
        turned_away(Unresolvable, "install", path, "--force")
    )
    with pytest.raises(BadDocument, match="requires acme/lib"):
        store.install(path)
    assert store.list() == []
