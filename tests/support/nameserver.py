"""An authoritative name server on this machine, by UDP and TCP, whose zone a test replaces while it runs.

`with name_server() as dns:`, then `dns.serve(zone_text)` and `Config(dns=dns.address)` or `DnsResolver(dns.address)`.
"""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dns.flags
import dns.message
import dns.name
import dns.node
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.zone

UDP_BYTES = 512
"""What a question without EDNS takes."""
_HOPS = 8
_WILDCARD = dns.name.from_text("*", None)


class NameServer:
    """Everything is this server's own: a name that the zone lacks does not exist."""

    def __init__(self) -> None:
        self.address: tuple[str, int] = ("127.0.0.1", 0)
        self.broken = False
        """It answers SERVFAIL to everything."""
        self.silent = False
        """It answers nothing."""
        self.asked: list[tuple[str, str, str]] = []
        """(name, type, `udp` or `tcp`) of each question, in order."""
        self._zone = dns.zone.Zone(dns.name.root, relativize=False)

    def serve(self, zone_text: str) -> None:
        """From now on exactly this. Names are relative to the root unless the text has an `$ORIGIN`; several are fine."""
        text = zone_text if "$TTL" in zone_text else f"$TTL 300\n{zone_text}"
        self._zone = dns.zone.from_text(text, origin=dns.name.root, relativize=False, check_origin=False)

    def answer(self, wire: bytes, transport: str) -> bytes | None:
        """None: silence."""
        query = dns.message.from_wire(wire)
        [question] = query.question
        self.asked.append((str(question.name).rstrip(".").lower(), dns.rdatatype.to_text(question.rdtype), transport))
        if self.silent:
            return None
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.AA
        if self.broken:
            reply.set_rcode(dns.rcode.SERVFAIL)
        else:
            self._fill(reply, question.name, question.rdtype)
        return reply.to_wire() if transport == "tcp" else _short(reply, query.payload or UDP_BYTES)

    def _fill(self, reply: dns.message.Message, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> None:
        for _ in range(_HOPS):
            node = self._node(name)
            if node is None:
                if not reply.answer:
                    reply.set_rcode(dns.rcode.NXDOMAIN)
                return
            found = node.get_rdataset(dns.rdataclass.IN, kind)
            alias = node.get_rdataset(dns.rdataclass.IN, dns.rdatatype.CNAME)
            data = found or alias
            if data is None:
                return
            rows = dns.rrset.RRset(name, data.rdclass, data.rdtype)
            rows.update(data)
            reply.answer.append(rows)
            if found is not None:
                return
            name = data[0].target

    def _node(self, name: dns.name.Name) -> dns.node.Node | None:
        """Of the name, else of the wildcard right below the closest name that exists (RFC 4592); empty for one that only has others
        below it."""
        zone, wanted = self._zone, name
        while True:
            node = zone.get_node(wanted)
            if node is not None:
                return node
            if any(each.is_subdomain(wanted) for each in zone):
                return dns.node.Node()
            if wanted == dns.name.root:
                return None
            parent = wanted.parent()
            if any(each.is_subdomain(parent) for each in zone):
                return zone.get_node(_WILDCARD.derelativize(parent))
            wanted = parent


def _short(reply: dns.message.Message, limit: int) -> bytes:
    """By UDP what is too long is left out, and asked for again by TCP."""
    wire = reply.to_wire()
    if len(wire) <= limit:
        return wire
    reply.answer.clear()
    reply.flags |= dns.flags.TC
    return reply.to_wire()


class _Udp(socketserver.BaseRequestHandler):
    server: Any

    def handle(self) -> None:
        wire, sock = self.request
        answer = self.server.names.answer(wire, "udp")
        if answer is not None:
            sock.sendto(answer, self.client_address)


class _Tcp(socketserver.StreamRequestHandler):
    server: Any

    def handle(self) -> None:
        while len(head := self.rfile.read(2)) == 2:
            answer = self.server.names.answer(self.rfile.read(int.from_bytes(head)), "tcp")
            if answer is None:
                return
            self.wfile.write(len(answer).to_bytes(2) + answer)


class _UdpServer(socketserver.ThreadingUDPServer):
    daemon_threads = True


class _TcpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


@contextmanager
def name_server() -> Iterator[NameServer]:
    names = NameServer()
    tcp, udp = _bound()
    names.address = ("127.0.0.1", tcp.server_address[1])
    servers: list[Any] = [tcp, udp]
    for server in servers:
        server.names = names
        threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
    yield names
    for server in servers:
        server.shutdown()
        server.server_close()


def _bound() -> tuple[_TcpServer, _UdpServer]:
    """On the same port, which somebody else may have taken for one of the two."""
    while True:
        tcp = _TcpServer(("127.0.0.1", 0), _Tcp)
        try:
            return tcp, _UdpServer(("127.0.0.1", tcp.server_address[1]), _Udp)
        except OSError:
            tcp.server_close()
