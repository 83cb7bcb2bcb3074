#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Probes and ProbeMatches of peer discovery (MS-PCCRD over WS-Discovery), for tests: written from
the digest alone, a second reading beside the program's own. Sections are those of the digest.

    peer_probes.py check        whether this reads and writes what the digest prints

Status: 0 yes, 1 no (a line on stderr says why), 2 wrong usage.
"""
import base64
import re
import sys
import uuid
import xml.parsers.expat
from dataclasses import dataclass, field

sys.dont_write_bytecode = sys.pycache_prefix is None
import peer_messages  # noqa: E402
from peer_messages import Malformed, refuse_if  # noqa: E402

PORT, GROUP_4, GROUP_6 = 3702, "239.255.255.250", "ff02::c"
SOAP = "http://www.w3.org/2003/05/soap-envelope"
WSA = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
WSD = "http://schemas.xmlsoap.org/ws/2005/04/discovery"
DATA = "http://schemas.microsoft.com/p2p/2007/09/PeerDistributionDiscovery"
NAMESPACES = {"soap": SOAP, "wsa": WSA, "wsd": WSD, "PeerDist": DATA}
TO_ALL = "urn:schemas-xmlsoap-org:ws:2005:04:discovery"
TO_ASKER = WSA + "/role/anonymous"
TYPES = {1: "PeerDistData", 2: "PeerDistDataV2"}
RULES = {1: WSD + "/strcmp0",
         2: "http://schemas.microsoft.com/p2p/2010/05/PeerDistV2MatchingRule"}
DATAGRAM_MAX, DEPTH_MAX, ELEMENTS_MAX, ATTRIBUTES_MAX = 65507, 24, 512, 32
IDS_MAX, MATCHES_MAX, XADDRS_MAX, BLOCKS_MAX = 255, 32, 8, 512


def new_name():
    return f"urn:uuid:{uuid.uuid4()}"


@dataclass
class Probe:
    form: int
    spelled: list          # the ids as the asker wrote them; upper case in 2
    message_id: str = field(default_factory=new_name)

    def ids(self):
        return [bytes.fromhex(text) for text in self.spelled]


@dataclass
class Claim:
    """What a peer has of one segment that was asked for."""
    index: int             # in the Probe
    count: int = None      # blocks; form 1
    whole: bool = None     # form 2
    age_ms: int = None


@dataclass
class Match:
    form: int
    address: str
    xaddrs: list
    metadata: str
    claims: list


@dataclass
class Matches:
    message_id: str
    relates_to: str
    instance: int
    number: int
    matches: list


# ---- writing ----

def envelope(header, body, prefixes=NAMESPACES):
    names = "".join(f' xmlns:{prefix}="{name}"' for prefix, name in prefixes.items())
    return (f'<?xml version="1.0" encoding="utf-8"?><soap:Envelope{names}><soap:Header>{header}'
            f"</soap:Header><soap:Body>{body}</soap:Body></soap:Envelope>")


def pack_ids(ids):
    return base64.b64encode(bytes([0, 32, len(ids)]) + b"".join(ids)).decode()


def probe_text(probe):
    scopes = " ".join(probe.spelled) if probe.form == 1 else pack_ids(probe.ids())
    return envelope(
        f"<wsa:To>{TO_ALL}</wsa:To><wsa:Action>{WSD}/Probe</wsa:Action>"
        f"<wsa:MessageID>{probe.message_id}</wsa:MessageID>",
        f"<wsd:Probe><wsd:Types>PeerDist:{TYPES[probe.form]}</wsd:Types>"
        f'<wsd:Scopes MatchBy="{RULES[probe.form]}">{scopes}</wsd:Scopes></wsd:Probe>')


def other_prefixes(text):
    for old, new in (("soap", "s"), ("wsa", "a"), ("wsd", "d"), ("PeerDist", "pub")):
        text = re.sub(rf"(</?|xmlns:){old}([:=])", rf"\1{new}\2", text)
        text = text.replace(f">{old}:", f">{new}:")
    return text


# How askers write: the same message in other words.
STYLES = {
    "plain": lambda text: text,
    "bom": lambda text: "\ufeff" + text,
    "wrapped": lambda text: re.sub(r">([^<>]+)<", ">\r\n    \\1\r\n    <", text).replace(
        "><", ">\r\n  <"),
    "prefixes": other_prefixes,
    "commented": lambda text: text.replace("<wsd:Types>", "<!-- asks --><?ask it?><wsd:Types>"),
    "reply-to": lambda text: text.replace(
        "<wsa:MessageID>", "<wsa:ReplyTo><wsa:Address>http://10.78.0.250/</wsa:Address>"
                           "</wsa:ReplyTo><wsa:MessageID>"),
    "no-to": lambda text: re.sub("<wsa:To>.*?</wsa:To>", "", text),
    "no-rule": lambda text: re.sub(' MatchBy="[^"]*"', "", text),
    "single-quotes": lambda text: text.replace('"', "'"),
    "cdata": lambda text: re.sub("<wsa:MessageID>(.*?)<", r"<wsa:MessageID><![CDATA[\1]]><", text),
}


def encode_probe(probe, style="plain"):
    return STYLES[style](probe_text(probe)).encode()


def counts_text(claims, digits=8):
    return "".join(f"{claim.count:0{digits}X}" for claim in claims)


def bits_text(claims, asked):
    """Two bits a segment asked for, section 5.2."""
    pairs = ["00"] * (asked + -asked % 4)
    for claim in claims:
        pairs[claim.index] = "11" if claim.whole else "10"
    return base64.b64encode(int("".join(pairs), 2).to_bytes(len(pairs) // 4, "big")).decode()


def ages_text(claims):
    ages = [(claim.index, claim.age_ms) for claim in claims if claim.age_ms is not None]
    return base64.b64encode(peer_messages.encode_ages(ages[:255])).decode()


def match_text(probe, claims, endpoint, xaddrs, digits=8):
    if probe.form == 1:
        scopes = " ".join(probe.spelled[claim.index] for claim in claims)
        data = f"<PeerDist:BlockCount>{counts_text(claims, digits)}</PeerDist:BlockCount>"
    else:
        scopes = bits_text(claims, len(probe.spelled))
        data = f"<PeerDist:SegmentAges>{ages_text(claims)}</PeerDist:SegmentAges>"
    return (f"<wsd:ProbeMatch><wsa:EndpointReference><wsa:Address>{endpoint}</wsa:Address>"
            f"</wsa:EndpointReference><wsd:Types>PeerDist:{TYPES[probe.form]}</wsd:Types>"
            f"<wsd:Scopes>{scopes}</wsd:Scopes><wsd:XAddrs>{xaddrs}</wsd:XAddrs>"
            f"<wsd:MetadataVersion>{probe.form}</wsd:MetadataVersion>"
            f"<PeerDist:PeerDistData>{data}</PeerDist:PeerDistData></wsd:ProbeMatch>")


def matches_text(relates_to, matches, instance, number):
    """MATCHES: of match_text()."""
    return envelope(
        f"<wsa:To>{TO_ASKER}</wsa:To><wsa:Action>{WSD}/ProbeMatches</wsa:Action>"
        f"<wsa:MessageID>{new_name()}</wsa:MessageID><wsa:RelatesTo>{relates_to}</wsa:RelatesTo>"
        f'<wsd:AppSequence InstanceId="{instance}" MessageNumber="{number}"/>',
        f"<wsd:ProbeMatches>{''.join(matches)}</wsd:ProbeMatches>")


# ---- reading XML, section 8 ----

class Element:
    def __init__(self, name, attributes, bindings):
        self.name, self.attributes, self.bindings = name, attributes, bindings
        self.children, self.text = [], ""

    def all(self, namespace, name):
        return [child for child in self.children if child.name == (namespace, name)]

    def one(self, namespace, name):
        found = self.all(namespace, name)
        refuse_if(len(found) != 1, f"{len(found)} of {name} in {self.name[1]}")
        return found[0]

    def value(self):
        return self.text.strip(" \t\r\n")


def expanded(name):
    namespace, _, local = name.rpartition(" ")
    return namespace, local


def parse(datagram):
    refuse_if(len(datagram) > DATAGRAM_MAX, "datagram too long")
    refuse_if(b"\0" in datagram, "NUL")
    try:
        text = datagram.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed(f"no UTF-8: {error.reason}") from None
    declared = re.match(r"\ufeff?<\?xml[^>]*?encoding\s*=\s*[\"']([^\"']*)", text)
    refuse_if(declared and declared.group(1).lower() not in ("utf-8", "us-ascii"), "encoding")
    tree = Tree()
    try:
        tree.parser.Parse(text.removeprefix("\ufeff"), True)
    except xml.parsers.expat.ExpatError as error:
        raise Malformed(f"XML: {error}") from None
    return tree.root


class Tree:
    def __init__(self):
        self.root, self.open, self.count = None, [], 0
        self.bindings, self.shadowed = {}, []
        parser = self.parser = xml.parsers.expat.ParserCreate("utf-8", namespace_separator=" ")
        parser.StartElementHandler, parser.EndElementHandler = self.begin, self.end
        parser.CharacterDataHandler = self.data
        parser.StartNamespaceDeclHandler, parser.EndNamespaceDeclHandler = self.bind, self.unbind
        parser.StartDoctypeDeclHandler = self.doctype

    def doctype(self, *_):
        raise Malformed("DOCTYPE")

    def bind(self, prefix, name):
        self.shadowed.append((prefix, self.bindings.get(prefix)))
        self.bindings = {**self.bindings, prefix: name}

    def unbind(self, _):
        prefix, name = self.shadowed.pop()
        self.bindings = {**self.bindings, prefix: name}

    def begin(self, name, attributes):
        self.count += 1
        refuse_if(self.count > ELEMENTS_MAX, "too many elements")
        refuse_if(len(self.open) >= DEPTH_MAX, "too deep")
        refuse_if(len(attributes) > ATTRIBUTES_MAX, "too many attributes")
        element = Element(expanded(name), {expanded(key): value
                                           for key, value in attributes.items()}, self.bindings)
        if self.open:
            self.open[-1].children.append(element)
        else:
            self.root = element
        self.open.append(element)

    def end(self, _):
        self.open.pop()

    def data(self, text):
        self.open[-1].text += text


def types_of(element):
    """Qualified names, resolved where they stand."""
    names = []
    for word in element.value().split():
        prefix, colon, local = word.rpartition(":")
        namespace = element.bindings.get(prefix if colon else None)
        refuse_if(colon and not namespace, f"unbound prefix {prefix}")
        names.append((namespace or "", local))
    return names


def open_envelope(datagram, action):
    root = parse(datagram)
    refuse_if(root.name != (SOAP, "Envelope"), f"root {root.name}")
    header, body = root.one(SOAP, "Header"), root.one(SOAP, "Body")
    refuse_if(header.one(WSA, "Action").value() != f"{WSD}/{action}", "Action")
    message_id = header.one(WSA, "MessageID").value()
    refuse_if(not 1 <= len(message_id) <= 256, "MessageID")
    refuse_if(len(body.children) != 1, f"{len(body.children)} in the Body")
    return header, body.one(WSD, action), message_id


def strict_base64(text):
    text = re.sub(r"[ \t\r\n]", "", text)
    refuse_if(not re.fullmatch(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?",
                               text), "base64")
    return base64.b64decode(text)


def decode_probe(datagram):
    header, probe, message_id = open_envelope(datagram, "Probe")
    to = header.all(WSA, "To")
    refuse_if(len(to) > 1 or to and to[0].value() != TO_ALL, "To")
    types = types_of(probe.one(WSD, "Types"))
    form = {(DATA, name): form for form, name in TYPES.items()}.get(
        types[0] if len(types) == 1 else None)
    refuse_if(form is None, f"Types {types}")
    scopes = probe.one(WSD, "Scopes")
    rule = scopes.attributes.get(("", "MatchBy"), RULES[form])
    refuse_if(rule != RULES[form], f"rule {rule}")
    return Probe(form, (spelled_1 if form == 1 else spelled_2)(scopes.value()), message_id)


def spelled_1(text):
    items = text.split()
    refuse_if(not 1 <= len(items) <= IDS_MAX, f"{len(items)} ids")
    for item in items:
        refuse_if(len(item) not in (64, 96, 128) or not re.fullmatch("[0-9A-Fa-f]+", item),
                  f"id {item[:20]}")
    return items


def spelled_2(text):
    data = strict_base64(text)
    refuse_if(len(data) < 3 or data[:2] != b"\0\x20" or data[2] == 0, "ids")
    refuse_if(len(data) != 3 + 32 * data[2], "ids")
    return [data[at:at + 32].hex().upper() for at in range(3, len(data), 32)]


def decode_matches(datagram, probe):
    """An answer to PROBE."""
    header, body, message_id = open_envelope(datagram, "ProbeMatches")
    relates_to = header.one(WSA, "RelatesTo").value()
    refuse_if(relates_to.lower() != probe.message_id.lower(), f"relates to {relates_to}")
    sequence = header.all(WSD, "AppSequence") + header.all(WSA, "AppSequence")
    refuse_if(len(sequence) != 1, "AppSequence")
    numbers = [sequence[0].attributes.get(("", name), "") for name in ("InstanceId",
                                                                       "MessageNumber")]
    refuse_if(not all(text.isdecimal() and int(text) < 2**32 for text in numbers), "AppSequence")
    matches = [decode_match(match, probe) for match in body.all(WSD, "ProbeMatch")[:MATCHES_MAX]
               if (DATA, TYPES[probe.form]) in types_of(match.one(WSD, "Types"))]
    refuse_if(not matches, "no match of the type asked for")
    return Matches(message_id, relates_to, int(numbers[0]), int(numbers[1]), matches)


def decode_match(match, probe):
    address = match.one(WSA, "EndpointReference").one(WSA, "Address").value()
    scopes, xaddrs = match.one(WSD, "Scopes").value(), match.one(WSD, "XAddrs").value().split()
    metadata = match.one(WSD, "MetadataVersion").value()
    refuse_if(not address or not xaddrs, "no address")
    wrappers = match.all(DATA, "PeerDistData") + match.all(DATA, "PeerDistDataV2")
    refuse_if(len(wrappers) > 1, "PeerDistData twice")
    data = wrappers[0] if wrappers else Element((DATA, ""), {}, {})
    if probe.form == 1:
        claims = claims_1(scopes.split(), data.one(DATA, "BlockCount").value(), probe)
    else:
        ages = data.all(DATA, "SegmentAges")
        claims = claims_2(strict_base64(scopes), ages[0].value() if ages else "", probe)
    return Match(probe.form, address, xaddrs[:XADDRS_MAX], metadata, claims)


def claims_1(scopes, counts, probe):
    refuse_if(not scopes, "no Scopes")
    digits = {8 * len(scopes): 8, 4 * len(scopes): 4}.get(len(counts))
    refuse_if(digits is None or not re.fullmatch("[0-9A-Fa-f]+", counts), "BlockCount")
    claims = []
    for place, scope in enumerate(scopes):
        count = int(counts[place * digits:(place + 1) * digits], 16)
        if scope in probe.spelled and count:
            claims.append(Claim(probe.spelled.index(scope), count=min(count, BLOCKS_MAX)))
    return claims


def claims_2(bits, ages, probe):
    asked = len(probe.spelled)
    refuse_if(len(bits) * 4 < asked, "too few bits")
    pairs = [bits[i // 4] >> (6 - 2 * (i % 4)) & 3 for i in range(asked)]
    refuse_if(1 in pairs, "bits 01")
    try:
        known = dict(peer_messages.decode_ages(strict_base64(ages)) or [])
    except Malformed:
        known = {}
    return [Claim(i, whole=pair == 3, age_ms=known.get(i)) for i, pair in enumerate(pairs) if pair]


# ---- reading without XML, as others do ----

GUID = "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
LITERAL = "".join((
    re.escape('<?xml version="1.0" encoding="utf-8"?><soap:Envelope'),
    r"(?: xmlns:\w+=\"[^\"]+\")+>",
    r"<soap:Header><wsa:To>", re.escape(TO_ASKER), r"</wsa:To><wsa:Action>", re.escape(WSD),
    r"/ProbeMatches</wsa:Action><wsa:MessageID>urn:uuid:", GUID, r"</wsa:MessageID>",
    r"<wsa:RelatesTo>(?P<relates>[^<]*)</wsa:RelatesTo>",
    r'<wsd:AppSequence InstanceId="\d+" MessageNumber="\d+"(?:/>|></wsd:AppSequence>)',
    r"</soap:Header><soap:Body><wsd:ProbeMatches><wsd:ProbeMatch>",
    r"<wsa:EndpointReference><wsa:Address>urn:uuid:", GUID,
    "</wsa:Address></wsa:EndpointReference>",
    r"<wsd:Types>PeerDist:(?P<type>PeerDistData(?:V2)?)</wsd:Types>",
    r"<wsd:Scopes>(?P<scopes>[^<]+)</wsd:Scopes><wsd:XAddrs>(?P<xaddrs>[^<]+)</wsd:XAddrs>",
    r"<wsd:MetadataVersion>(?P<metadata>[12])</wsd:MetadataVersion><PeerDist:PeerDistData>",
    r"<PeerDist:(?P<kind>BlockCount|SegmentAges)>(?P<data>[^<]+)</PeerDist:(?P=kind)>",
    r"</PeerDist:PeerDistData></wsd:ProbeMatch></wsd:ProbeMatches></soap:Body></soap:Envelope>"))


def literal_faults(datagram, probe):
    """What of an answer of ours is not emitted as sections 3 and 5 have it, octet for octet."""
    # White space between elements is nobody's concern.
    text = re.sub(r">\s+<", "><", datagram.decode("utf-8", "replace")).strip()
    found = re.fullmatch(LITERAL, text)
    if not found:
        return ["not in the form of section 5"]
    faults = []
    for name in ("relates", "scopes", "xaddrs", "data"):
        if found[name] != found[name].strip():
            faults.append(f"white space round {name}")
    if found["relates"] != probe.message_id:
        faults.append("RelatesTo not verbatim")
    if found["type"] != TYPES[probe.form] or found["metadata"] != str(probe.form):
        faults.append("another form than asked for")
    if (found["kind"] == "BlockCount") != (probe.form == 1):
        faults.append("the data of the other form")
    if probe.form == 1:
        scopes = found["scopes"].split(" ")
        if [scope for scope in scopes if scope not in probe.spelled]:
            faults.append("ids not as the asker spelled them")
        if not re.fullmatch(f"(?:[0-9A-F]{{8}}){{{len(scopes)}}}", found["data"]):
            faults.append("BlockCount is not eight upper-case digits an id")
    return faults


def literal_between(text, element):
    start, end = text.find(f"<{element}>"), text.find(f"</{element}>")
    return text[start + len(element) + 2:end] if -1 < start < end else None


def ipxe_reads(datagram):
    """As iPXE does, by literal search: (ids, addresses), or None where it gives the answer up."""
    text = datagram.decode("latin-1")
    scopes, xaddrs, counts = (literal_between(text, name) for name in (
        "wsd:Scopes", "wsd:XAddrs", "PeerDist:BlockCount"))
    if None in (scopes, xaddrs, counts):
        return None
    scopes, counts = scopes.split(), counts.strip()
    if len(counts) < 8 * len(scopes) or not re.fullmatch("[0-9A-Fa-f]+", counts):
        return None
    held = [scope for i, scope in enumerate(scopes) if counts[8 * i:8 * i + 8] != "00000000"]
    return held, xaddrs.split()


def suite_reads(datagram):
    """As Microsoft's test suite does: (address, port) or None."""
    text = datagram.decode("latin-1")
    words = (literal_between(text, "wsd:XAddrs") or "").split(":")
    good = (literal_between(text, "wsd:Types") == "PeerDist:PeerDistData" and len(words) == 2
            and words[1].isdecimal())
    return (words[0], int(words[1])) if good else None


