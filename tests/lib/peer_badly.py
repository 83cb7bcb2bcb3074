# SPDX-License-Identifier: BSD-2-Clause
"""Every bad request of section 10 of the retrieval protocol's digest, and what HTTP has to offer
besides, with the answer that is expected of a server of ours: each a function of the connection's
maker that raises Malformed when it is another."""
import struct
import sys

sys.dont_write_bytecode = sys.pycache_prefix is None
import peer_messages as messages  # noqa: E402
from peer_messages import (  # noqa: E402
    BLK, BLKLIST, GETBLKLIST, GETBLKS, GETSEGLIST, NEGO_REQ, NEGO_RESP, SEGLIST, Message, encode,
    number, refuse_if, sized)
from peer_asking import strictly  # noqa: E402

UNKNOWN = bytes(range(200, 232))


def message(kind, body, cipher=1, version=(1, 0), size=None):
    """Anything, with a true size unless said otherwise."""
    return struct.pack(">HHIII", version[1], version[0], kind,
                       16 + len(body) if size is None else size, cipher) + body


# ---- what is expected ----

def dropped(peer, body, _):
    answer = peer.post(body)
    refuse_if(answer is None, "closed without 400")
    refuse_if(answer.status != 400, f"status {answer.status}, should be 400")
    refuse_if(answer.body, "400 with a body")
    refuse_if(not peer.closed(), "the connection goes on")


def good(peer, body):
    answer = peer.post(body)
    refuse_if(answer is None, "closed without an answer")
    refuse_if(answer.status != 200, f"status {answer.status}, should be 200")
    return answer.body


def versions_told(peer, body, _):
    answer = strictly(good(peer, body), Message(NEGO_REQ))
    refuse_if(answer.type != NEGO_RESP, "no NEGO_RESP")
    refuse_if((answer.least, answer.most) != ((1, 0), (2, 0)), f"{answer.least} to {answer.most}")


def answered(check):
    """CHECK looks at the strictly decoded response."""
    def expected(peer, body, meant):
        answer = strictly(good(peer, body), meant)
        refuse_if(not check(answer), f"answer: {str(answer.shown())[:300]}")
        # A good answer leaves the connection as it is.
        again = strictly(good(peer, encode(Message(NEGO_REQ))), Message(NEGO_REQ))
        refuse_if(again.type != NEGO_RESP, "the connection is of no use")
    return expected


empty_list = answered(lambda a: a.type == BLKLIST and not a.ranges and a.next == 0)
empty_block = answered(lambda a: a.type == BLK and not a.block and not a.iv and a.cipher == 1)


def list_is(blocks):
    return answered(lambda a: a.type == BLKLIST and messages.blocks_of(a.ranges) == blocks)


def block_is(index):
    return answered(lambda a: a.type == BLK and a.block and a.index == index)


def segments_are(*positions):
    return answered(lambda a: a.type == SEGLIST and {
        i for index, count in a.ranges for i in range(index, index + count)} == set(positions))


# ---- the table ----

