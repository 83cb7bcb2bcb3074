#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A peer that behaves as it is told to, for tests.

    peer_script.py [--file FILE]... [--information FILE]... [--version N] [--secret HEX]
                   [--interface NAME] [--family 4|6|both] [--port N] [--discovery-port N]
                   [--retrieval BEHAVIOUR] [--dies-after N] [--discovery BEHAVIOUR]
                   [--delay SECONDS] [--foreign ADDR:PORT] [--log FILE]

Joins the groups of discovery on the interface, answers Probes and gives blocks of the files. Where
no content information is named it is made, of that version and secret (default: that of
information_origin.py). Behaviours: --list. The log has JSON lines: "event" is "ready" (with
"port"), "probe", "malformed" (a datagram that is no Probe), "connection", "request", "unsent" or
"died".
"""
import argparse
import ipaddress
import json
import os
import random
import signal
import socket
import struct
import sys
import threading
import time

sys.dont_write_bytecode = sys.pycache_prefix is None
import peer_content  # noqa: E402
import peer_probes as probes  # noqa: E402
import peer_serving as serving  # noqa: E402

BACKOFF_MAX = 0.065
IP_TRANSPARENT, IPV6_TRANSPARENT, IP_PKTINFO = 19, 75, 8
FORGED_PEERS = 2000
SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGUSR1}  # the last for who is held
lock = threading.Lock()


class Asked:
    """One Probe, from whom, and what an answer to it would say."""

    def __init__(self, script, probe, sender):
        self.script, self.probe, self.sender = script, probe, sender
        self.claims = []
        for index, identity in enumerate(probe.ids()):
            held, blocks = script.store.holding(identity)
            if held:
                self.claims.append(self.claim(index, held, held == blocks))
        self.xaddr = f"{bracketed(script.address_facing(sender))}:{script.port}"

    def claim(self, index, held, whole):
        if self.probe.form == 1:
            return probes.Claim(index, count=held)
        return probes.Claim(index, whole=whole, age_ms=1000)

    def match(self, claims=None, xaddrs=None, endpoint=None, digits=8):
        return probes.match_text(self.probe, self.claims if claims is None else claims,
                                 endpoint or self.script.endpoint, xaddrs or self.xaddr, digits)

    def text(self, *matches, relates_to=None):
        with lock:
            self.script.sent += 1
            number = self.script.sent
        if relates_to is None:
            relates_to = self.probe.message_id
        return probes.matches_text(relates_to, matches or [self.match()], self.script.started,
                                   number)


def bracketed(address):
    return f"[{address.partition('%')[0]}]" if ":" in address else address


# ---- what is answered: each returns datagrams, or (datagram, forged source address) ----

def normal(asked):
    return [asked.text()]


def nothing(_):
    return []


def duplicates(asked):
    return [asked.text()] * 20


def crowded(asked):
    """Thousands of addresses in one answer, none of them its own."""
    others = [f"10.{i >> 8}.{i & 255}.7:80" for i in range(3000)]
    return [asked.text(asked.match(xaddrs=" ".join(others)))]


def crowded_behind(asked):
    """Its own, and thousands behind it."""
    others = [f"10.{i >> 8}.{i & 255}.7:80" for i in range(3000)]
    return [asked.text(asked.match(xaddrs=" ".join([asked.xaddr] + others)))]


def foreign(asked):
    return [asked.text(asked.match(xaddrs=asked.script.foreign))]


def self_pointing(asked):
    """The asker's own retrieval port."""
    return [asked.text(asked.match(xaddrs=f"{bracketed(asked.sender[0])}:1337"))]


def odd_addresses(asked):
    odd = ["localhost:80", "127.0.0.1:80", "[::1]:80", "0.0.0.0:80", "224.0.0.1:80",
           "255.255.255.255:80", "example.test:80", "10.78.0.300:80"]
    return [asked.text(asked.match(xaddrs=item)) for item in odd] + [
        asked.text(asked.match(xaddrs=asked.xaddr.rpartition(":")[0] + port))
        for port in (":0", ":65536", ":-1", ":http", ":")]


def as_urls(asked):
    """An address that is tolerated: a scheme and a path round it."""
    return [asked.text(asked.match(xaddrs=f"\n  http://{asked.xaddr}/path\n  "))]


