# SPDX-License-Identifier: BSD-2-Clause
"""Offers that a hosted cache has to refuse, or to answer and do nothing about, and how each is
answered: the rows of section 10 of the digest. For hosted_client.py, which sends them."""
import os
import random
import sys
from dataclasses import replace

sys.dont_write_bytecode = sys.pycache_prefix is None
import hosted_messages as offers  # noqa: E402
import hosted_pulled as pulled  # noqa: E402
import peer_content  # noqa: E402
import peer_messages as messages  # noqa: E402
import peerdist_model as model  # noqa: E402
from hosted_messages import BATCHED_OFFER, INITIAL_OFFER, SEGMENT_INFO, Offer  # noqa: E402

DROP, TAKEN, TAKEN_INTERESTED = "drop", offers.OK, offers.INTERESTED


class Bad:
    """Bodies about segments of their own, each to be pulled or not."""

    def __init__(self, contents, port):
        self.contents, self.port = contents, port
        self.fresh = iter(contents.segments)
        self.pulls, self.no_pulls = {}, {}

    def segment(self, name, is_pulled):
        one = next(self.fresh)
        (self.pulls if is_pulled else self.no_pulls)[one.id] = name
        return one

    def batch(self, name, is_pulled, **changes):
        one = pulled.described(self.segment(name, is_pulled), self.contents)
        return Offer(BATCHED_OFFER, self.port, descriptors=[replace(one, **changes)])

    def info(self, name, is_pulled, change=lambda data: data, **changes):
        segment = self.segment(name, is_pulled)
        data = offers.information_of(pulled.modelled(segment), segment.algorithm, **changes)
        return offers.encode(Offer(SEGMENT_INFO, self.port, information=change(data)))

    def initial(self, name):
        return offers.encode(Offer(INITIAL_OFFER, self.port, id=self.segment(name, False).id))


def by_http(bad):
    """(name, body, answer)"""
    def batch(name, is_pulled=False, **changes):
        return offers.encode(bad.batch(name, is_pulled, **changes))
    good = batch("http, shorter than 16 octets")
    yield "empty", b"", DROP
    for size in (1, 15):
        yield f"{size} octets", good[:size], DROP
    good = batch("http, version or type")
    yield "version 0xFE.0xFE", b"\xfe\xfe" + good[2:], DROP
    yield "version 3.0", b"\0\3" + good[2:], DROP
    yield "version 2.1", b"\1\2" + good[2:], DROP
    for kind in (0, 4, 0x0300, 0xFEFE):
        yield f"type {kind:#x}", good[:2] + kind.to_bytes(2, "big") + good[4:], DROP
    yield "INITIAL_OFFER by HTTP", bad.initial("INITIAL_OFFER by HTTP"), DROP
    yield "SEGMENT_INFO by HTTP", bad.info("SEGMENT_INFO by HTTP", False), DROP
    yield "BATCHED_OFFER of 1.0 by HTTP", b"\0\1" + good[2:], DROP
    offer = bad.batch("padding not zero", True)
    offer.padding = (b"\xff" * 4, b"\xaa" * 6)
    yield "padding not zero", offers.encode(offer), TAKEN
    yield "no descriptor", good[:16], DROP
    yield "129 descriptors", good + good[16:] * 128, DROP
    yield "128 descriptors of one", good[:16] + batch("128 descriptors", True)[16:] * 128, TAKEN
    for size in (0, 15, 17, 0xFFFF):
        name = f"content tag of {size}"
        data = batch(name)
        yield name, data[:24] + size.to_bytes(2, "big") + (
            data[26:34] + data[42:] if size == 0 else data[26:]), DROP
    yield "algorithm 0xFE", batch("algorithm 0xFE", algorithm=0xFE), TAKEN
    yield "algorithm 0", batch("algorithm 0", algorithm=0), TAKEN
    for cut in (1, 58):
        yield f"cut short by {cut}", batch(f"cut short by {cut}")[:-cut], DROP
    yield "one octet more", batch("one octet more") + b"\0", DROP
    for size in (0, (32 << 20) + 1, 0xFFFFFFFF):
        yield f"size {size}", batch(f"size {size}", size=size), TAKEN
    yield "size 128 KiB and one, algorithm 4", batch(
        "size, algorithm 4", size=(128 << 10) + 1, algorithm=4), TAKEN
    for size in (0, 1, 0xFFFFFFFF):
        yield f"BlockSize {size}", batch(f"BlockSize {size}", True, block_size=size), TAKEN
    offer = bad.batch("port 0", False)
    offer.port = 0
    yield "port 0", offers.encode(offer), TAKEN
    yield "64 KiB and one", good + bytes(offers.BODY_MAX + 1 - len(good)), DROP
    offer = bad.batch("algorithm 0xFE beside a good one", True)
    offer.descriptors.insert(0, replace(bad.batch("beside", False).descriptors[0], algorithm=0xFE))
    yield "algorithm 0xFE beside a good one", offers.encode(offer), TAKEN