def frames(known):
    block = encode(Message(GETBLKS, id=known, ranges=[(0, 1)]))
    parts = known_parts(known)
    yield "empty", b"", dropped
    yield "15 octets", block[:15], dropped
    yield "header only", message(GETBLKS, b""), dropped
    yield "size 15", message(GETBLKS, block[16:], size=15), dropped
    yield "size 0", message(GETBLKS, block[16:], size=0), dropped
    yield "size one more", message(GETBLKS, block[16:], size=len(block) + 1), dropped
    yield "size one less", message(GETBLKS, block[16:], size=len(block) - 1), dropped
    yield "size 98305", message(GETBLKS, block[16:], size=98305), dropped
    yield "size wraps", message(GETBLKS, block[16:], size=0xFFFFFFFF), dropped
    yield "cut short", message(GETBLKS, block[16:-1]), dropped
    for kind in (NEGO_REQ, GETBLKLIST, GETBLKS, GETSEGLIST):
        yield f"surplus, type {kind}", message(kind, parts[kind] + b"\0\0\0\0"), dropped
        yield f"one octet more, type {kind}", message(kind, parts[kind] + b"\0"), dropped
    for kind in (8, 0xFEFE, 0xFFFFFFFF):
        yield f"type {kind:#x}", message(kind, block[16:]), dropped
    for answer in (Message(NEGO_RESP), Message(BLKLIST, id=known, ranges=[(0, 1)]),
                   Message(BLK, id=known, block=bytes(16), iv=bytes(16)), Message(SEGLIST)):
        yield f"response, type {answer.type}", encode(answer), dropped
    for cipher in (4, 0x80000001, 0xFFFFFFFF):
        yield f"cipher {cipher:#x}", message(GETBLKS, block[16:], cipher=cipher), dropped


def known_parts(known):
    """The bodies of good requests, by type."""
    return {kind: encode(Message(kind, id=known, ranges=[(0, 1)], ids=[known]))[16:]
            for kind in messages.REQUESTS}


def of_versions(known):
    parts = known_parts(known)
    for version in ((0, 0), (0, 1), (3, 0), (256, 1), (0xFEFE, 0xFEFE)):
        for kind, body in parts.items():
            yield f"version {version}, type {kind}", message(kind, body, version=version), \
                versions_told
    yield "version (3, 0), broken", message(GETBLKS, b"xyz", version=(3, 0)), versions_told
    yield "version (3, 0), cipher 4", message(GETBLKS, b"xyz", 4, (3, 0)), versions_told
    yield "version (3, 0), false size", message(GETBLKS, b"xyz", 1, (3, 0), 99), dropped
    yield "version (3, 0), a response", message(BLK, b"xyz", 1, (3, 0)), dropped
    yield "odd minor", message(GETBLKS, parts[GETBLKS], version=(1, 7)), block_is(0)
    yield "block as 2.0", message(GETBLKS, parts[GETBLKS], version=(2, 0)), block_is(0)
    yield "list as 2.9", message(GETBLKLIST, parts[GETBLKLIST], version=(2, 9)), list_is({0})
    yield "segments as 1.0", message(GETSEGLIST, parts[GETSEGLIST]), segments_are(0)
    yield "versions", message(NEGO_REQ, parts[NEGO_REQ]), versions_told
    yield "versions from 7 to 3", encode(Message(NEGO_REQ, least=(7, 0), most=(3, 0))), \
        versions_told


def of_ids(known):
    tail = number(1) + number(0) + number(1)
    for kind, end, nothing in ((GETBLKLIST, b"", empty_list), (GETBLKS, number(0), empty_block)):
        for size in (1, 20, 31, 33, 48, 64):
            yield f"id of {size}, type {kind}", message(
                kind, sized(bytes([7]) * size) + tail + end), nothing
        yield f"unknown id, type {kind}", message(kind, sized(UNKNOWN) + tail + end), nothing
        for size in (0, 65, 1000):
            yield f"id of {size}, type {kind}", message(
                kind, sized(bytes([7]) * size) + tail + end), dropped
        for size in (0x7FFFFFFF, 0xFFFFFFFF, 200):
            yield f"id size {size:#x}, type {kind}", message(
                kind, number(size) + known + tail + end), dropped
        yield f"padding, type {kind}", message(
            kind, number(30) + bytes(30) + b"\0\1" + tail + end), dropped


