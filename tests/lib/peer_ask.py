#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Asks peers, as Windows, iPXE and worse do, for tests. Prints JSON, a line each.

Discovery (--interface NAME, --family 4|6|both, --wait SECONDS; ids in hexadecimal):
    peer_ask.py probe [--form 1|2] [--style STYLE]... [--copies N] [--message-id ID] [--expect N]
                      ID...
                      a line an answer: what it says, what of it is not in the literal form that
                      others need, what iPXE and Microsoft's suite make of it. Status 1: none came.
                      Styles: a Probe in each, one behind the other, N answers to each
    peer_ask.py ipxe ID       one MessageID to IPv6, then to IPv4, again after 1 s, 2 s in all, read
                      by literal search; ends at the first answer. Status 1: none
    peer_ask.py hostile ID    Probes that must not be answered, and at last one that must be; ID is
                      held. Status 1: not so
    peer_ask.py flood --kind good|unknown|noise|repeat --rate N --seconds N [ID...]
    peer_ask.py other         what a printer and its like say to the group

Retrieval (PLACE: ADDR:PORT; --file, --information: of a content, see peer_content.py):
    peer_ask.py get PLACE [--by-list] [--parallel N] [--cipher N] [--expect-cipher N] [--out FILE]
                      all blocks, decrypted and compared with their hashes. Status 1: one is wrong
    peer_ask.py segments PLACE    by GETSEGLIST      peer_ask.py versions PLACE
    peer_ask.py badly PLACE [--only TEXT]   every bad request; status 1: one is not answered as it
                      should be. The first block of the content is held
    peer_ask.py hold PLACE --connections N [--half | --deaf]   opens them and says nothing (or half a
                      request, or asks for blocks and takes no answer) until it is ended