def lying_counts(asked):
    """Claims all that is asked for, all of it; holds what it holds."""
    claims = [asked.claim(i, 0xFFFFFFFF, True) for i in range(len(asked.probe.spelled))]
    return [asked.text(asked.match(claims))]


def zero_counts(asked):
    claims = [asked.claim(i, 0, False) for i in range(len(asked.probe.spelled))]
    return [asked.text(asked.match(claims))] if asked.probe.form == 1 else []


def counts_16(asked):
    return [asked.text(asked.match(digits=4))]


def counts_odd(asked):
    return [asked.text(asked.match(digits=5))] if asked.probe.form == 1 else bad_bits(asked)


def bad_bits(asked):
    """Bits 01, too few, no base64."""
    scopes = [f"<wsd:Scopes>{text}</wsd:Scopes>" for text in ("VVVVVVVVVVVVVVVV", "", "/", "====")]
    text = asked.text()
    start, end = text.index("<wsd:Scopes>"), text.index("</wsd:Scopes>") + 13
    return [text[:start] + scope + text[end:] for scope in scopes]


def bad_ages(asked):
    """A blob that is to be discarded alone."""
    text = asked.text()
    start, end = text.find("<PeerDist:SegmentAges>"), text.find("</PeerDist:SegmentAges>")
    return [text if start < 0 else text[:start + 22] + "AAIDAQ==" + text[end:]]


def other_ids(asked):
    """Ids that nobody asked for besides, in form 1."""
    if asked.probe.form == 2:
        return [asked.text()]
    text = asked.text()
    more = " ".join(f"{i:064X}" for i in range(100))
    return [text.replace("</wsd:Scopes>", f" {more}</wsd:Scopes>").replace(
        "</PeerDist:BlockCount>", "00000001" * 100 + "</PeerDist:BlockCount>")]


def after_declaration(text, words):
    declaration, rest = text.split("?>", 1)
    return declaration + "?>" + words + rest


def doctype(asked):
    return [after_declaration(asked.text(), "<!DOCTYPE soap:Envelope>")]


def entity(asked):
    text = after_declaration(asked.text(), '<!DOCTYPE a [<!ENTITY x "PeerDist">]>')
    return [text.replace("PeerDist:PeerDistData<", "&x;:PeerDistData<", 1),
            asked.text().replace("</wsd:XAddrs>", " &unknown;</wsd:XAddrs>")]


def entity_bomb(asked):
    entities = '<!ENTITY x0 "x">' + "".join(
        f'<!ENTITY x{i} "{f"&x{i - 1};" * 10}">' for i in range(1, 30))
    text = after_declaration(asked.text(), f"<!DOCTYPE a [{entities}]>")
    return [text.replace("<wsd:XAddrs>", "<wsd:XAddrs>&x29; ")]


def external_entity(asked):
    text = after_declaration(asked.text(), '<!DOCTYPE a [<!ENTITY x SYSTEM "/etc/passwd">'
                                           '<!ENTITY % y SYSTEM "http://10.78.0.254:9/">%y;]>')
    return [text.replace("<wsd:XAddrs>", "<wsd:XAddrs>&x; ")]


def deep(asked):
    return [asked.text().replace("<soap:Body>", "<soap:Body>" + "<a>" * 15000),
            asked.text().replace("<wsd:ProbeMatch>", "<wsd:ProbeMatch>" + "<a>" * 7000
                                 + "</a>" * 7000)]


def wide(asked):
    return [asked.text().replace("</wsd:ProbeMatch>", "<a/>" * 12000 + "</wsd:ProbeMatch>"),
            asked.text().replace("<wsd:ProbeMatch>", "<wsd:ProbeMatch " + " ".join(
                f'a{i}="{i}"' for i in range(4000)) + ">")]


def wrong_namespaces(asked):
    text = asked.text()
    return [text.replace(old, new) for old, new in (
        (probes.SOAP, "http://schemas.xmlsoap.org/soap/envelope/"),
        (probes.WSA, "http://www.w3.org/2005/08/addressing"),
        (probes.WSD, "http://docs.oasis-open.org/ws-dd/ns/discovery/2009/01"),
        (probes.DATA, "http://schemas.microsoft.com/p2p/2099/09/PeerDistributionDiscovery"),
        ("PeerDist:PeerDistData", "Unbound:PeerDistData"))]