def of_ranges(known, held):
    def body(*ranges, count=None):
        return sized(known) + number(len(ranges) if count is None else count) + b"".join(
            struct.pack(">II", *one) for one in ranges)
    for kind, end in ((GETBLKLIST, b""), (GETBLKS, number(0))):
        yield f"count too large, type {kind}", message(kind, body((0, 1), count=2) + end), dropped
        yield f"count huge, type {kind}", message(
            kind, body((0, 1), count=0x20000001) + end), dropped
        yield f"count too small, type {kind}", message(
            kind, body((0, 1), (1, 1), count=1) + end), dropped
        yield f"257 ranges, type {kind}", message(kind, body(*[(0, 1)] * 257) + end), dropped
        yield f"256 ranges, type {kind}", message(kind, body(*[(0, 1)] * 256) + end), \
            list_is({0}) if kind == GETBLKLIST else block_is(0)
    yield "list of nothing", message(GETBLKLIST, body()), empty_list
    yield "block of nothing", message(GETBLKS, body() + number(0)), dropped
    yield "block of an empty range", message(GETBLKS, body((0, 0)) + number(0)), empty_block
    yield "list with an empty range", message(GETBLKLIST, body((0, 0), (0, 1))), list_is({0})
    yield "block with an empty range", message(GETBLKS, body((5, 0), (0, 1)) + number(0)), \
        block_is(0)
    yield "list beyond", message(GETBLKLIST, body((0, 1), (512, 9))), list_is({0})
    yield "list far beyond", message(GETBLKLIST, body((0xFFFFFFFF, 0xFFFFFFFF))), empty_list
    yield "list that wraps", message(GETBLKLIST, body((1, 0xFFFFFFFF))), list_is(held - {0})
    yield "block beyond", message(GETBLKS, body((512, 1)) + number(0)), empty_block
    yield "block far beyond", message(GETBLKS, body((0xFFFFFFFF, 2)) + number(0)), empty_block
    yield "list in disorder", message(GETBLKLIST, body((1, 1), (0, 2), (0, 1), (1, 0))), \
        list_is(held & {0, 1})
    yield "several blocks", message(GETBLKS, body((1, 3), (0, 2)) + number(0)), block_is(0)


def of_verification(known):
    start = sized(known) + number(1) + number(0) + number(1)
    yield "verification data", message(GETBLKS, start + number(5) + b"12345"), block_is(0)
    yield "verification too long", message(GETBLKS, start + number(6) + b"12345"), dropped
    yield "verification too short", message(GETBLKS, start + number(4) + b"12345"), dropped
    yield "verification missing", message(GETBLKS, start), dropped


def of_segments(known):
    other = sized(UNKNOWN)

    def body(*ids, count=None, blob=number(0)):
        return bytes(range(16)) + number(len(ids) if count is None else count) + b"".join(
            ids) + blob

    def ask(*arguments, **named):
        return message(GETSEGLIST, body(*arguments, **named), version=(2, 0))
    known = sized(known)
    yield "no ids", ask(), dropped
    yield "id count too large", ask(known, count=2), dropped
    yield "id count too small", ask(known, known, count=1), dropped
    yield "id count huge", ask(known, count=0xFFFFFFFF), dropped
    yield "blob missing", ask(known, blob=b""), dropped
    yield "blob too long", ask(known, blob=number(9) + bytes(8)), dropped
    yield "blob too short", ask(known, blob=number(7) + bytes(8)), dropped
    yield "blob of nonsense", ask(known, blob=number(3) + b"abc"), segments_are(0)
    yield "blob of ages", ask(known, blob=sized(messages.encode_ages([(0, 100)]))), segments_are(0)
    yield "id repeated", ask(known, other, known), segments_are(0, 2)
    yield "ids of mixed sizes", ask(sized(b"x"), known, sized(bytes(64))), segments_are(1)
    yield "an id of nothing", ask(known, sized(b"")), dropped
    yield "an id of 65", ask(known, sized(bytes(65))), dropped
    yield "unknown ids", ask(other, other), segments_are()
    yield "2729 ids", ask(*[other] * 2728, known), segments_are(2728)


