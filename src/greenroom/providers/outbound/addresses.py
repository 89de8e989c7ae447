"""Which addresses a server may be made to call: the public internet, and what its operator lists, nothing else.

Ways around that this closes: names that resolve to inside addresses, second answers of a name server
(the address that was checked is the one that is connected to), other spellings of 127.0.0.1, addresses inside
other addresses (mapped, 6to4, NAT64, Teredo), cloud metadata, redirects, user names in URLs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from greenroom.domain.errors import Invalid, Refused

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NAT64 = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))
_NEVER = (
    ip_network("169.254.0.0/16"),
    ip_network("100.64.0.0/10"),
    ip_network("192.0.0.0/24"),
    ip_network("198.18.0.0/15"),
    ip_network("fd00:ec2::254/128"),
    ip_network("::/96"),
    ip_network("fec0::/10"),
)


@dataclass(frozen=True, slots=True)
class Allowed:
    """What an operator lets agents reach although it is inside: names and networks."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    def covers(self, host: str, address: Address) -> bool:
        """Says whether the operator listed the name or the address."""
        return host.lower().rstrip(".") in self.hosts or any(
            address in network for network in self.networks if network.version == address.version
        )


def read_allowed(text: str) -> Allowed:
    """Reads `booking.internal, 10.1.0.0/16`. Raises Invalid `invalid_setting` for what is neither."""
    hosts: set[str] = set()
    networks: list[Network] = []
    for part in (each.strip() for each in text.split(",")):
        if not part:
            continue
        try:
            networks.append(ip_network(part, strict=False))
        except ValueError:
            if "/" in part or ":" in part or not part.isascii():
                message = f"'{part[:60]}' is neither a host nor a network such as 10.1.0.0/16"
                raise Invalid("invalid_setting", f"setting outbound_allow: {message}") from None
            hosts.add(part.lower().rstrip("."))
    return Allowed(frozenset(hosts), tuple(networks))


def is_public(address: Address) -> bool:
    """Says whether an address belongs to somebody on the internet, whatever other address is wrapped in it."""
    if isinstance(address, IPv6Address):
        inner = _wrapped(address)
        if inner is not None:
            return False if not inner else all(is_public(each) for each in inner)
    if any(address in network for network in _NEVER if network.version == address.version):
        return False
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not address.is_loopback
        and not address.is_private
        and not address.is_link_local
        and not address.is_unspecified
    )


def _wrapped(address: IPv6Address) -> list[IPv4Address] | None:
    """Returns the IPv4 addresses inside, None when it is a plain one; a scope makes it nobody's."""
    if address.scope_id is not None:
        return []
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    if address.sixtofour is not None:
        return [address.sixtofour]
    if address.teredo is not None:
        return list(address.teredo)
    if any(address in network for network in _NAT64):
        return [IPv4Address(int(address) & 0xFFFF_FFFF)]
    return None


def choose_addresses(host: str, found: Sequence[str], allowed: Allowed) -> list[str]:
    """Returns the addresses that may be connected to. Raises Refused `address_refused` when any may not be.

    One inside address among public ones spoils the name: whoever answers so is not to be trusted.
    """
    chosen: list[str] = []
    for text in found:
        address = ip_address(text)
        if not (is_public(address) or allowed.covers(host, address)):
            raise Refused(
                "address_refused",
                f"'{host[:100]}' is inside ({address}), and agents may only reach the internet; "
                "an operator can list it in GREENROOM_OUTBOUND_ALLOW",
            )
        chosen.append(text)
    if not chosen:
        raise Refused("address_refused", f"'{host[:100]}' has no address")
    return chosen
