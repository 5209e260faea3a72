"""Where an index may be, and where one of its answers may send us.

An address that a person typed may be anywhere that person can reach, as long as it is https, on this machine, or
allowed by hand. A redirect is typed by somebody else: it may lead to a public address or into the same kind of network
in which the index itself is, never from https to http, never to `file:`, never to a link-local address, where machines
of a cloud keep their credentials. A name is resolved once; the connection goes to the very address that was judged.
"""

import ipaddress
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from runtime.registry.refusals import IndexUnreachable, RedirectRefused, UnsafeAddress

_PORTS = {"http": 80, "https": 443}
_NEVER = frozenset({"link-local", "reserved"})
_LONGEST = 2000


@dataclass(frozen=True)
class Address:
    """An http or https URL, taken apart. `path` has the query with it."""

    scheme: str
    host: str
    port: int
    path: str


def place_of(text: str, insecure_http: bool) -> str:
    """The URL of an index as it is kept: https, http where that is safe or allowed, or the absolute path of a folder."""
    if text and "://" not in text and (folder := Path(text).expanduser()).is_dir():
        return str(folder.absolute())
    address = parse(text)
    if address is None:
        raise UnsafeAddress(
            f"{text[:200]!r} is not an address that an index can have.",
            hint="Give https://HOST/PATH, or a folder on this machine. file: and other schemes are not taken.",
        )
    if "?" in address.path:
        raise UnsafeAddress("The address of an index has no query.", where=text[:200])
    if address.scheme == "http" and not (insecure_http or _on_this_machine(address.host)):
        raise UnsafeAddress(
            "Plain http shows everybody on the way what you install, and lets them hold it back.",
            where=text[:200],
            hint="Use https, or say that you know: --insecure-http",
        )
    return text if text.endswith("/") else f"{text}/"


def parse(text: str) -> Address | None:
    """An http or https URL without name, password or fragment; None for everything else."""
    if len(text) > _LONGEST or not text.isascii() or not text.isprintable() or set(text) & set(' \\"<>'):
        return None
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc or "#" in text:
        return None
    path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
    return Address(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], path)


def resolve(address: Address) -> list[str]:
    """The numeric addresses of a host."""
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or "no such name"
        raise IndexUnreachable(f"The host {address.host} can not be found: {why}.") from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def kind(numeric: str) -> str:
    """In which kind of network a numeric address is: global, private, loopback, link-local or reserved."""
    ip = ipaddress.ip_address(numeric.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo or (None, None))[1]
        if ip in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return kind(str(inner))
    if ip.is_loopback:
        return "loopback"
    if ip.is_link_local:
        return "link-local"
    if ip.is_unspecified or ip.is_multicast:
        return "reserved"
    return "global" if ip.is_global else "private"


def follow(here: Address, location: str, home: frozenset[str], insecure_http: bool) -> tuple[Address, list[str]]:
    """Where a redirect leads, with the numeric addresses to connect to; refused if it leads where it must not.

    `home` are the kinds of network in which the index itself is.
    """
    from urllib.parse import urljoin

    target = parse(urljoin(f"{here.scheme}://{_netloc(here)}{here.path}", location))
    if target is None:
        raise RedirectRefused(f"An answer sends us to {location[:200]!r}, which is not a web address.")
    if target.scheme == "http" and here.scheme == "https":
        raise RedirectRefused(f"An answer sends us from https to {location[:200]!r}.")
    there = resolve(target)
    kinds = {kind(numeric) for numeric in there}
    if (target.host, target.port) != (here.host, here.port) and (bad := kinds - {"global"} - (home - _NEVER)):
        raise RedirectRefused(f"An answer sends us to {location[:200]!r}, a {min(bad)} address where the index is not.")
    if target.scheme == "http" and not insecure_http and kinds != {"loopback"}:
        raise RedirectRefused(f"An answer sends us to {location[:200]!r} over plain http.")
    return target, there


def _netloc(address: Address) -> str:
    host = f"[{address.host}]" if ":" in address.host else address.host
    return f"{host}:{address.port}"


def _on_this_machine(host: str) -> bool:
    """By its spelling alone: a name that leads here today may lead elsewhere tomorrow."""
    if host == "localhost":
        return True
    try:
        return kind(host) == "loopback"
    except ValueError:
        return False
