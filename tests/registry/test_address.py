"""Where an index may be, and where an answer may lead."""

import pytest

from runtime.registry.index.address import Address, follow, kind, parse, place_of
from runtime.registry.refusals import IndexUnreachable, RedirectRefused, UnsafeAddress


@pytest.mark.parametrize(
    ("numeric", "expected"),
    [
        ("127.0.0.1", "loopback"),
        ("127.8.9.1", "loopback"),
        ("::1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("169.254.169.254", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("::ffff:169.254.169.254", "link-local"),
        ("64:ff9b::a9fe:a9fe", "link-local"),
        ("2002:a9fe:a9fe::", "link-local"),
        ("10.1.2.3", "private"),
        ("172.16.0.1", "private"),
        ("192.168.0.1", "private"),
        ("100.64.0.1", "private"),
        ("fd00:ec2::254", "private"),
        ("0.0.0.0", "reserved"),
        ("::", "reserved"),
        ("224.0.0.1", "reserved"),
        ("93.184.216.34", "global"),
        ("2606:4700::1111", "global"),
    ],
)
def test_an_address_is_judged_by_the_network_that_it_leads_into(numeric, expected):
    assert kind(numeric) == expected


@pytest.mark.parametrize(
    "text",
    [
        "file:///srv/index",
        "file://localhost/srv/index",
        "ftp://example.org/",
        "http://example.org/",
        "http://10.0.0.1/",
        "http://localhost.example.org/",
        "http://2130706433/",
        "http://127.1/",
        "https://user:secret@example.org/",
        "https://example.org/?x=1",
        "https://example.org/#x",
        "https://example.org:99999/",
        "https:///x",
        "https://exam ple.org/",
        "https://example.org/\n",
        "https://exämple.org/",
        "javascript:alert(1)",
        "no-such-folder",
        "",
    ],
)
def test_an_address_that_no_index_may_have_is_refused(text):
    with pytest.raises(UnsafeAddress) as caught:
        place_of(text, False)
    assert caught.value.exit_code == 2


def test_addresses_that_an_index_may_have(tmp_path):
    assert place_of("https://example.org/experts", False) == "https://example.org/experts/"
    assert place_of("http://127.0.0.1:8000", False) == "http://127.0.0.1:8000/"
    assert place_of("http://localhost/", False) == "http://localhost/"
    assert place_of("http://[::1]:8000/", False) == "http://[::1]:8000/"
    assert place_of("http://10.0.0.1/", True) == "http://10.0.0.1/"
    assert place_of(str(tmp_path), False) == str(tmp_path)


def test_an_address_is_taken_apart():
    assert parse("https://example.org/a?b=c") == Address("https", "example.org", 443, "/a?b=c")
    assert parse("http://[::1]:80") == Address("http", "::1", 80, "/")
    assert parse("https://a@b/") is None


HERE = Address("https", "93.184.216.34", 443, "/experts/metadata/timestamp.json")


def test_an_index_in_a_private_network_may_point_into_it_and_a_public_one_may_not():
    to = "https://10.0.0.7/x"
    assert follow(HERE, to, frozenset({"private"}), False)[1] == ["10.0.0.7"]
    with pytest.raises(RedirectRefused, match="private"):
        follow(HERE, to, frozenset({"global"}), False)
    with pytest.raises(RedirectRefused, match="link-local"):
        follow(HERE, "https://169.254.169.254/", frozenset({"link-local", "private"}), False)


def test_a_path_stays_on_its_host():
    assert follow(HERE, "../x", frozenset({"global"}), False)[0] == Address("https", "93.184.216.34", 443, "/experts/x")


def test_https_is_never_left_and_http_only_followed_where_it_was_allowed():
    with pytest.raises(RedirectRefused, match="from https"):
        follow(HERE, "http://93.184.216.34/", frozenset({"global"}), True)
    plain = Address("http", "93.184.216.34", 80, "/")
    assert follow(plain, "http://93.184.216.34/x", frozenset({"global"}), True)[0].path == "/x"
    assert follow(plain, "https://93.184.216.34/x", frozenset({"global"}), False)[0].scheme == "https"
    with pytest.raises(RedirectRefused, match="plain http"):
        follow(plain, "http://93.184.216.34/x", frozenset({"global"}), False)


def test_a_name_that_nobody_knows_is_out_of_reach():
    with pytest.raises(IndexUnreachable, match="can not be found"):
        follow(HERE, "https://no-such-host.invalid/", frozenset({"global"}), False)