"""
import argparse
import json
import random
import re
import socket
import sys
import time

sys.dont_write_bytecode = sys.pycache_prefix is None
import peer_asking  # noqa: E402
import peer_badly  # noqa: E402
import peer_cipher  # noqa: E402
import peer_content  # noqa: E402
import peer_messages  # noqa: E402
import peer_probes as probes  # noqa: E402

PATIENCE = 10  # seconds for answers that are expected; our choice
MOMENT = 0.15  # seconds; more than the longest back-off: what is too much has come by then
FAMILIES = {"4": (socket.AF_INET,), "6": (socket.AF_INET6,),
            "both": (socket.AF_INET6, socket.AF_INET)}


def show(record):
    print(json.dumps(record), flush=True)


# ---- discovery ----

class Asker:
    """A socket of each family, from ports that the kernel chose."""

    def __init__(self, interface, families, port):
        self.index, self.port, self.sockets = socket.if_nametoindex(interface), port, {}
        for family in families:
            made = socket.socket(family, socket.SOCK_DGRAM)
            if family == socket.AF_INET:
                made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, b"\0" * 8
                                + self.index.to_bytes(4, sys.byteorder))
            else:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, self.index)
                made.bind(("::", 0))
            self.sockets[family] = made

    def send(self, datagram, families=None):
        for family in families or self.sockets:
            group = (probes.GROUP_4, self.port) if family == socket.AF_INET else (
                probes.GROUP_6, self.port, 0, self.index)
            self.sockets[family].sendto(datagram, group)

    def answers(self, seconds, expected=None):
        """(datagram, sender) as they come. EXPECTED: how many are waited for, and a moment more."""
        end = time.monotonic() + (seconds if not expected else PATIENCE)
        for made in self.sockets.values():
            made.setblocking(False)
        while (left := end - time.monotonic()) > 0:
            came = False
            for made in self.sockets.values():
                try:
                    yield made.recvfrom(65536)
                except BlockingIOError:
                    continue
                came = True
                if expected:
                    expected -= 1
                    end = time.monotonic() + MOMENT if expected == 0 else end
            if not came:
                time.sleep(min(0.002, left))


def asker(arguments):
    return Asker(arguments.interface, FAMILIES[arguments.family], arguments.discovery_port)


def described(datagram, sender, probe, started):
    record = {"from": sender[0].partition("%")[0], "port": sender[1], "octets": len(datagram),
              "delay_ms": round((time.monotonic() - started) * 1000),
              "literal": probes.literal_faults(datagram, probe)}
    if probe.form == 1:
        record.update(ipxe=probes.ipxe_reads(datagram), suite=probes.suite_reads(datagram))
    try:
        read = probes.decode_matches(datagram, probe)
    except probes.Malformed as error:
        return dict(record, malformed=str(error))
    match = read.matches[0]
    return dict(record, message_id=read.message_id, instance=read.instance, number=read.number,
                matches=len(read.matches), endpoint=match.address, xaddrs=match.xaddrs,
                metadata=match.metadata, claims=[vars(claim) for claim in match.claims])


def command_probe(arguments):
    asking, count = asker(arguments), 0
    for style in arguments.style or ["plain"]:
        probe = probes.Probe(arguments.form, arguments.id)
        if arguments.message_id:
            probe.message_id = arguments.message_id
        datagram, started = probes.encode_probe(probe, style), time.monotonic()
        for copy in range(arguments.copies):
            if copy:
                time.sleep(0.05)
            asking.send(datagram)
        for answer, sender in asking.answers(arguments.wait, arguments.expect):
            count += 1
            show(dict(described(answer, sender, probe, started), style=style))
    return count > 0


def command_ipxe(arguments):
    asking = asker(arguments)
    probe = probes.Probe(1, [arguments.id[0].upper()])
    datagram, started = probes.encode_probe(probe), time.monotonic()
    for _ in range(2):
        asking.send(datagram)
        for answer, sender in asking.answers(1.0):
            read = probes.ipxe_reads(answer)
            if read is None or not read[0]:
                continue
            show({"from": sender[0], "ids": read[0], "xaddrs": read[1],
                  "delay_ms": round((time.monotonic() - started) * 1000)})
            # An address that it cannot use costs it seconds: it goes on to wait for another one.
            if "[fe80" not in read[1][0].lower():
                return True
    return False


def hostile_texts(identity):
    """(what, datagram); none is a Probe that may be answered."""
    plain = probes.probe_text(probes.Probe(1, [identity]))
    second = probes.probe_text(probes.Probe(2, [identity]))
    yield from hostile_xml(plain)
    yield from hostile_envelopes(plain)
    for name, scopes in {
            "one digit less": identity[:-1], "one digit more": identity + "0",
            "0x": "0x" + identity[2:], "an id of 25000 digits": "A" * 25000,
            "one bad item": f"{identity} {identity[:-1]}G", "no ids": "",
            "256 ids": " ".join([identity] * 256)}.items():
        yield name, plain.replace(f">{identity}<", f">{scopes}<")
    raw = bytes.fromhex(identity)
    packed = probes.pack_ids([raw])
    for name, data in {
            "count 0": bytes([0, 32, 0]) + raw, "count 2": bytes([0, 32, 2]) + raw,
            "count 1 of 2": bytes([0, 32, 1]) + raw * 2, "size 0": bytes([0, 0, 1]) + raw,
            "size 64": bytes([0, 64, 1]) + raw * 2, "size 65535": b"\xff\xff\1" + raw,
            "size in the other order": bytes([32, 0, 1]) + raw, "header only": bytes([0, 32, 1]),
            "two octets": bytes([0, 32]), "one octet less": bytes([0, 32, 1]) + raw[:-1],
            "one octet more": bytes([0, 32, 1]) + raw + b"\0"}.items():
        yield name, second.replace(packed, probes.base64.b64encode(data).decode())
    yield "no base64", second.replace(packed, packed[:-4] + "*===")
    yield "the other rule", plain.replace(probes.RULES[1], probes.RULES[2])
    yield "the other rule, form 2", second.replace(probes.RULES[2], probes.RULES[1])
    yield "both types", plain.replace("PeerDistData<", "PeerDistData PeerDist:PeerDistDataV2<")
    yield "another type", plain.replace("PeerDistData<", "Printer<")


def hostile_xml(plain):
    octets = plain.encode()
    declaration, rest = plain.split("?>", 1)
    yield "nothing", b""
    yield "one octet", b"<"
    yield "noise", random.Random(11).randbytes(1400)
    for size in range(1, len(octets), 37):
        yield f"cut at {size}", octets[:size]
    yield "NUL", octets.replace(b"<soap:Body>", b"<soap:Body>\0")
    yield "NUL behind", octets + b"\0"
    yield "bad UTF-8", octets.replace(b"urn:uuid:", b"urn:\xffuid:")
    yield "overlong UTF-8", octets.replace(b"urn:uuid:", b"urn:\xc1\xb5uid:")
    yield "UTF-16", plain.replace("utf-8", "utf-16").encode("utf-16")
    yield "UTF-16 without a mark", plain.replace("utf-8", "utf-16").encode("utf-16-le")
    yield "another encoding", plain.replace("utf-8", "iso-8859-1")
    yield "DOCTYPE", declaration + "?><!DOCTYPE a>" + rest
    yield "entity", declaration + '?><!DOCTYPE a [<!ENTITY x "urn">]>' + rest.replace(
        "urn:uuid", "&x;:uuid")
    yield "external entity", declaration + '?><!DOCTYPE a [<!ENTITY x SYSTEM "/etc/passwd">]>' + \
        rest.replace("urn:uuid", "&x;urn:uuid")
    yield "parameter entity", declaration + \
        '?><!DOCTYPE a [<!ENTITY % x SYSTEM "http://10.78.0.254:9/">%x;]>' + rest
    bomb = '<!ENTITY x0 "x">' + "".join(
        f'<!ENTITY x{i} "{f"&x{i - 1};" * 10}">' for i in range(1, 20))
    yield "entity bomb", declaration + f"?><!DOCTYPE a [{bomb}]>" + rest.replace(
        "urn:uuid", "&x19;urn:uuid")
    yield "unknown entity", plain.replace("urn:uuid", "&x;urn:uuid")
    yield "trailing content", plain + "<more/>"
    yield "deep", plain.replace("<wsd:Probe>", "<wsd:Probe>" + "<a>" * 15000)
    yield "deep and closed", plain.replace("<wsd:Probe>", "<wsd:Probe>" + "<a>" * 30 + "</a>" * 30)
    yield "wide", plain.replace("<wsd:Probe>", "<wsd:Probe>" + "<a/>" * 12000)
    yield "many attributes", plain.replace("<wsd:Probe>", "<wsd:Probe " + " ".join(
        f'a{i}="{i}"' for i in range(4000)) + ">")


def hostile_envelopes(plain):
    message_id = re.search("<wsa:MessageID>.*?</wsa:MessageID>", plain).group()
    types = re.search("<wsd:Types>.*?</wsd:Types>", plain).group()
    scopes = re.search("<wsd:Scopes.*?</wsd:Scopes>", plain).group()
    body = re.search("<wsd:Probe>.*?</wsd:Probe>", plain).group()
    action = re.search("<wsa:Action>.*?</wsa:Action>", plain).group()
    for name, element in {"MessageID": message_id, "Types": types, "Scopes": scopes,
                          "Probe": body, "Action": action}.items():
        yield f"no {name}", plain.replace(element, "")
        # Of MessageID the text says only that there is one.
        if name != "MessageID":
            yield f"{name} twice", plain.replace(element, element * 2)
    yield "empty MessageID", plain.replace(message_id, "<wsa:MessageID></wsa:MessageID>")
    yield "long MessageID", plain.replace(
        message_id, f"<wsa:MessageID>{'x' * 257}</wsa:MessageID>")
    yield "another To", plain.replace(probes.TO_ALL, probes.TO_ASKER)
    yield "another Action", plain.replace("/Probe<", "/Resolve<")
    yield "unbound prefix", plain.replace(">PeerDist:", ">Unbound:")
    yield "rebound prefix", plain.replace("<wsd:Types>", '<wsd:Types xmlns:PeerDist="urn:other">')
    for old, new in ((probes.SOAP, "http://schemas.xmlsoap.org/soap/envelope/"),
                     (probes.WSA, "http://www.w3.org/2005/08/addressing"),
                     (probes.WSD, "http://docs.oasis-open.org/ws-dd/ns/discovery/2009/01"),
                     (probes.DATA, "urn:other")):
        yield f"namespace {new}", plain.replace(old, new)


def command_hostile(arguments):
    asking = asker(arguments)
    identity = arguments.id[0].upper()
    sent = {}
    for name, text in hostile_texts(identity):
        datagram = text.encode() if isinstance(text, str) else text
        # A MessageID of its own, so that it is not passed over as a repeat.
        own = probes.new_name().encode()
        datagram = re.sub(rb"urn:uuid:[0-9a-f-]{36}", own, datagram)
        sent[own.decode()] = name
        asking.send(datagram, [list(asking.sockets)[-1]])
        time.sleep(0.002)
    good = probes.Probe(1, [identity])
    asking.send(probes.encode_probe(good))
    answered, wrong = False, []
    for answer, _ in asking.answers(arguments.wait):
        found = re.search(r"RelatesTo>\s*([^<\s]*)\s*<", answer.decode("utf-8", "replace"))
        name = sent.get(found and found.group(1), "?")
        if found and found.group(1) == good.message_id:
            answered = True
        else:
            wrong.append(name)
    show({"sent": len(sent), "answered": answered, "wrong": wrong})
    return answered and not wrong


def command_flood(arguments):
    asking = asker(arguments)
    chance, end = random.Random(5), time.monotonic() + arguments.seconds
    family = [list(asking.sockets)[-1]]
    repeated = probes.encode_probe(probes.Probe(1, arguments.id or ["00" * 32]))
    made = {
        "good": lambda: probes.encode_probe(probes.Probe(1, arguments.id)),
        "unknown": lambda: probes.encode_probe(probes.Probe(2, [
            chance.randbytes(32).hex() for _ in range(16)])),
        "noise": lambda: chance.randbytes(chance.randrange(1400)),
        "repeat": lambda: repeated,
    }[arguments.kind]
    # In packets of 10 ms.
    sent, count, started = 0, 0, time.monotonic()
    while time.monotonic() < end:
        due = int((time.monotonic() - started) * arguments.rate)
        while sent < due:
            try:
                asking.send(made(), family)
            except OSError:
                pass
            sent += 1
        count += sum(1 for _ in asking.answers(0.01))
    count += sum(1 for _ in asking.answers(0.5))
    show({"sent": sent, "answers": count})
    return True


def command_other(arguments):
    """Hello, Bye and a Probe for printers, in the form that such daemons use."""
    asking = asker(arguments)
    for action, body in (
            ("Hello", "<wsd:Hello><wsa:EndpointReference><wsa:Address>urn:uuid:"
                      "11111111-2222-3333-4444-555555555555</wsa:Address></wsa:EndpointReference>"
                      "<wsd:Types>PeerDist:Device</wsd:Types><wsd:XAddrs>http://10.78.0.9:5357/x"
                      "</wsd:XAddrs><wsd:MetadataVersion>1</wsd:MetadataVersion></wsd:Hello>"),
            ("Probe", "<wsd:Probe><wsd:Types>PeerDist:Device</wsd:Types></wsd:Probe>"),
            ("Probe", "<wsd:Probe/>"),
            ("Resolve", "<wsd:Resolve><wsa:EndpointReference><wsa:Address>urn:uuid:1</wsa:Address>"
                        "</wsa:EndpointReference></wsd:Resolve>")):
        asking.send(probes.envelope(
            f"<wsa:To>{probes.TO_ALL}</wsa:To><wsa:Action>{probes.WSD}/{action}</wsa:Action>"
            f"<wsa:MessageID>{probes.new_name()}</wsa:MessageID>", body).encode())
    count = sum(1 for _ in asking.answers(arguments.wait))
    show({"answers": count})
    return count == 0


# ---- retrieval ----

def command_get(arguments):
    contents = peer_content.load(arguments)
    fetch = peer_asking.Fetch(arguments.place, contents, arguments.cipher, arguments.expect_cipher)
    show(fetch.run(arguments.by_list, arguments.parallel))
    if arguments.out:
        with open(arguments.out, "wb") as file:
            file.write(fetch.content())
    return not fetch.wrong


def command_segments(arguments):
    ids = [segment.id for segment in peer_content.load(arguments).segments]
    positions, ages = peer_asking.segment_positions(arguments.place, ids[:2000])
    show({"asked": len(ids[:2000]), "held": positions, "ages": ages})
    return True


def command_versions(arguments):
    show(peer_asking.versions(arguments.place))
    return True


def command_badly(arguments):
    segment = peer_content.load(arguments).segments[0]
    held = {n for n, block in enumerate(segment.blocks) if block}
    count = wrong = 0
    for name, check in peer_badly.table(segment.id, held):
        if arguments.only not in name:
            continue
        count += 1
        try:
            with peer_asking.Peer(arguments.place) as peer:
                check(peer)
        except (peer_messages.Malformed, OSError) as error:
            wrong += 1
            show({"request": name, "wrong": f"{type(error).__name__}: {error}"})
    show({"requests": count, "wrong": wrong})
    return count > 0 and wrong == 0


def command_hold(arguments):
    held = []
    first = peer_content.load(arguments).segments[0] if arguments.deaf else None
    for _ in range(arguments.connections):
        try:
            peer = peer_asking.Peer(arguments.place)
            if arguments.deaf:
                body = peer_messages.encode(peer_messages.Message(
                    peer_messages.GETBLKS, id=first.id, ranges=[(0, 1)]))
                peer.write((peer.head(peer_messages.PATH, "POST", "HTTP/1.1", [], len(body))
                            + body) * 20)
            if arguments.half:
                peer.write(peer.head(peer_messages.PATH, "POST", "HTTP/1.1", [], 1000) + b"half")
            held.append(peer)
        except OSError:
            break
    show({"connections": len(held)})
    while True:
        time.sleep(3600)


def add_discovery(verb, ids):
    verb.add_argument("--interface", default="eth0")
    verb.add_argument("--family", choices=FAMILIES, default="both")
    verb.add_argument("--discovery-port", type=int, default=probes.PORT)
    verb.add_argument("--wait", type=float, default=0.5, metavar="SECONDS")
    verb.add_argument("id", nargs=ids)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def verb(name, function, ids=None):
        added = verbs.add_parser(name)
        added.set_defaults(function=function)
        if ids:
            add_discovery(added, ids)
        else:
            added.add_argument("place", type=peer_asking.parse_place)
            peer_content.add_options(added)
        return added
    probing = verb("probe", command_probe, "+")
    probing.add_argument("--form", type=int, choices=(1, 2), default=1)
    probing.add_argument("--style", choices=probes.STYLES, action="append")
    probing.add_argument("--copies", type=int, default=1)
    probing.add_argument("--message-id")
    probing.add_argument("--expect", type=int, help="answers: no need to wait when they are here")
    verb("ipxe", command_ipxe, "+")
    verb("hostile", command_hostile, "+")
    flooding = verb("flood", command_flood, "*")
    flooding.add_argument("--kind", choices=("good", "unknown", "noise", "repeat"), required=True)
    flooding.add_argument("--rate", type=int, default=1000)
    flooding.add_argument("--seconds", type=float, default=2)
    verb("other", command_other, "*")
    getting = verb("get", command_get)
    getting.add_argument("--by-list", action="store_true")
    getting.add_argument("--parallel", type=int, default=4)
    getting.add_argument("--cipher", type=int, choices=range(4), default=1)
    getting.add_argument("--expect-cipher", type=int, choices=range(4))
    getting.add_argument("--out")
    verb("segments", command_segments)
    verb("versions", command_versions)
    verb("badly", command_badly).add_argument("--only", default="")
    holding = verb("hold", command_hold)
    holding.add_argument("--connections", type=int, default=1)
    holding.add_argument("--half", action="store_true")
    holding.add_argument("--deaf", action="store_true")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    try:
        good = arguments.function(arguments)
    except (OSError, peer_messages.Malformed, peer_cipher.Undecryptable,
            peer_content.model.Rejected) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        good = False
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
