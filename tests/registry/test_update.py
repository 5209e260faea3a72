"""What `update` changes, what it leaves, and what it says about both."""

import json

from runtime.registry.refusals import NotInstalled, NotOffered, Unsigned
from tests.registry.packages import put


def there(store):
    return [installed.reference.removeprefix("acme/") for installed in store.list()]


def test_everything_comes_to_the_newest_that_fits_everybody(run, store, acme, shop):
    run("install", "app@1.0.0", "lib@1.0.0", "--from", shop)
    dry = run("update", "--from", shop, "--dry-run")[1]
    assert f"acme/lib 1.0.0 -> 1.2.0 (asked for; folder {shop})" in dry
    assert "acme/app 1.0.0 is removed." in dry
    assert there(store) == ["app@1.0.0", "lib@1.0.0"]
    text = run("update", "--from", shop)[1]
    assert "Updated acme/lib 1.0.0 -> 1.2.0" in text
    assert "Removed acme/lib 1.0.0." in text
    assert "acme/lib stays at 1.2.0: 2.0.0 does not fit: acme/app 1.1.0 requires acme/lib ^1.1." in text
    assert there(store) == ["app@1.1.0", "lib@1.2.0"]
    assert "Nothing to update: 2 looked at." in run("update", "--from", shop)[1]


def test_what_is_replaced_can_be_kept(run, store, acme, shop):
    run("install", "lib@1.0.0", "--from", shop)
    run("update", "--keep", "--from", shop)
    assert there(store) == ["lib@1.0.0", "lib@2.0.0"]


def test_only_what_is_named_is_updated_and_what_the_new_version_requires_comes_along(run, store, acme, shop):
    put(shop, "app", "2.0.0", {"lib": "^2", "more": "*"})
    put(shop, "more")
    run("install", "app@1.0.0", "lib@1.0.0", "--from", shop)
    text = run("update", "app", "--from", shop)[1]
    assert "Updated acme/app 1.0.0 -> 2.0.0" in text
    assert "Updated acme/lib 1.0.0 -> 2.0.0 (acme/app requires ^2;" in text
    assert "Installed acme/more 1.0.0" in text
    assert there(store) == ["app@2.0.0", "lib@2.0.0", "more@1.0.0"]


def test_nothing_is_downgraded_and_no_prerelease_sneaks_in(run, store, acme, shop):
    put(shop, "lib", "3.0.0-rc.1")
    run("install", "lib", "--from", shop)
    (shop / "lib-2.0.0.expert").unlink()
    assert "Nothing to update" in run("update", "--from", shop)[1]
    assert there(store) == ["lib@2.0.0"]


def test_a_prerelease_that_is_installed_is_left_for_its_release(run, store, acme, shop):
    put(shop, "lib", "3.0.0-rc.1")
    run("install", "lib@3.0.0-rc.1", "--from", shop)
    put(shop, "lib", "3.0.0-rc.2")
    put(shop, "lib", "3.0.0")
    assert "Updated acme/lib 3.0.0-rc.1 -> 3.0.0" in run("update", "--from", shop)[1]


def test_what_was_built_or_named_as_a_file_stays_where_nobody_offers_it(run, store, acme, shop):
    store.install(shop / "lib-1.0.0.expert")
    assert "Nothing to update: 1 looked at." in run("update")[1]


def test_what_changes_comes_as_one_document(run, store, acme, shop):
    run("install", "lib@1.0.0", "--from", shop)
    done = json.loads(run("update", "--json", "--from", shop)[1])
    assert [(change["before"], change["version"]) for change in done["changes"]] == [("1.0.0", "2.0.0")]
    assert done["removed"] == ["acme/lib@1.0.0"]


def test_an_update_that_is_refused_changes_nothing(run, turned_away, store, acme, shop):
    run("install", "app", "--from", shop)
    put(shop, "app", "1.2.0", {"lib": "^1"}, signers=())
    put(shop, "lib", "1.3.0")
    turned_away(Unsigned, "update", "--from", shop)
    turned_away(NotInstalled, "update", "nothing", "--from", shop)


def test_something_that_lacks_what_nobody_has_is_named(run, turned_away, store, acme, shop):
    run("install", put(shop, "odd", requires={"gone": "*"}), "--force")
    error = turned_away(NotOffered, "update", "--from", shop)
    assert "No source has acme/gone, which acme/odd 1.0.0 requires." in str(error)


# Removing.


def test_what_is_required_is_not_removed_unless_one_insists(run, turned_away, store, acme, shop):
    from runtime.registry.refusals import WouldBreak

    run("install", "app", "--from", shop)
    error = turned_away(WouldBreak, "uninstall", "lib")
    assert "acme/app 1.1.0 requires acme/lib ^1.1, and it is not installed." in str(error)
    assert "--force" in error.hint
    turned_away(NotInstalled, "uninstall", "app", "lib", "nothing")
    run("uninstall", "lib", "--force")
    assert "acme/app 1.1.0 requires acme/lib ^1.1, and it is not installed." in run("list")[1]
    run("install", "app", "--from", shop)  # brings back what is lacking
    assert there(store) == ["app@1.1.0", "lib@1.2.0"]
    run("uninstall", "lib", "app")
    assert there(store) == []


def test_an_older_version_that_takes_its_place_is_enough(run, store, acme, shop):
    run("install", "lib@1.2.0", "--from", shop)
    run("install", "lib@1.0.0", "--from", shop)
    run("install", "app@1.0.0", "--from", shop)
    run("uninstall", "lib@1.2.0")
    assert there(store) == ["app@1.0.0", "lib@1.0.0"]