def utf_16(asked):
    text = asked.text().replace("utf-8", "utf-16")
    return [text.encode("utf-16"), text.encode("utf-16-le"),
            asked.text().replace("utf-8", "iso-8859-1").encode("latin-1")]


def not_utf_8(asked):
    octets = asked.text().encode()
    return [octets.replace(b"<wsd:XAddrs>", b"<wsd:XAddrs>\xc0\xaf "),
            octets.replace(b"<wsd:XAddrs>", b"<wsd:XAddrs>\0 "), octets + b"<more/>", b"", b"<",
            bytes(random.Random(7).randbytes(1400))]


def truncated(asked):
    octets = asked.text().encode()
    return [octets[:size] for size in range(0, len(octets), 7)]


def wrong_relates_to(asked):
    return [asked.text(relates_to=probes.new_name()), asked.text(relates_to=""),
            asked.text(relates_to=asked.probe.message_id[:-1])]


def several_matches(asked):
    """One ProbeMatch of another kind of service, two of the same peer."""
    other = (f"<wsd:ProbeMatch><wsa:EndpointReference><wsa:Address>{probes.new_name()}"
             "</wsa:Address></wsa:EndpointReference><wsd:Types>PeerDist:Printer</wsd:Types>"
             "<wsd:Scopes/><wsd:XAddrs>http://10.78.0.9/printer</wsd:XAddrs>"
             "<wsd:MetadataVersion>1</wsd:MetadataVersion></wsd:ProbeMatch>")
    return [asked.text(other, asked.match(), asked.match())]


def many_matches(asked):
    return [asked.text(*([asked.match(endpoint=probes.new_name())] * 40))]


def late(asked):
    time.sleep(2)
    return [asked.text()]


def tardy(asked):
    """Later than others, but within the time in which answers are collected."""
    time.sleep(0.15)
    return [asked.text()]


def other_prefixes(asked):
    return [probes.other_prefixes(asked.text())]


def wrapped(asked):
    return [probes.STYLES["wrapped"](asked.text()).encode("utf-8-sig")]


def forged_crowd(asked):
    """From thousands of neighbours that do not exist, and then its own."""
    is_6 = ":" in asked.sender[0]
    answers = []
    for i in range(FORGED_PEERS if is_6 else 96):
        source = f"fd78::f:{i:x}" if is_6 else f"10.78.0.{128 + i}"
        xaddr = f"{bracketed(source)}:{asked.script.port}"
        answers.append((asked.text(asked.match(xaddrs=xaddr, endpoint=probes.new_name())), source))
    return answers + [asked.text()]


def off_link(asked):
    """From addresses that are not of this network."""
    sources = ["fd99::1", "2001:db8::1"] if ":" in asked.sender[0] else ["198.51.100.7",
                                                                        "10.77.0.2"]
    return [(asked.text(asked.match(xaddrs=f"{bracketed(source)}:{asked.script.port}")), source)
            for source in sources]


BEHAVIOURS = {function.__name__.replace("_", "-"): function for function in (
    normal, nothing, duplicates, crowded, crowded_behind, foreign, self_pointing, odd_addresses,
    as_urls, lying_counts, zero_counts, counts_16, counts_odd, bad_bits, bad_ages, other_ids,
    doctype, entity, entity_bomb, external_entity, deep, wide, wrong_namespaces, utf_16, not_utf_8,
    truncated, wrong_relates_to, several_matches, many_matches, late, tardy, other_prefixes,
    wrapped, forged_crowd, off_link)}


# ---- the program ----