def by_https(bad):
    initial = bad.initial("https, shorter than 16 octets")
    yield "empty, TLS", b"", DROP
    yield "15 octets, TLS", initial[:15], DROP
    yield "version 0xFE.0xFE, TLS", b"\xfe\xfe" + initial[2:], DROP
    yield "version 1.1, TLS", b"\1\1" + initial[2:], DROP
    yield "type 0xFEFE, TLS", initial[:2] + b"\xfe\xfe" + initial[4:], DROP
    yield "BATCHED_OFFER by HTTPS", offers.encode(bad.batch("BATCHED_OFFER by HTTPS", False)), DROP
    yield "BATCHED_OFFER of 1.0", b"\0\1" + offers.encode(
        bad.batch("BATCHED_OFFER of 1.0", False))[2:], DROP
    for size in (0, 16, 20, 31, 33, 47, 65, 4096):
        yield f"id of {size}", initial[:16] + (initial[16:] * 200)[:size], DROP
    for size in (32, 48, 64):
        yield f"unknown id of {size}", initial[:16] + os.urandom(size), TAKEN_INTERESTED
    whole = bad.info("no content tag", False)
    for size in (16, 31):
        yield f"SEGMENT_INFO of {size}", whole[:size], DROP
    yield "content tag only", whole[:32], TAKEN
    yield "information version 0xFEFE", bad.info(
        "information version", False, version=b"\xfe\xfe"), TAKEN
    yield "hash algorithm 0xFEFE", bad.info("hash algorithm", False, number=0xFEFE), TAKEN
    yield "no segment description", bad.info(
        "no segment description", False, lambda data: data[:18]), TAKEN
    yield "two segments announced", bad.info("two announced", False, count=2), TAKEN
    yield "two segments", bad.info(
        "two segments", False, lambda d: d[:18] + d[18:98] * 2 + d[98:] * 2, count=2), TAKEN
    for name, change in {
            "cut in the description": lambda data: data[:60], "cut before the list": lambda d: d[:98],
            "cut in the list": lambda data: data[:-1], "octets behind": lambda data: data + b"\0",
            "no hashes": lambda data: data[:98] + bytes(4),
            "hashes wrap": lambda data: data[:98] + b"\xff" * 4 + data[102:],
            "one hash more": lambda data: data[:98] + (1 + int.from_bytes(
                data[98:102], "little")).to_bytes(4, "little") + data[102:] + bytes(32),
            "block size 65535": lambda data: data[:30] + b"\xff\xff\0\0" + data[34:],
            "segment of 0": lambda data: data[:26] + bytes(4) + data[30:],
            "segment of 4 GiB": lambda data: data[:26] + b"\xff" * 4 + data[30:]}.items():
        yield name, bad.info(name, False, change), TAKEN
    yield "another hash of data", bad.info("another hash of data", False, hod=bytes(32)), TAKEN
    yield "read 0", bad.info("read 0", True, read=0), TAKEN
    yield "good", bad.info("good", True), TAKEN
    yield "64 KiB and one, TLS", whole + bytes(offers.BODY_MAX + 1 - len(whole)), DROP


def small_contents(count):
    """Each one segment of version 1.0 with two blocks."""
    contents = peer_content.Contents()
    for number in range(count):
        data = random.Random(number).randbytes(70000)
        contents.add(model.decode(model.make(data, 1, b"no more secrets")), data)
    return contents


# ---- HTTP round the messages ----

def status_rows(body, retrieval):
    """(what, method, path, version, lines, body, status)"""
    for name, path, data in (("offers", offers.PATH_2, body), ("retrieval", messages.PATH,
                                                               retrieval)):
        for how, spelled in {"as it is": path, "no slash": path[:-1], "lower": path.lower(),
                             "upper": path.upper()}.items():
            yield f"{name}, {how}", "POST", spelled, "HTTP/1.1", (), data, 200
        yield f"{name}, HTTP/1.0", "POST", path, "HTTP/1.0", (), data, 200
        if name == "offers":
            yield "Origin", "POST", path, "HTTP/1.1", ("Origin: http://x.test",), data, 403
        yield f"{name}, GET", "GET", path, "HTTP/1.1", (), b"", 405
        yield f"{name}, in braces", "POST", "/{" + path.strip("/") + "}/", "HTTP/1.1", (), data, 404
        yield f"{name}, below", "POST", path + "x", "HTTP/1.1", (), data, 404
    yield "version 1.0's path by HTTP", "POST", offers.PATH_1, "HTTP/1.1", (), body, 404
    yield "root", "GET", "/", "HTTP/1.1", (), b"", 404