def of_http(known):
    block = encode(Message(GETBLKS, id=known, ranges=[(0, 1)]))
    ask = Message(GETBLKS, id=known, ranges=[(0, 1)])

    def is_block(answer):
        refuse_if(answer is None or answer.status != 200, f"status {answer and answer.status}")
        refuse_if(not strictly(answer.body, ask).block, "no block")

    def status(code, **named):
        def check(peer, _, __):
            answer = peer.post(block, **named)
            refuse_if(answer is None or answer.status != code,
                      f"status {answer and answer.status}, should be {code}")
        return check

    def path(text):
        return lambda peer, *_: is_block(peer.post(block, path=text))

    def continued(peer, *_):
        peer.write(peer.head(messages.PATH, "POST", "HTTP/1.1", ["Expect: 100-continue"],
                             len(block)))
        answer = peer.read()
        refuse_if(answer is None or answer.status != 100, "no 100 Continue")
        peer.write(block)
        is_block(peer.read())

    def old(peer, *_):
        is_block(peer.post(block, version="HTTP/1.0"))
        refuse_if(not peer.closed(), "an HTTP/1.0 connection goes on")

    def too_large(peer, *_):
        peer.write(peer.head(messages.PATH, "POST", "HTTP/1.1", [], 98305))
        answer = peer.read()
        refuse_if(answer is None or answer.status != 413, f"status {answer and answer.status}")
        refuse_if(not peer.closed(), "the connection goes on")

    def kept(peer, *_):
        for _ in range(50):
            is_block(peer.post(block))

    def octet_by_octet(peer, *_):
        for at in range(0, len(block), 1):
            peer.write((peer.head(messages.PATH, "POST", "HTTP/1.1", [], len(block))
                        if at == 0 else b"") + block[at:at + 1])
        is_block(peer.read())

    def without_length(peer, *_):
        answer = peer.post(b"", announced=False)
        refuse_if(answer is None or not 400 <= answer.status < 500,
                  f"status {answer and answer.status}")

    def chunked(peer, *_):
        peer.write(peer.head(messages.PATH, "POST", "HTTP/1.1", ["Transfer-Encoding: chunked"],
                             False) + b"%x\r\n%s\r\n0\r\n\r\n" % (len(block), block))
        answer = peer.read()
        if answer is None or answer.status not in (411, 501):
            is_block(answer)

    def not_http(peer, *_):
        peer.write(b"\x16\x03\x01\x02\x00\x01\x00" + bytes(range(256)) * 4 + b"\r\n\r\n")
        answer = peer.read()
        refuse_if(answer is not None and answer.status < 400, "noise is answered")

    yield "path in lower case", path(messages.PATH.lower())
    yield "path without the slash", path(messages.PATH[:-1])
    yield "path in upper case", path(messages.PATH.upper())
    yield "other path", status(404, path="/")
    yield "longer path", status(404, path=messages.PATH + "x")
    yield "path in braces", status(404, path="/{" + messages.PATH[1:-1] + "}/")
    yield "GET", status(405, method="GET")
    yield "PUT", status(405, method="PUT")
    yield "100-continue", continued
    yield "HTTP/1.0", old
    yield "announced too large", too_large
    yield "kept alive", kept
    yield "octet by octet", octet_by_octet
    yield "without a length", without_length
    yield "chunked", chunked
    yield "no HTTP", not_http


def meant_by(body):
    """The request that BODY stands for, where there is one."""
    try:
        return messages.decode_request(body)
    except messages.Incompatible:
        return Message(NEGO_REQ)
    except messages.Malformed:
        return None


def table(known, held):
    """(name, check of a connection). HELD: the blocks of KNOWN that are held, 0 among them."""
    for group in (frames(known), of_versions(known), of_ids(known), of_ranges(known, held),
                  of_verification(known), of_segments(known)):
        for name, body, expected in group:
            yield name, lambda peer, body=body, expected=expected: expected(
                peer, body, meant_by(body))
    for name, check in of_http(known):
        yield name, lambda peer, check=check: check(peer, None, None)