# ---- what the digest prints ----

def check():
    identity = bytes.fromhex("29011A01000000").ljust(32, b"\0")
    for count, sizes in {1: (814, 808), 2: (879, 852), 16: (1789, 1448),
                         255: (17324, 11644)}.items():
        for form, size in zip((1, 2), sizes):
            probe = Probe(form, [identity.hex().upper()] * count)
            for style in STYLES:
                again = decode_probe(encode_probe(probe, style))
                refuse_if(again != probe, f"{style}: read otherwise")
            written = len(encode_probe(probe))
            refuse_if(written != size, f"{count} ids, form {form}: {written} octets, not {size}")
    example = spelled_2("ACABKQEaAQAAAAAwHRoBAAAAAEEAQQBEAHkAZwBNAE0AMQA=")
    refuse_if(len(example) != 1 or not example[0].startswith("29011A01")
              or not example[0].endswith("3100"), "the example of Scopes")
    forty = Probe(2, ["00" * 32] * 40)
    claims = claims_2(strict_base64("/////////////w=="), "AAEDAgBg6gACYOoA", forty)
    refuse_if([c.whole for c in claims] != [True] * 40, "the example of bits")
    refuse_if([c.age_ms for c in claims[:3]] != [600000, None, 600000], "the example of ages")
    refuse_if(bits_text(claims, 40) != "/////////////w==", "the example of bits, written")
    for form in (1, 2):
        check_answer(Probe(form, [f"{i:064X}" for i in range(5)]))
    print("as the digest prints it")


def check_answer(probe):
    claims = [Claim(i, count=42 if probe.form == 1 else None,
                    whole=None if probe.form == 1 else i == 3,
                    age_ms=None if probe.form == 1 else 1000 * i) for i in (1, 3)]
    text = matches_text(probe.message_id, [
        match_text(probe, claims, new_name(), "192.0.2.1:80")], 7, 1).encode()
    read = decode_matches(text, probe)
    refuse_if(read.matches[0].claims != claims, "claims read otherwise")
    refuse_if(literal_faults(text, probe), f"literally: {literal_faults(text, probe)}")
    if probe.form == 1:
        refuse_if(ipxe_reads(text) != ([probe.spelled[1], probe.spelled[3]], ["192.0.2.1:80"]),
                  "read otherwise by literal search")
        refuse_if(suite_reads(text) != ("192.0.2.1", 80), "read otherwise by cutting")


if __name__ == "__main__":
    if sys.argv[1:] != ["check"]:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    try:
        check()
    except Malformed as error:
        print(error, file=sys.stderr)
        sys.exit(1)
