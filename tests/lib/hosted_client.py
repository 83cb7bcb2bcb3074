#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A client of a hosted cache that behaves as it is told to, for tests. Prints JSON, a line each.
PLACE: ADDR:PORT. Contents: --file, --information, --version, --secret as of peer_content.py;
--segments A:B: of these some only. --seed: of the initial vectors of what is given.

    hosted_client.py offer PLACE [--protocol 1|2] [--source ADDR] [--port N] [--serve BEHAVIOUR]
                      [--wait pulled|asked|nothing] [--await A:B] [--stay] [--announce N] [--size N] [--batch N]
                      [--initial-only | --info-only] [--blocks A:B] [--repeat N] [--log FILE]
                      [--cacert FILE [--name NAME]]
                      offers all segments and gives blocks from SOURCE until each was given (or
                      one asked for; or not at all); a line with "codes" (of the answers), "lists",
                      "blocks" (times asked for), "given" (different blocks), "from". Status 1: an
                      answer is not one of section 7, or the wait was in vain. --stay: goes on giving
                      until it is ended. Protocol 1 (HTTPS): an INITIAL_OFFER, and on INTERESTED the
                      SEGMENT_INFO; with --blocks its list has these only
    hosted_client.py ask PLACE [--expect replayed|encrypted|nothing] [--serve BEHAVIOUR] [--by-list]
                      [--cipher N] [--wait SECONDS] [--source ADDR] [--blocks A:B]
                      [--expect-held A:B]
                      asks for every block; what is asked for is what is held, unless more is.
                      replayed: octet for octet as it was given with that seed and behaviour, whatever
                      cipher is asked for; encrypted: anew each time, under another vector, and the
                      right plaintext
    hosted_client.py segments PLACE [--unknown N] [--wait SECONDS --expect-age SECONDS]
                      by GETSEGLIST, with N ids between that nobody has; waits until all are so old
    hosted_client.py bad PLACE --tls-place PLACE --cacert FILE [--only TEXT]
                      every row of section 10: a line for each that is not answered as it should be;
                      at last nothing was pulled but what should be
    hosted_client.py statuses PLACE [--source ADDR]
                      the HTTP status of each path and of what is near it
    hosted_client.py crowd PLACE --offers N --sources N [--same] [--of-each N] [--pause SECONDS]
                      offers of segments that nobody has, from 127.1.x.y, all answered OK; --same: of
                      the same segment, the content's first, given by each
    hosted_client.py --list     all behaviours
