#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Asks a content server what the HTTP digest says of it: the decision of section 3 row by row, the
header lines of section 4 exactly, conditions and ranges (sections 5 and 6), and Microsoft's cases
(section 9). What it sends is judged by peerdist_model.py.

    serve_table.py eager ADDR:PORT DIR KEYFILE     every row, once the hashes are there
    serve_table.py lazy ADDR:PORT DIR KEYFILE      the order of a Windows server
    serve_table.py changes ADDR:PORT DIR KEYFILE   a file that is replaced while it is asked for
    serve_table.py files DIR                       makes what the others ask for

A line for each row that is not as it must be; status 1 if there is any.
"""
import os
import random
import socket
import sys
import time

sys.dont_write_bytecode = sys.pycache_prefix is None
import peerdist_model as model  # noqa: E402

PATIENCE = 60  # seconds until hashes must be there
VARY = "Accept-Encoding, X-P2P-PeerDist, X-P2P-PeerDistEx"
ACCEPT = "Accept-Encoding: peerdist"
OLD = "X-P2P-PeerDist: Version=1.0"
NEW = "X-P2P-PeerDist: Version=1.1"
BOTH = "X-P2P-PeerDistEx: MinContentInformation=1.0, MaxContentInformation=2.0"
HASH = BOTH + ", HashRequest=true"
MISSING = "X-P2P-PeerDist: Version=1.1, MissingDataRequest=true"


def extended(low, high):
    return f"X-P2P-PeerDistEx: MinContentInformation={low}, MaxContentInformation={high}"


def version(text):
    return "X-P2P-PeerDist: Version=" + text


class Response:
    def __init__(self, head, body):
        lines = head.decode("latin-1").split("\r\n")
        self.status, self.body, self.fields = int(lines[0].split()[1]), body, {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.fields.setdefault(name.lower(), []).append(value.strip())

    def field(self, name):
        """The one value; None: there is none; a list: it is there more than once."""
        values = self.fields.get(name.lower(), [])
        return values[0] if len(values) == 1 else values or None

    def encoded(self):
        return "content-encoding" in self.fields

    def comparable(self):
        """What must not depend on peerdist headers that are turned down."""
        passing = ("date", "connection", "keep-alive", "age")
        return {name: value for name, value in self.fields.items() if name not in passing}


class Server:
    def __init__(self, address, folder, key_file):
        host, _, port = address.rpartition(":")
        self.address, self.folder, self.wrong, self.rows = (host, int(port)), folder, [], 0
        with open(key_file, "rb") as file:
            self.secret = file.read()

    def ask(self, path, *lines, method="GET", protocol="HTTP/1.1"):
        request = "\r\n".join([f"{method} {path} {protocol}", "Host: localhost",
                               "Connection: close", *lines, "", ""])
        with socket.create_connection(self.address, timeout=PATIENCE) as connection:
            connection.sendall(request.encode("latin-1"))
            with connection.makefile("rb") as stream:
                data = stream.read()
        head, _, body = data.partition(b"\r\n\r\n")
        if not head:
            raise OSError(f"no answer to {method} {path} {lines}")
        return Response(head, unchunked(body) if b"chunked" in head.lower() else body)

    def octets(self, path):
        with open(self.folder + path, "rb") as file:
            return file.read()

    def row(self, name, *conditions):
        """CONDITIONS: (what, expected, got)."""
        self.rows += 1
        for what, expected, got in conditions:
            if expected != got:
                self.wrong.append(f"{name}: {what}: expected {short(expected)}, got {short(got)}")

    def wait_for_hashes(self, path, *lines):
        """Until PATH is answered with content information: how many answers that took."""
        deadline, count = time.monotonic() + PATIENCE, 1
        while not self.ask(path, *(lines or (ACCEPT, OLD))).encoded():
            if time.monotonic() > deadline:
                raise OSError(f"{path}: no content information after {PATIENCE} s")
            time.sleep(0.01)
            count += 1
        return count

    def content_row(self, name, path, answer, hint=False):
        """ANSWER must be that to who never mentioned the protocol, HINT apart."""
        plain, fields = self.ask(path), answer.comparable()
        if hint:
            self.row(name + ", hint", ("X-P2P-PeerDist", ["Version=1.1"],
                                       fields.pop("x-p2p-peerdist", None)),
                     ("X-P2P-PeerDistEx", ["MakeHashRequest=true"],
                      fields.pop("x-p2p-peerdistex", None)))
        self.row(name, ("status", 200, answer.status), ("header", plain.comparable(), fields),
                 ("body", True, answer.body == self.octets(path)))

    def information_row(self, name, path, answer, wanted, minor, part=None):
        """Content information of WANTED version; PART: (start, length)."""
        data, plain = self.octets(path), self.ask(path)
        size = len(data)
        start, length = part or (0, size)
        expected = {"Content-Encoding": "peerdist", "Content-Length": str(len(answer.body)),
                    "X-P2P-PeerDist": f"Version=1.{minor}, ContentLength={length}",
                    "X-P2P-PeerDistEx": None, "ETag": plain.field("ETag"), "Vary": VARY,
                    "Last-Modified": plain.field("Last-Modified"), "Accept-Ranges": "bytes",
                    "Content-Type": plain.field("Content-Type"),
                    "Cache-Control": "private, no-transform", "Transfer-Encoding": None,
                    "Content-Range":
                    f"bytes {start}-{start + length - 1}/{size}" if part else None}
        self.row(name, ("status", 206 if part else 200, answer.status),
                 *((header, value, answer.field(header)) for header, value in expected.items()))
        try:
            info = model.decode(answer.body)
        except model.Rejected as error:
            self.row(name, ("content information", "readable", str(error)))
            return
        self.row(name, ("version", wanted, info.version), ("range", (start, start + length),
                                                           (info.start, info.end)),
                 ("faults", [], list(model.faults(info, data, self.secret))),
                 ("octets", True, answer.body == model.make(data, wanted, self.secret, start,
                                                            length)))


def short(value):
    return repr(value)[:300]


def unchunked(body):
    data = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        size = int(size.partition(b";")[0], 16)
        data, body = data + rest[:size], rest[size + 2:]
        if size == 0:
            break
    return data


# ---- section 3 ----

# Name, header lines, and the version of content information that comes with the minor number of
# the answer's Version, or None: the content.
ROWS = [
    ("Version=1.0", [ACCEPT, OLD], (1, 0)),
    ("Version=1.1, no Ex", [ACCEPT, NEW], (1, 1)),
    ("Min 1.0 Max 1.0", [ACCEPT, NEW, extended("1.0", "1.0")], (1, 1)),
    ("Min 1.0 Max 2.0", [ACCEPT, NEW, BOTH], (2, 1)),
    ("Min 2.0 Max 2.0", [ACCEPT, NEW, extended("2.0", "2.0")], (2, 1)),
    ("Version=1.0, Min 1.0 Max 2.0", [ACCEPT, OLD, BOTH], (1, 0)),
    ("Version=1.0, Min 1.0 Max 1.0", [ACCEPT, OLD, extended("1.0", "1.0")], (1, 0)),
    ("Version=1.0, Min 2.0 Max 2.0", [ACCEPT, OLD, extended("2.0", "2.0")], None),
    # Step 3: codings.
    ("browser", ["Accept-Encoding: gzip, deflate, peerdist", NEW, BOTH], (2, 1)),
    ("BITS", ["Accept-Encoding: identity, peerdist", OLD], (1, 0)),
    ("coding in capitals", ["Accept-Encoding: PeerDist", NEW, BOTH], (2, 1)),
    ("codings over two lines", ["Accept-Encoding: gzip", ACCEPT, NEW, BOTH], (2, 1)),
    ("q=0.5", ["Accept-Encoding: peerdist;q=0.5", NEW, BOTH], (2, 1)),
    ("q=0.001", ["Accept-Encoding: gzip;q=1, peerdist; q=0.001", NEW, BOTH], (2, 1)),
    ("q=0", ["Accept-Encoding: peerdist;q=0", NEW, BOTH], None),
    ("q=0.000", ["Accept-Encoding: gzip, peerdist ; q=0.000", NEW, BOTH], None),
    ("only *", ["Accept-Encoding: *", NEW, BOTH], None),
    ("only gzip", ["Accept-Encoding: gzip", NEW, BOTH], None),
    ("part of the coding's name", ["Accept-Encoding: peerdist2, xpeerdist", NEW, BOTH], None),
    ("empty Accept-Encoding", ["Accept-Encoding:", NEW, BOTH], None),
    ("no Accept-Encoding", [NEW, BOTH], None),
    ("no Accept-Encoding, HashRequest", [NEW, HASH], (2, 1)),
    ("gzip only, HashRequest", ["Accept-Encoding: gzip", NEW, HASH], None),
    # Step 4: the header.
    ("no X-P2P-PeerDist", [ACCEPT], None),
    ("no X-P2P-PeerDist, Ex", [ACCEPT, BOTH], None),
    ("empty X-P2P-PeerDist", [ACCEPT, "X-P2P-PeerDist:", BOTH], None),
    ("no Version", [ACCEPT, "X-P2P-PeerDist: MissingDataRequest=false", BOTH], None),
    ("unknown parameter", [ACCEPT, version("1.1, Colour=green"), BOTH], (2, 1)),
    ("names in small letters", ["accept-encoding: peerdist", "x-p2p-peerdist: version=1.1",
                                BOTH.lower()], (2, 1)),
    ("white space", [ACCEPT, "X-P2P-PeerDist:  Version = 1.1 ,, MissingDataRequest = false ,",
                     BOTH], (2, 1)),
    ("no white space", [ACCEPT, NEW, BOTH.replace(", ", ",")], (2, 1)),
    ("over two lines", [ACCEPT, "X-P2P-PeerDist: MissingDataRequest=false", NEW, BOTH], (2, 1)),
    ("Ex over two lines", [ACCEPT, NEW, "X-P2P-PeerDistEx: MinContentInformation=1.0",
                           "X-P2P-PeerDistEx: MaxContentInformation=2.0"], (2, 1)),
    # Step 5: its version.
    *((f"Version={text}", [ACCEPT, version(text), BOTH], None) for text in (
        "999.999", "2.0", "1.10", "1.2", "0.9", "1", "1 .0", "1. 1", "", "1.", ".1", "1.1.1", "1.x",
        "-1.1", "1,1", "1.0000000000", "4294967297.1")),
    ("Version=01.0", [ACCEPT, version("01.0")], (1, 0)),
    ("Version twice", [ACCEPT, version("1.1, Version=1.1"), BOTH], None),
    ("Version on two lines", [ACCEPT, NEW, NEW, BOTH], None),
    # Step 6: missing data.
    ("MissingDataRequest=false", [ACCEPT, version("1.1, MissingDataRequest=false"), BOTH], (2, 1)),
    ("MissingDataRequest=FALSE", [ACCEPT, version("1.1, MissingDataRequest=FALSE"), BOTH], (2, 1)),
    *((f"MissingDataRequest={text}",
       [ACCEPT, version("1.1, MissingDataRequest=" + text), BOTH], None)
      for text in ("true", "TRUE", "InvalidValue", "", "0", "false false")),
    ("MissingDataRequest twice", [ACCEPT, version("1.1, MissingDataRequest=false, "
                                                  "MissingDataRequest=false"), BOTH], None),
    # Step 7: versions of content information.
    *((f"Min {low} Max {high}", [ACCEPT, NEW, extended(low, high)], None) for low, high in (
        ("900.0", "999.0"), ("1.0", "3.0"), ("2.0", "1.0"), ("1.1", "2.0"), ("0.0", "2.0"),
        ("1.0", "1.1"), ("1", "2"), ("", ""), ("3.0", "3.0"))),
    ("no Max", [ACCEPT, NEW, "X-P2P-PeerDistEx: MinContentInformation=1.0"], None),
    ("no Min", [ACCEPT, NEW, "X-P2P-PeerDistEx: MaxContentInformation=2.0"], None),
    ("empty Ex", [ACCEPT, NEW, "X-P2P-PeerDistEx:"], None),
    ("Max twice", [ACCEPT, NEW, BOTH + ", MaxContentInformation=2.0"], None),
    ("unknown parameter in Ex", [ACCEPT, NEW, BOTH + ", Colour=green"], (2, 1)),
    ("HashRequest=true, hashes ready", [ACCEPT, NEW, HASH], (2, 1)),
    ("HashRequest=false", [ACCEPT, NEW, BOTH + ", HashRequest=false"], (2, 1)),
    ("HashRequest=maybe", [ACCEPT, NEW, BOTH + ", HashRequest=maybe"], (2, 1)),
    ("HashRequest alone", [ACCEPT, NEW, "X-P2P-PeerDistEx: HashRequest=true"], None),
]


def decision(server):
    for name, lines, wanted in ROWS:
        answer = server.ask("/large", *lines)
        if wanted:
            server.information_row(name, "/large", answer, *wanted)
        else:
            server.content_row(name, "/large", answer)
    # Step 1.
    plain = server.ask("/large", method="HEAD")
    for name, lines in (("HEAD", [ACCEPT, NEW, BOTH]), ("HEAD, HashRequest", [ACCEPT, NEW, HASH])):
        answer = server.ask("/large", *lines, method="HEAD")
        server.row(name, ("status", 200, answer.status), ("body", b"", answer.body),
                   ("header", plain.comparable(), answer.comparable()),
                   ("Content-Length", str(len(server.octets("/large"))),
                    answer.field("Content-Length")))
    # Step 8.
    answer = server.ask("/large", ACCEPT, NEW, BOTH, protocol="HTTP/1.0")
    server.row("HTTP/1.0", ("encoding", None, answer.field("Content-Encoding")),
               ("X-P2P", None, answer.field("X-P2P-PeerDist")),
               ("body", True, answer.body == server.octets("/large")))
    # Step 10.
    for name in ("/empty", "/10KiB", "/65535"):
        server.content_row("too small: " + name, name, server.ask(name, ACCEPT, NEW, BOTH))
    server.information_row("small enough", "/65536", server.ask("/65536", ACCEPT, NEW, BOTH), 2, 1)
    for name in ("/", "/folder/"):
        answer = server.ask(name, ACCEPT, NEW, BOTH)
        server.row("listing " + name, ("status", 200, answer.status),
                   ("header", server.ask(name).comparable(), answer.comparable()))
    server.information_row("40 MiB, Version=1.0", "/40MiB", server.ask("/40MiB", ACCEPT, OLD), 1, 0)
    info = model.decode(server.ask("/40MiB", ACCEPT, OLD).body)
    server.row("40 MiB", ("segments", [33554432, 8388608], [s.length for s in info.segments]))


# ---- sections 4 to 6 ----

def plain_headers(server):
    answer, size = server.ask("/large"), len(server.octets("/large"))
    etag = answer.field("ETag") or ""
    server.row("plain", ("status", 200, answer.status), ("Vary", VARY, answer.field("Vary")),
               ("strong ETag", ('"', '"'), (etag[:1], etag[-1:])),
               ("Last-Modified", True, answer.field("Last-Modified") is not None),
               ("Accept-Ranges", "bytes", answer.field("Accept-Ranges")),
               ("Content-Length", str(size), answer.field("Content-Length")),
               ("X-P2P-PeerDist", None, answer.field("X-P2P-PeerDist")),
               ("X-P2P-PeerDistEx", None, answer.field("X-P2P-PeerDistEx")))


def bare(server, name, answer, status, vary=True):
    """An answer without content information and without any word of it."""
    server.row(name, ("status", status, answer.status),
               *((field, None, answer.field(field))
                 for field in ("Content-Encoding", "X-P2P-PeerDist", "X-P2P-PeerDistEx")),
               *([("Vary", VARY, answer.field("Vary"))] if vary else []))


def conditions(server):
    plain = server.ask("/large")
    etag, modified = plain.field("ETag"), plain.field("Last-Modified")
    for lines in ([ACCEPT, NEW, BOTH], [ACCEPT, NEW, HASH]):
        wish = "HashRequest, " if lines[-1] == HASH else ""
        answer = server.ask("/large", *lines, "If-None-Match: " + etag)
        bare(server, wish + "If-None-Match, the same", answer, 304)
        server.row(wish + "304", ("ETag", etag, answer.field("ETag")), ("body", b"", answer.body))
        answer = server.ask("/large", *lines, "If-Modified-Since: " + modified)
        bare(server, wish + "If-Modified-Since, the same", answer, 304)
        answer = server.ask("/large", *lines, 'If-Match: "other"')
        bare(server, wish + "If-Match, another", answer, 412, vary=False)
        answer = server.ask("/large", *lines, 'If-None-Match: "other"')
        server.information_row(wish + "If-None-Match, another", "/large", answer, 2, 1)
        answer = server.ask("/large", *lines, "If-Match: " + etag)
        server.information_row(wish + "If-Match, the same", "/large", answer, 2, 1)
    bare(server, "404", server.ask("/nothing", ACCEPT, NEW, BOTH), 404, vary=False)


def ranges(server):
    plain, data = server.ask("/large"), server.octets("/large")
    etag, asked = plain.field("ETag"), [ACCEPT, NEW, BOTH]
    for first, last in ((0, 0), (100000, 300000), (65536, 131071), (len(data) - 1, len(data) - 1),
                        (0, len(data) - 1), (5, len(data) - 1), (299999, 10**12)):
        line, part = f"Range: bytes={first}-{last}", (first, min(last, len(data) - 1) - first + 1)
        server.information_row(line, "/large", server.ask("/large", *asked, line), 2, 1, part)
        server.information_row(line + ", 1.0", "/large", server.ask("/large", ACCEPT, OLD, line),
                               1, 0, part)
    answer = server.ask("/large", *asked, "Range: bytes=-1000")
    server.information_row("suffix", "/large", answer, 2, 1, (len(data) - 1000, 1000))
    answer = server.ask("/large", *asked, "Range: bytes=10-19", "If-Range: " + etag)
    server.information_row("If-Range, the same", "/large", answer, 2, 1, (10, 10))
    answer = server.ask("/large", *asked, "Range: bytes=10-19", 'If-Range: "other"')
    server.information_row("If-Range, another", "/large", answer, 2, 1)
    answer = server.ask("/40MiB", ACCEPT, OLD, "Range: bytes=33554430-33554433")
    server.information_row("across segments", "/40MiB", answer, 1, 0, (33554430, 4))
    answer = server.ask("/large", *asked, f"Range: bytes={len(data)}-")
    bare(server, "unsatisfiable", answer, 416, vary=False)
    server.row("unsatisfiable", ("Content-Range", f"bytes */{len(data)}",
                                 answer.field("Content-Range")))
    answer = server.ask("/large", *asked, "Range: bytes=0-9,100-109")
    bare(server, "several ranges", answer, answer.status)
    several = answer.field("Content-Type") or ""
    server.row("several ranges", ("an answer", True, (
        answer.status == 200 and answer.body == data or
        answer.status == 206 and several.startswith("multipart/byteranges"))))
    for name, lines in (("fallback", [MISSING]), ("fallback, peerdist welcome",
                                                  [ACCEPT, MISSING, BOTH])):
        answer = server.ask("/large", *lines, "Range: bytes=65536-131071", "If-Range: " + etag)
        bare(server, name, answer, 206)
        server.row(name, ("body", True, answer.body == data[65536:131072]),
                   ("Content-Range", f"bytes 65536-131071/{len(data)}",
                    answer.field("Content-Range")), ("ETag", etag, answer.field("ETag")))


def eager(server):
    for path in ("/large", "/65536", "/40MiB"):
        server.wait_for_hashes(path)
    plain_headers(server)
    decision(server)
    conditions(server)
    ranges(server)


# ---- section 9, and step 11 ----

def prime(server, path):
    """As the suite does: one request, then until there are hashes."""
    server.ask(path, ACCEPT, OLD)
    server.wait_for_hashes(path)


# Name, header lines after priming, what comes. Each has a file of its own: its hashes are not there.
CASES = [
    ("ContentInformationRetrieval V1", [ACCEPT, OLD], (1, 0)),
    ("ContentInformationRetrieval V2", [ACCEPT, NEW, BOTH], (2, 1)),
    ("MissingContentRetrieval V1",
     [ACCEPT, "X-P2P-PeerDist: Version=1.0,MissingDataRequest=true"], None),
    ("MissingContentRetrieval V2",
     [ACCEPT, "X-P2P-PeerDist: Version=1.1,MissingDataRequest=true", BOTH], None),
    ("ContentEncodingNotHavePeerDist", [], None),
    ("VersionIncompatible", [ACCEPT, version("999.999")], None),
    ("MissingDataRequestFalse", [ACCEPT, version("1.0, MissingDataRequest=false")], (1, 0)),
    ("MissingDataRequestInvalid", [ACCEPT, version("1.0, MissingDataRequest=InvalidValue")], None),
    ("ContentInformationVersionIncompatible", [ACCEPT, NEW, extended("900.0", "999.0")], None),
]
# Cold: the content; True: with the hint.
COLD = [
    ("Version=1.1", [ACCEPT, NEW, BOTH], True),
    ("Version=1.1, no Ex", [ACCEPT, NEW], True),
    ("Version=1.0", [ACCEPT, OLD], False),
    ("Version=1.0, Ex", [ACCEPT, OLD, BOTH], False),
    ("no peerdist", [], False),
    ("q=0", ["Accept-Encoding: peerdist;q=0", NEW, BOTH], False),
    ("no Accept-Encoding", [NEW, BOTH], False),
    ("missing data", [ACCEPT, MISSING, BOTH], False),
    ("Version=999.999", [ACCEPT, version("999.999"), BOTH], False),
    ("Min 900.0", [ACCEPT, NEW, extended("900.0", "999.0")], False),
]


def lazy(server):
    for number, (name, lines, wanted) in enumerate(CASES):
        path = f"/case-{number}"
        server.content_row(name + ", cold", path, server.ask(path, ACCEPT, OLD))
        prime(server, path)
        answer = server.ask(path, *lines)
        if wanted:
            server.information_row(name, path, answer, *wanted)
        else:
            server.content_row(name, path, answer)
    answer = server.ask("/40MiB", ACCEPT, OLD)
    server.row("MultipleSegment, cold", ("encoding", None, answer.field("Content-Encoding")))
    prime(server, "/40MiB")
    server.information_row("MultipleSegment", "/40MiB", server.ask("/40MiB", ACCEPT, OLD), 1, 0)
    for number, (name, lines, hint) in enumerate(COLD):
        path = f"/cold-{number}"
        server.content_row("cold, " + name, path, server.ask(path, *lines), hint)
    cold_ranges(server)
    hash_requests(server)
    too_small = server.ask("/10KiB", ACCEPT, NEW, BOTH)
    server.content_row("10 KiB, cold", "/10KiB", too_small)


def cold_ranges(server):
    data = server.octets("/cold-range")
    answer = server.ask("/cold-range", ACCEPT, NEW, BOTH, "Range: bytes=10-19")
    server.row("cold range", ("status", 206, answer.status),
               ("encoding", None, answer.field("Content-Encoding")),
               ("X-P2P-PeerDist", "Version=1.1", answer.field("X-P2P-PeerDist")),
               ("X-P2P-PeerDistEx", "MakeHashRequest=true", answer.field("X-P2P-PeerDistEx")),
               ("body", data[10:20], answer.body))
    answer = server.ask("/cold-head", ACCEPT, NEW, BOTH, method="HEAD")
    bare(server, "cold HEAD", answer, 200)


def hash_requests(server):
    """The hint is followed; and hashes that nobody asked for before are made and waited for."""
    server.ask("/cold-hint", ACCEPT, NEW, BOTH)
    answer = server.ask("/cold-hint", ACCEPT, NEW, HASH)
    server.information_row("HashRequest after the hint", "/cold-hint", answer, 2, 1)
    answer = server.ask("/cold-hash", NEW, HASH)
    server.information_row("HashRequest at once", "/cold-hash", answer, 2, 1)
    answer = server.ask("/40MiB-cold", ACCEPT, NEW, HASH)
    if answer.encoded():
        server.information_row("HashRequest, 40 MiB", "/40MiB-cold", answer, 2, 1)
    else:  # ten seconds were too few
        bare(server, "HashRequest, 40 MiB", answer, 200)


def changes(server):
    """Whatever comes while the file is replaced belongs to the validator it comes with."""
    path, versions, seen = "/changing", {}, {"plain": 0, "information": 0}
    for number in range(12):
        data = random.Random(number).randbytes(200000 + number % 3)
        with open(server.folder + path + ".new", "wb") as file:
            file.write(data)
        os.rename(server.folder + path + ".new", server.folder + path)
        deadline, encoded = time.monotonic() + PATIENCE, False
        while not encoded and time.monotonic() < deadline:
            answer = server.ask(path, ACCEPT, NEW, BOTH)
            etag, encoded = answer.field("ETag"), answer.encoded()
            server.row(f"version {number}", ("a new ETag", number,
                                             versions.setdefault(etag, number)))
            if encoded:
                found = model.decode(answer.body)
                server.row(f"version {number}", ("faults", [], list(
                    model.faults(found, data, server.secret, whole=True))))
                seen["information"] += 1
            else:
                server.row(f"version {number}", ("body", True, answer.body == data))
                seen["plain"] += 1
        server.row(f"version {number}", ("content information at last", True, encoded))
    server.row("changes", ("information for each", 12, seen["information"]))


def files(folder):
    def make(name, data):
        with open(f"{folder}/{name}", "wb") as file:
            file.write(data)
        os.utime(f"{folder}/{name}", (1600000000, 1600000000))
    os.makedirs(folder + "/folder")
    make("large", random.Random(1).randbytes(600001))
    make("empty", b"")
    make("10KiB", bytes(10240))
    make("65535", bytes(65535))
    make("65536", random.Random(2).randbytes(65536))
    make("40MiB", bytes(40 << 20))
    make("40MiB-cold", bytes(40 << 20))
    # As the suite has them; the names differ, so that what is made for one is not the other's.
    for number in range(len(CASES)):
        make(f"case-{number}", bytes(79 << 10))
    for name in [*range(len(COLD)), "range", "head", "hint", "hash"]:
        make(f"cold-{name}", random.Random(str(name)).randbytes(300000))


def main():
    if sys.argv[1] == "files":
        files(sys.argv[2])
        return 0
    server = Server(*sys.argv[2:5])
    try:
        {"eager": eager, "lazy": lazy, "changes": changes}[sys.argv[1]](server)
    except OSError as error:
        server.wrong.append(str(error))
    print("".join(line + "\n" for line in server.wrong[:60]), end="")
    print(f"{server.rows} rows, {len(server.wrong)} wrong")
    return 1 if server.wrong or not server.rows else 0


if __name__ == "__main__":
    sys.exit(main())