class Script:
    def __init__(self, arguments):
        self.discovery = BEHAVIOURS[arguments.discovery]
        self.interface, self.index = arguments.interface, socket.if_nametoindex(arguments.interface)
        self.log_file = open(arguments.log, "a", encoding="utf-8") if arguments.log else sys.stdout
        self.endpoint, self.started, self.sent = probes.new_name(), int(time.time()), 0
        self.foreign = arguments.foreign
        self.families = [family for family, name in ((socket.AF_INET, "4"), (socket.AF_INET6, "6"))
                         if arguments.family in (name, "both")]
        self.serving = serving.Serving(peer_content.load(arguments), arguments.retrieval, self.log,
                                       arguments.dies_after, arguments.delay)
        self.store, self.chance = self.serving.store, random.Random()
        self.port = serving.listen(self.families, arguments.port, self.serving)
        self.sockets = [self.join(family, arguments.discovery_port) for family in self.families]

    def log(self, record):
        with lock:
            print(json.dumps(record), file=self.log_file, flush=True)

    def join(self, family, port):
        made = socket.socket(family, socket.SOCK_DGRAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET:
            made.setsockopt(socket.IPPROTO_IP, IP_TRANSPARENT, 1)
            made.bind(("", port))
            made.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, struct.pack(
                "4s4si", socket.inet_aton(probes.GROUP_4), bytes(4), self.index))
        else:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            made.setsockopt(socket.IPPROTO_IPV6, IPV6_TRANSPARENT, 1)
            made.bind(("::", port))
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, struct.pack(
                "16sI", socket.inet_pton(family, probes.GROUP_6), self.index))
        return made

    @staticmethod
    def address_facing(sender):
        family = socket.AF_INET6 if ":" in sender[0] else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as trial:
            trial.connect(sender)
            return trial.getsockname()[0]

    def listen(self, made):
        while True:
            datagram, sender = made.recvfrom(65536)
            threading.Thread(target=self.hear, args=(made, datagram, sender), daemon=True).start()

    def hear(self, made, datagram, sender):
        record = {"from": sender[0], "port": sender[1], "octets": len(datagram)}
        try:
            probe = probes.decode_probe(datagram)
        except probes.Malformed as error:
            self.log(dict(record, event="malformed", why=str(error)))
            return
        asked = Asked(self, probe, sender)
        self.log(dict(record, event="probe", form=probe.form, ids=probe.spelled,
                      message_id=probe.message_id, held=len(asked.claims), time=time.monotonic(),
                      canonical=datagram == probes.encode_probe(probe)))
        if not asked.claims and self.discovery is not lying_counts:
            return
        time.sleep(self.chance.uniform(0.001, BACKOFF_MAX))
        for answer in self.discovery(asked):
            self.send(made, answer, sender)

    def send(self, made, answer, sender):
        source = None
        if isinstance(answer, tuple):
            answer, source = answer
        if isinstance(answer, str):
            answer = answer.encode()
        control = []
        if source and ":" in source:
            control = [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, struct.pack(
                "16sI", socket.inet_pton(socket.AF_INET6, source), self.index))]
        elif source:
            control = [(socket.IPPROTO_IP, IP_PKTINFO, struct.pack(
                "i4s4s", self.index, socket.inet_aton(source), bytes(4)))]
        try:
            made.sendmsg([answer], control, 0, sender)
        except OSError as error:
            self.log({"event": "unsent", "why": str(error), "octets": len(answer)})

    def run(self):
        for made in self.sockets:
            threading.Thread(target=self.listen, args=(made,), daemon=True).start()
        self.log({"event": "ready", "port": self.port, "pid": os.getpid(),
                  "ids": [segment.id.hex() for segment in self.store.contents.segments],
                  "blocks": self.store.contents.count(), "size": self.store.contents.size()})
        while signal.sigwait(SIGNALS) == signal.SIGUSR1:
            serving.released.set()
        serving.stopping.set()
        os._exit(0)


def xaddr(text):
    host, _, port = text.rpartition(":")
    ipaddress.ip_address(host.strip("[]"))
    int(port)
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    peer_content.add_options(parser)
    parser.add_argument("--interface", default="eth0")
    parser.add_argument("--family", choices=("4", "6", "both"), default="both")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--discovery-port", type=int, default=probes.PORT)
    parser.add_argument("--retrieval", default="good",
                        choices=(*serving.BEHAVIOURS, *serving.UNSERVED))
    parser.add_argument("--dies-after", type=int, default=0, metavar="BLOCKS")
    parser.add_argument("--delay", type=float, default=0, metavar="SECONDS", help="of each block")
    parser.add_argument("--discovery", choices=BEHAVIOURS, default="normal")
    parser.add_argument("--foreign", type=xaddr, default="10.78.0.254:9", metavar="ADDR:PORT",
                        help="what the foreign one announces")
    parser.add_argument("--log")
    parser.add_argument("--list", action="store_true", help="print all behaviours")
    arguments = parser.parse_args()
    if arguments.list:
        print(*(f"retrieval {name}" for name in (*serving.BEHAVIOURS, *serving.UNSERVED)),
              *(f"discovery {name}" for name in BEHAVIOURS), sep="\n")
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    Script(arguments).run()


if __name__ == "__main__":
    main()