"""
import argparse
import json
import os
import signal
import socket
import ssl
import sys
import threading
import time
from dataclasses import replace

sys.dont_write_bytecode = sys.pycache_prefix is None
import hosted_badly as badly  # noqa: E402
import hosted_messages as offers  # noqa: E402
import hosted_pulled as pulled  # noqa: E402
import peer_asking as asking  # noqa: E402
import peer_cipher  # noqa: E402
import peer_content  # noqa: E402
import peer_messages as messages  # noqa: E402
import peer_serving as serving  # noqa: E402
from hosted_messages import BATCHED_OFFER, INITIAL_OFFER, SEGMENT_INFO, Offer  # noqa: E402
from peer_messages import BLK, GETBLKLIST, GETBLKS, GETSEGLIST, Malformed, Message  # noqa: E402

PATIENCE = 20  # seconds for what must come; our choice
CROWD_PATIENCE = 60  # for ten thousand, which this program itself has to give
POLL = 0.02    # seconds between two looks
output = threading.Lock()


class Wrong(ValueError):
    """Not as it should be; says what."""


def wrong_if(condition, why):
    if condition:
        raise Wrong(why)


def show(record):
    with output:
        print(json.dumps(record), flush=True)


# ---- connections ----

class SecurePeer(asking.Peer):
    """By TLS; NAME is what the certificate must be for."""

    def __init__(self, place, source, cacert, name):
        super().__init__(place, source)
        context = ssl.create_default_context(cafile=cacert)
        self.socket = context.wrap_socket(self.socket, server_hostname=name or place[0])
        self.file = self.socket.makefile("rb")


def connect(place, source=None, cacert=None, name=None):
    source = (source, 0) if source else None
    return SecurePeer(place, source, cacert, name) if cacert else asking.Peer(place, source)


def post_offer(peer, body, tls):
    """The HTTP answer, None: closed instead."""
    return peer.post(body, path=offers.PATH_1 if tls else offers.PATH_2)


# ---- contents ----

def between(text, count):
    """(first, behind) of A:B."""
    first, _, behind = text.partition(":")
    return int(first or 0), min(int(behind or count), count)


def load(arguments):
    contents = peer_content.load(arguments)
    if arguments.segments:
        first, behind = between(arguments.segments, len(contents.segments))
        contents.segments = contents.segments[first:behind]
        contents.by_id = {one.id: one for one in contents.segments}
    return contents


def wanted_blocks(contents, arguments):
    """(segment, index) of all, or those of --blocks."""
    for segment in contents.segments:
        first, behind = between(arguments.blocks or ":", len(segment.blocks))
        for index in range(first, behind):
            if segment.blocks[index]:
                yield segment, index


# ---- offering ----

class Offerer:
    def __init__(self, arguments, log):
        self.arguments = arguments
        self.contents = load(arguments)
        self.place, self.source = arguments.place, arguments.source
        self.tls = arguments.protocol == 1
        self.pulled = pulled.Pulled(self.contents, arguments.serve, arguments.seed, log)
        self.port, self.codes = arguments.port, []
        self.open_port()

    def open_port(self):
        address = self.source or ("::" if ":" in self.place[0] else "0.0.0.0")
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        server = pulled.Server(family, (address, self.port), self.pulled)
        self.port = server.server_address[1]
        if self.arguments.serve == "refused":
            server.server_close()
        elif self.arguments.serve == "unaccepted":
            self.kept = server
        else:
            threading.Thread(target=server.serve_forever, daemon=True).start()

    def peer(self):
        return connect(self.place, self.source, self.arguments.cacert, self.arguments.name)

    def announced(self):
        return self.port if self.arguments.announce is None else self.arguments.announce

    def send(self, peer, offer):
        answer = post_offer(peer, offers.encode(offer), self.tls)
        wrong_if(answer is None, "closed without an answer")
        wrong_if(answer.status != 200, f"status {answer.status}")
        code = offers.decode_response(answer.body, offer.type)
        self.codes.append(code)
        return code

    def offer_batches(self, peer):
        described = [pulled.described(one, self.contents) for one in self.contents.segments]
        if self.arguments.size is not None:
            described = [replace(one, size=self.arguments.size) for one in described]
        step = self.arguments.batch
        for at in range(0, len(described), step):
            self.send(peer, Offer(BATCHED_OFFER, self.announced(),
                                  descriptors=described[at:at + step]))

    def information(self, segment):
        whole, skip = pulled.modelled(segment), 0
        hashes = whole.block_hashes
        if self.arguments.blocks:
            first, behind = between(self.arguments.blocks, len(hashes))
            hashes, skip = hashes[first:behind], first * offers.BLOCK_1
        return offers.information_of(whole, segment.algorithm, hashes, skip)

    def offer_segments(self, peer):
        for segment in self.contents.segments:
            code = offers.INTERESTED
            if not self.arguments.info_only:
                code = self.send(peer, Offer(INITIAL_OFFER, self.announced(), id=segment.id))
            if code == offers.INTERESTED and not self.arguments.initial_only:
                self.send(peer, Offer(SEGMENT_INFO, self.announced(),
                                      information=self.information(segment)))

    def offer(self):
        with self.peer() as peer:
            for _ in range(self.arguments.repeat):
                (self.offer_segments if self.tls else self.offer_batches)(peer)

    def all_asked(self):
        asked = {(bytes.fromhex(one["id"]), one["ranges"][0][0]) for one in self.pulled.answered
                 if one.get("type") == "GETBLKS"}
        first, behind = between(self.arguments.await_ or ":", len(self.contents.segments))
        awaited = {one.id for one in self.contents.segments[first:behind]}
        return all((segment.id, index) in asked
                   for segment, index in wanted_blocks(self.contents, self.arguments)
                   if segment.id in awaited)

    def wait(self):
        conditions = {"pulled": self.all_asked, "asked": lambda: self.pulled.asked,
                      "nothing": lambda: True}
        return self.pulled.wait(conditions[self.arguments.wait], PATIENCE)

    def summary(self):
        asked = self.pulled.counted("GETBLKS")
        given = {(one["id"], tuple(one["ranges"][0])) for one in list(self.pulled.asked)
                 if one.get("type") == "GETBLKS"}
        ids = [one.id.hex() for one in self.contents.segments]
        return {"codes": self.codes, "lists": len(self.pulled.counted("GETBLKLIST")),
                "blocks": len(asked), "given": len(given), "port": self.port,
                "which": sorted({ids.index(one) for one, _ in given}),
                "segments": len(self.contents.segments), "odd": [one for one in list(self.pulled.asked) if "type" not in one][:5]}


def command_offer(arguments):
    log_file = open(arguments.log, "a", encoding="utf-8") if arguments.log else None

    def log(record):
        if log_file:
            with output:
                print(json.dumps(record), file=log_file, flush=True)
    offering = Offerer(arguments, log)
    wrong = None
    try:
        offering.offer()
        wrong_if(not offering.wait(), f"not {arguments.wait} in {PATIENCE} s")
    except (Wrong, offers.Unusable, Malformed, OSError) as error:
        wrong = f"{type(error).__name__}: {error}"
    show(dict(offering.summary(), **({"wrong": wrong} if wrong else {})))
    while arguments.stay and not wrong:
        signal.pause()
    serving.stopping.set()
    sys.stdout.flush()
    os._exit(1 if wrong else 0)


# ---- asking ----

def expected_next(segment, index, held):
    return messages.next_block({n for n in range(len(segment.blocks)) if (segment.id, n) in held},
                               index)


def check_replayed(answer, segment, index, told):
    given = told.given(segment.id, index)
    for name in ("cipher", "iv", "block"):
        wrong_if(getattr(answer, name) != getattr(given, name), f"another {name}")


def check_encrypted(answer, segment, index, told):
    start, end, digest = segment.blocks[index]
    wrong_if(answer.cipher not in (1, 2, 3), f"cipher {answer.cipher}")
    plain = peer_cipher.unseal(answer.cipher, segment.secret, answer.iv, answer.block)
    wrong_if(len(plain) != end - start or segment.algorithm.digest(plain) != digest, "wrong octets")
    wrong_if(answer.iv == told.given(segment.id, index).iv, "the initial vector that was given")
    wrong_if(answer.iv in told.vectors, "an initial vector twice")
    told.vectors.add(answer.iv)


def ask_one(peer, segment, index, arguments, told, held):
    answer = peer.ask(Message(GETBLKS, cipher=arguments.cipher, id=segment.id, ranges=[(index, 1)]))
    wrong_if(answer.type != BLK, f"type {answer.type}")
    if arguments.expect == "nothing":
        wrong_if(answer.block, "a block")
        return
    wrong_if(not answer.block, "no block")
    {"replayed": check_replayed, "encrypted": check_encrypted}[arguments.expect](
        answer, segment, index, told)
    wrong_if(answer.next != expected_next(segment, index, held), f"next block {answer.next}")
    if arguments.expect == "encrypted" and arguments.cipher:
        wrong_if(answer.cipher != arguments.cipher, f"cipher {answer.cipher}")


def ask_lists(peer, contents, held):
    for segment in contents.segments:
        answer = peer.ask(Message(GETBLKLIST, id=segment.id, ranges=[(0, len(segment.blocks))]))
        there = {n for n in range(len(segment.blocks)) if (segment.id, n) in held}
        wrong_if(messages.blocks_of(answer.ranges) != there, f"list {answer.ranges}")


def ask_all(arguments, contents, told):
    wanted = list(wanted_blocks(contents, arguments))
    held = set() if arguments.expect == "nothing" else {(one.id, n) for one, n in wanted}
    if arguments.expect_held:
        held = {(one.id, n) for one in contents.segments
                for n in range(*between(arguments.expect_held, len(one.blocks)))}
    with connect(arguments.place, arguments.source) as peer:
        if arguments.by_list:
            ask_lists(peer, contents, held)
        for segment, index in wanted:
            try:
                ask_one(peer, segment, index, arguments, told, held)
            except Wrong as error:
                raise Wrong(f"{segment.id.hex()} block {index}: {error}") from None
    return len(wanted)


def patiently(function, seconds):
    """Until it holds."""
    end = time.monotonic() + seconds
    while True:
        try:
            return function()
        except (Wrong, Malformed, peer_cipher.Undecryptable):
            if time.monotonic() > end:
                raise
        time.sleep(POLL)


def command_ask(arguments):
    contents = load(arguments)
    told = pulled.Pulled(contents, arguments.serve, arguments.seed, lambda _: None)
    told.vectors = set()
    count = patiently(lambda: ask_all(arguments, contents, told), arguments.wait)
    show({"blocks": count, "expected": arguments.expect})


def segments_held(arguments, ids):
    request = Message(GETSEGLIST, request_id=os.urandom(16), ids=ids, blob=b"")
    with connect(arguments.place, arguments.source) as peer:
        answer = peer.ask(request)
    wrong_if(answer.type != messages.SEGLIST, f"type {answer.type}")
    there = {i for index, count in answer.ranges for i in range(index, index + count)}
    wrong_if(answer.ranges != messages.normal_form(there), "not in normal form")
    return there, messages.decode_ages(answer.blob) if answer.blob else []


def command_segments(arguments):
    known = [one.id for one in load(arguments).segments]
    ids = []
    for at, identity in enumerate(known):
        ids += [identity] + [pulled.drawn("unknown", at, n) for n in range(arguments.unknown)]
    step = arguments.unknown + 1

    def look():
        there, ages = segments_held(arguments, ids)
        wrong_if(any(i % step for i in there), "an unknown one")
        if arguments.expect_age is not None:
            wrong_if(len(there) * step != len(ids), "not all")
            wrong_if(any(age < arguments.expect_age * 1000 for _, age in ages), "too young")
        return there, ages
    there, ages = patiently(look, arguments.wait)
    # Counted from the first that is listed.
    wrong_if({min(there) + index for index, _ in ages} - there if there else ages, "ages of others")
    show({"asked": len(ids), "held": sorted(i // step for i in there), "ages": len(ages),
          "oldest_ms": max((age for _, age in ages), default=None)})


# ---- bad requests, section 10 ----

def check_bad(peer, name, body, expected, tls):
    try:
        answer = post_offer(peer, body, tls)
    except (ConnectionResetError, BrokenPipeError):
        # What is refused before it was read.
        wrong_if(len(body) <= offers.BODY_MAX, "reset")
        return
    wrong_if(answer is None, "closed without an answer")
    if expected != badly.DROP:
        wrong_if(answer.status != 200, f"status {answer.status}")
        wrong_if(answer.body != offers.encode_response(expected), f"body {answer.body.hex()}")
        return
    allowed = (400, 413) if len(body) > offers.BODY_MAX else (400,)
    wrong_if(answer.status not in allowed, f"status {answer.status}")
    wrong_if(answer.status == 400 and answer.body, f"a body: {answer.body[:50]!r}")
    wrong_if(not peer.closed(), "goes on")


def check_pulls(bad, told):
    """All that should be, is pulled; nothing else."""
    def names():
        return {one["id"] for one in list(told.asked) if "id" in one}

    def complete():
        return {one.hex() for one in bad.pulls} <= names()
    if not told.wait(complete, PATIENCE):
        missing = [name for one, name in bad.pulls.items() if one.hex() not in names()]
        raise Wrong("not pulled: " + ", ".join(missing))
    for one, name in bad.no_pulls.items():
        wrong_if(one.hex() in names(), f"pulled: {name}")


def command_bad(arguments):
    contents = badly.small_contents(100)
    told = pulled.Pulled(contents, "good", arguments.seed, lambda _: None)
    server = pulled.Server(socket.AF_INET, ("127.0.0.1", 0), told)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    bad, count, wrong = badly.Bad(contents, server.server_address[1]), 0, 0
    rows = [(*row, False) for row in badly.by_http(bad)]
    if arguments.tls_place:
        rows += [(*row, True) for row in badly.by_https(bad)]
    for name, body, expected, tls in rows:
        if arguments.only not in name:
            continue
        count += 1
        place = arguments.tls_place if tls else arguments.place
        try:
            with connect(place, None, arguments.cacert if tls else None) as peer:
                check_bad(peer, name, body, expected, tls)
        except (Wrong, Malformed, OSError) as error:
            wrong += 1
            show({"request": name, "wrong": f"{type(error).__name__}: {error}"})
    try:
        if not arguments.only:
            # What was queued before it has been pulled when this one has.
            with connect(arguments.place) as peer:
                post_offer(peer, offers.encode(bad.batch("the last one", True)), False)
            check_pulls(bad, told)
    except Wrong as error:
        wrong += 1
        show({"request": "all", "wrong": str(error)})
    show({"requests": count, "wrong": wrong, "pulled": len(bad.pulls)})
    wrong_if(wrong or not count, f"{wrong} of {count} requests")


# ---- HTTP round the messages ----

def command_statuses(arguments):
    contents = load(arguments)
    body = offers.encode(Offer(BATCHED_OFFER, 0, descriptors=[
        pulled.described(contents.segments[0], contents)]))
    retrieval = messages.encode(Message(GETBLKS, id=contents.segments[0].id, ranges=[(0, 1)]))
    statuses = {}
    wrong = []
    for name, method, path, version, lines, data, expected in badly.status_rows(body, retrieval):
        with connect(arguments.place, arguments.source) as peer:
            answer = peer.post(data, path, method, version, lines)
        statuses[name] = answer and answer.status
        if statuses[name] != expected:
            wrong.append(f"{name}: {statuses[name]}, not {expected}")
    with connect(arguments.place, arguments.source) as peer:
        peer.write(peer.head(offers.PATH_2, "POST", "HTTP/1.1", ["Expect: 100-continue"],
                             len(body)))
        first = peer.read()
        if first and first.status == 100:
            peer.write(body)
            statuses["Expect"] = peer.read().status
        if statuses.get("Expect") != 200:
            wrong.append(f"Expect: {first and first.status}")
    show({"statuses": sorted(set(statuses.values()), key=str), "wrong": wrong})
    wrong_if(wrong, "; ".join(wrong))


# ---- many ----

def crowd_source(number):
    return f"127.1.{number // 250}.{number % 250 + 1}"


def crowd_offers(arguments, contents):
    """(source, body) of each message."""
    each = -(-arguments.offers // arguments.sources)
    for number in range(arguments.sources):
        source = crowd_source(number)
        if arguments.same:
            yield source, [pulled.described(contents.segments[0], contents)] * each
        else:
            yield source, [offers.Descriptor(pulled.drawn("crowd", source, n), 65536, 4)
                           for n in range(each)]


def command_crowd(arguments):
    contents = load(arguments)
    told = pulled.Pulled(contents, arguments.serve, arguments.seed, lambda _: None)
    told.pause = arguments.pause
    server = pulled.Server(socket.AF_INET, ("0.0.0.0", 0), told)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port, jobs, wrong = server.server_address[1], list(crowd_offers(arguments, contents)), []
    count, lock = [0], threading.Lock()

    def work():
        while jobs:
            try:
                source, described = jobs.pop()
            except IndexError:
                return
            try:
                with connect(arguments.place, source) as peer:
                    for at in range(0, len(described), arguments.of_each):
                        answer = post_offer(peer, offers.encode(Offer(
                            BATCHED_OFFER, port,
                            descriptors=described[at:at + arguments.of_each])), False)
                        wrong_if(answer is None or answer.status != 200 or
                                 answer.body != offers.encode_response(offers.OK), "no OK")
                        with lock:
                            count[0] += len(described[at:at + arguments.of_each])
            except (Wrong, Malformed, OSError) as error:
                with lock:
                    wrong.append(f"{source}: {type(error).__name__}: {error}")
    started = time.monotonic()
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - started
    wanted = {"nothing": lambda: True, "asked": lambda: told.asked,
              "pulled": lambda: len({one.get("id") for one in told.answered} - {None}) >= arguments.offers}
    in_vain = not told.wait(wanted[arguments.wait], CROWD_PATIENCE)
    show({"offers": count[0], "seconds": round(seconds, 3), "wrong": wrong[:5],
          "asked": len(told.asked), "most": told.most, "blocks": len(told.counted("GETBLKS")),
          "segments": len({one.get("id") for one in list(told.asked)})})
    serving.stopping.set()
    sys.stdout.flush()
    os._exit(1 if wrong or in_vain or count[0] < arguments.offers else 0)


# ---- the program ----

def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", action="store_true", help="print all behaviours")
    verbs = parser.add_subparsers(metavar="VERB")

    def verb(name, function):
        added = verbs.add_parser(name)
        added.set_defaults(function=function)
        added.add_argument("place", type=asking.parse_place)
        peer_content.add_options(added)
        added.add_argument("--segments", metavar="A:B")
        added.add_argument("--blocks", metavar="A:B")
        added.add_argument("--source", metavar="ADDR")
        added.add_argument("--seed", default="seed")
        added.add_argument("--serve", default="good",
                           choices=(*serving.BEHAVIOURS, *serving.UNSERVED))
        added.add_argument("--cacert")
        added.add_argument("--name")
        return added
    offering = verb("offer", command_offer)
    offering.add_argument("--protocol", type=int, choices=(1, 2), default=2)
    offering.add_argument("--port", type=int, default=0)
    offering.add_argument("--announce", type=int)
    offering.add_argument("--size", type=int)
    offering.add_argument("--batch", type=int, default=128)
    offering.add_argument("--repeat", type=int, default=1)
    offering.add_argument("--wait", choices=("pulled", "asked", "nothing"), default="pulled")
    offering.add_argument("--stay", action="store_true")
    offering.add_argument("--await", dest="await_", metavar="A:B")
    offering.add_argument("--initial-only", action="store_true")
    offering.add_argument("--info-only", action="store_true")
    offering.add_argument("--log")
    being_asked = verb("ask", command_ask)
    being_asked.add_argument("--expect", choices=("replayed", "encrypted", "nothing"),
                             default="replayed")
    being_asked.add_argument("--expect-held", metavar="A:B")
    being_asked.add_argument("--by-list", action="store_true")
    being_asked.add_argument("--cipher", type=int, default=1)
    being_asked.add_argument("--wait", type=float, default=0, metavar="SECONDS")
    listing = verb("segments", command_segments)
    listing.add_argument("--unknown", type=int, default=0)
    listing.add_argument("--expect-age", type=float, metavar="SECONDS")
    listing.add_argument("--wait", type=float, default=0, metavar="SECONDS")
    bad = verb("bad", command_bad)
    bad.add_argument("--tls-place", type=asking.parse_place)
    bad.add_argument("--only", default="")
    verb("statuses", command_statuses)
    crowd = verb("crowd", command_crowd)
    crowd.add_argument("--offers", type=int, required=True)
    crowd.add_argument("--sources", type=int, required=True)
    crowd.add_argument("--of-each", type=int, default=128)
    crowd.add_argument("--pause", type=float, default=0, help="seconds before each block is given")
    crowd.add_argument("--same", action="store_true")
    crowd.add_argument("--wait", choices=("pulled", "asked", "nothing"), default="nothing")
    return parser, parser.parse_args()


def main():
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGUSR1, lambda *_: serving.released.set())  # for who is held
    parser, arguments = parse_arguments()
    if arguments.list:
        print(*serving.BEHAVIOURS, *serving.UNSERVED, sep="\n")
        return
    if not hasattr(arguments, "function"):
        parser.error("a verb is missing")
    try:
        arguments.function(arguments)
    except (Wrong, Malformed, offers.Unusable, peer_cipher.Undecryptable, OSError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
