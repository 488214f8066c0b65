"""The network interface that leads to an address: what libraries that exchange tensors want to be told by its name.

They would ask the resolver for the host's own name instead, which many hosts map to an address that no other one knows
(Debian's /etc/hosts: 127.0.1.1).
"""

import fcntl
import ipaddress
import socket
import struct
from pathlib import Path

from pinbench.harness.host.kernelfile import read_text

_SIOCGIFADDR = 0x8915  # netdevice(7): the address of an interface
_NAME_BYTES = 16  # IFNAMSIZ
_ADDRESS = slice(20, 24)  # of the IPv4 address in struct ifreq
_ANY_PORT = 9  # nothing is sent there: connecting a datagram socket only chooses the route


def interface_to(address: str, root: Path = Path("/")) -> str | None:
    """Return the name of the interface whose address packets to `address` carry; None where that cannot be told."""
    own = _source_of(address)
    if own is None:
        return None
    if own.version == ipaddress.IPv6Address(0).version:
        return _named_in(read_text(root / "proc/net/if_inet6") or "", own)
    names = [name for _, name in socket.if_nameindex()]
    return next((name for name in names if _address_of(name) == own), None)


def _source_of(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        family, kind, _, _, target = socket.getaddrinfo(address, _ANY_PORT, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as probe:
            probe.connect(target)
            return ipaddress.ip_address(probe.getsockname()[0])
    except OSError:
        return None  # no route, or no such name: whoever connects there says so


def _address_of(name: str) -> ipaddress.IPv4Address | None:
    request = struct.pack(f"{_NAME_BYTES}s24x", name.encode())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            return ipaddress.IPv4Address(fcntl.ioctl(probe, _SIOCGIFADDR, request)[_ADDRESS])
        except OSError:
            return None  # it has none


def _named_in(table: str, own: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str | None:
    """Return the interface of `own` in /proc/net/if_inet6: address, index, prefix, scope, flags, name."""
    lines = (line.split() for line in table.splitlines())
    return next((words[-1] for words in lines if words and words[0] == own.packed.hex()), None)
