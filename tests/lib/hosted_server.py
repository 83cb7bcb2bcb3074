#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A hosted cache that behaves as it is told to, for tests.

    hosted_server.py [--listen ADDR:PORT] [--tls-listen ADDR:PORT --tls-cert FILE --tls-key FILE]
                     [--file FILE]... [--hold N] [--poison N] [--set KEY=VALUE]... [--log FILE]

Takes offers of both versions, pulls what is offered from who offered it, keeps it (by version 2.0 as
it came, by version 1.0 in plaintext) and gives it. Holds the first N segments of the files from the
start, and rubbish for the first N of --poison; what is pulled replaces it. Settings, also by
POST /set with KEY=VALUE lines while it runs:
    retrieval=BEHAVIOUR   of what it gives: those of peer_serving.py
    segments=yes          GETSEGLIST: yes; nego (as 2008 R2, with versions 1.0 only); silent; empty;
                          all (lists what it has not); status (an HTTP error); garbage
    offers=ok             ok; interested (always); 401; stall; close; garbage; code (one that does not
                          exist); long (an octet too many); status (500)
    pull=yes              yes; no (answers OK and does nothing); twice; list (asks for a list always)
    keep=yes              no: what was pulled is forgotten
    wish=1                the CryptoAlgoId of its requests
The log has JSON lines: "event" is "ready" (with "port", "tls_port"), "offer" (as it was decoded, with
"from", "tls", "time"), "dropped" (one that is malformed), "pull" (with "id", "index", "from", "cipher",
"size", "iv"; "empty", or "wrong" and why), "pulled" (the end of an offered segment), "request" (for
retrieval).
"""
import argparse
import json
import os
import random
import signal
import socket
import socketserver
import ssl
import sys
import threading
import time
from dataclasses import replace

sys.dont_write_bytecode = sys.pycache_prefix is None
import hosted_messages as offers  # noqa: E402
import hosted_pulled  # noqa: E402,F401  more behaviours
import peer_asking as asking  # noqa: E402
import peer_cipher  # noqa: E402
import peer_content  # noqa: E402
import peer_messages as messages  # noqa: E402
import peer_serving as serving  # noqa: E402
from hosted_messages import INITIAL_OFFER, SEGMENT_INFO  # noqa: E402
from peer_messages import (  # noqa: E402
    BLK, BLKLIST, GETBLKLIST, GETBLKS, GETSEGLIST, NEGO_REQ, NEGO_RESP, SEGLIST, Malformed, Message)

SIMPLE_MAX = 3  # adjacent blocks that are asked for without a list
SETTINGS = {
    "retrieval": tuple(serving.BEHAVIOURS),
    "segments": ("yes", "nego", "silent", "empty", "all", "status", "garbage"),
    "offers": ("ok", "interested", "401", "stall", "close", "garbage", "code", "long", "status"),
    "pull": ("yes", "no", "twice", "list"), "keep": ("yes", "no"), "wish": tuple("0123")}
DEFAULTS = {"retrieval": "good", "segments": "yes", "offers": "ok", "pull": "yes", "keep": "yes",
            "wish": "1"}
lock = threading.Lock()


# ---- what is held ----

class Held:
    """Of a segment: blocks by number, as (cipher, iv, octets) or, with a secret, plaintext."""

    def __init__(self, secret=None):
        self.secret, self.blocks, self.since = secret, {}, time.monotonic()


class Cache:
    def __init__(self, arguments):
        self.by_id, self.known = {}, {}  # known: id: (model.Segment, hash)
        self.contents = peer_content.load(arguments)
        for segment in self.contents.segments[:arguments.hold]:
            held = self.by_id[segment.id] = Held(segment.secret)
            held.blocks = {n: self.contents.block(segment, n) for n in range(len(segment.blocks))}
        chance = random.Random(5)
        for segment in self.contents.segments[:arguments.poison]:
            held = self.by_id[segment.id] = Held()
            for number, (start, end, _) in enumerate(segment.blocks):
                size = (end - start) // 16 * 16 + 16
                held.blocks[number] = (1, chance.randbytes(16), chance.randbytes(size))

    def numbers(self, identity):
        with lock:
            held = self.by_id.get(identity)
            return set(held.blocks) if held else set()

    def put(self, identity, number, block, secret):
        with lock:
            held = self.by_id.get(identity)
            if held is None or held.secret != secret:
                held = self.by_id[identity] = Held(secret)
            held.blocks[number] = block

    def answer(self, request):
        """As serving.Store."""
        held = self.numbers(request.id)
        if request.type == NEGO_REQ:
            return Message(NEGO_RESP)
        if request.type == GETBLKLIST:
            found = messages.normal_form(held & messages.blocks_of(request.ranges))
            return Message(BLKLIST, id=request.id, ranges=found,
                           next=messages.next_block(held, sum(found[-1]) - 1) if found else 0)
        if request.type == GETSEGLIST:
            return self.segments(request)
        index, asked = messages.selected(request.ranges)
        answer = Message(BLK, cipher=request.cipher or 1, id=request.id, index=index,
                         next=messages.next_block(held, index))
        if asked and index in held:
            block = self.by_id[request.id].blocks[index]
            answer.block = block
            if isinstance(block, tuple):
                answer.cipher, answer.iv, answer.block = block
        return answer

    def segments(self, request):
        there = [i for i, one in enumerate(request.ids) if self.numbers(one)]
        ages = [(i - there[0], int((time.monotonic() - self.by_id[request.ids[i]].since) * 1000))
                for i in there if i - there[0] < 256][:255]
        return Message(SEGLIST, request_id=request.request_id, ranges=messages.normal_form(there),
                       blob=messages.encode_ages(ages))

    def seal(self, answer):
        """What came by version 1.0 is encrypted anew."""
        if answer.type != BLK or not answer.block or answer.iv or not answer.cipher:
            return answer
        secret = self.by_id[answer.id].secret
        if secret is None:
            return answer
        iv = os.urandom(16)
        return replace(answer, iv=iv, block=peer_cipher.seal(answer.cipher, secret, iv,
                                                             answer.block))


# ---- pulling ----

class Pull:
    """Of one segment from one address."""

    def __init__(self, server, source, port, identity, count, known=None):
        self.server, self.source, self.port, self.identity = server, source, port, identity
        self.count, self.known = count, known

    def log(self, **words):
        self.server.log({"event": "pull", "id": self.identity.hex(), "from": self.source,
                         "time": time.monotonic(), **words})

    def run(self):
        self.blocks = 0
        try:
            missing = sorted(set(range(self.count)) - self.server.unreplaced(self.identity))
            with asking.Peer((self.source, self.port)) as peer:
                for number in self.listed(peer, missing):
                    self.block(peer, number)
        except (OSError, Malformed, peer_cipher.Undecryptable, offers.Unusable) as error:
            self.log(wrong=f"{type(error).__name__}: {error}")
        self.server.log({"event": "pulled", "id": self.identity.hex(), "from": self.source,
                         "blocks": self.blocks})

    def listed(self, peer, missing):
        adjacent = missing and missing[-1] - missing[0] + 1 == len(missing)
        if len(missing) <= SIMPLE_MAX and adjacent and self.server.settings["pull"] != "list":
            return missing
        answer = peer.ask(Message(GETBLKLIST, id=self.identity,
                                  ranges=messages.normal_form(missing)))
        messages.refuse_if(answer.type != BLKLIST, f"type {answer.type} for a list")
        self.log(list=answer.ranges)
        return sorted(messages.blocks_of(answer.ranges) & set(missing))

    def block(self, peer, number):
        answer = peer.ask(Message(GETBLKS, cipher=int(self.server.settings["wish"]),
                                  id=self.identity, ranges=[(number, 1)]))
        messages.refuse_if(answer.type != BLK, f"type {answer.type} for a block")
        if not answer.block:
            self.log(index=number, empty=True)
            return
        kept = (answer.cipher, answer.iv, answer.block)
        if self.known:
            kept = self.verified(number, answer)
        self.blocks += 1
        self.log(index=number, cipher=answer.cipher, size=len(answer.block), iv=answer.iv.hex())
        if self.server.settings["keep"] == "yes":
            self.server.cache.put(self.identity, number, kept, self.known and self.known[0].kp)

    def verified(self, number, answer):
        segment, algorithm = self.known
        length = min(offers.BLOCK_1, segment.length - number * offers.BLOCK_1)
        plain = peer_cipher.unseal(answer.cipher, segment.kp, answer.iv, answer.block, length)
        messages.refuse_if(algorithm.digest(plain) != segment.block_hashes[number],
                           f"block {number}: wrong hash")
        return plain


# ---- the server ----

class HostedServer(serving.Serving):
    def __init__(self, arguments):
        self.log_file = open(arguments.log, "a", encoding="utf-8") if arguments.log else sys.stdout
        self.cache = Cache(arguments)
        super().__init__(self.cache.contents, "good", self.log)
        self.store, self.settings = self.cache, dict(DEFAULTS)
        for line in arguments.set:
            self.set(line)

    def log(self, record):
        with lock:
            print(json.dumps(record), file=self.log_file, flush=True)

    def set(self, line):
        key, _, value = line.strip().partition("=")
        if value not in SETTINGS.get(key, ()):
            raise ValueError(line)
        self.settings[key] = value
        self.behaviour = self.settings["retrieval"]

    def unreplaced(self, identity):
        """What is verified; all else is pulled again."""
        with lock:
            held = self.cache.by_id.get(identity)
            return set(held.blocks) if held and held.secret else set()

    # ---- retrieval ----

    def respond(self, body):
        mode = self.settings["segments"]
        if body[4:8] == b"\0\0\0\6" and mode not in ("yes", "status", "silent", "garbage"):
            request = messages.decode_request(body)
            answer = {"nego": Message(NEGO_RESP, least=(1, 0), most=(1, 0)),
                      "empty": Message(SEGLIST, request_id=request.request_id),
                      "all": Message(SEGLIST, request_id=request.request_id,
                                     ranges=[(0, len(request.ids))])}[mode]
            return messages.encode_answer(answer), request.shown()
        return super().respond(body)

    # ---- offers ----

    def offered(self, body, source, tls):
        """(status, header lines, body) of the answer; None: none ever."""
        try:
            offer = offers.decode(body, tls)
        except offers.Dropped as error:
            self.log({"event": "dropped", "from": source, "tls": tls, "why": str(error),
                      "body": body[:200].hex()})
            return b"400 Bad Request", (), b""
        self.log(dict(offer.shown(), event="offer", tls=tls, time=time.monotonic(),
                      padded=any(offer.padding[0] + offer.padding[1]), **{"from": source}))
        manner = self.settings["offers"]
        if manner == "401":
            return b"401 Unauthorized", (b"WWW-Authenticate: Negotiate",), b""
        if manner == "status":
            return b"500 Odd", (), b""
        if manner in ("stall", "close"):
            return manner
        if manner == "garbage":
            return b"200 OK", (), b"<html>It works!</html>"
        code = self.act(offer, source)
        response = offers.encode_response(9 if manner == "code" else code)
        return b"200 OK", (), response + (b"\0" if manner == "long" else b"")

    def act(self, offer, source):
        if offer.type == INITIAL_OFFER:
            known = self.cache.known.get(offer.id)
            if self.settings["offers"] == "interested" or not known:
                return offers.INTERESTED
            self.pull(source, offer.port, offer.id, known[0].total(), known)
        elif offer.type == SEGMENT_INFO:
            try:
                segment, algorithm = offers.decode_information(offer.information)
            except offers.Unusable as error:
                self.log({"event": "unusable", "why": str(error)})
                return offers.OK
            identity = segment.name(algorithm)
            self.log({"event": "information", "id": identity.hex(), "length": segment.length,
                      "hashes": len(segment.block_hashes), "blocks": segment.total()})
            if len(segment.block_hashes) == segment.total():
                self.cache.known[identity] = (segment, algorithm)
                self.pull(source, offer.port, identity, segment.total(), (segment, algorithm))
        else:
            for one in {one.id: one for one in offer.descriptors if one.usable()}.values():
                self.pull(source, offer.port, one.id, one.blocks())
        return offers.OK

    def pull(self, source, port, identity, count, known=None):
        times = {"yes": 1, "no": 0, "twice": 2, "list": 1}[self.settings["pull"]]
        for _ in range(times):
            if port:
                threading.Thread(target=Pull(self, source, port, identity, count, known).run,
                                 daemon=True).start()


class Connection(serving.Connection):
    """Of either listener; all paths."""

    def handle(self):
        try:
            if self.server.tls:
                self.secure()
            super().handle()
        except (OSError, ssl.SSLError) as error:
            self.server.serving.log({"event": "broken", "why": str(error)})

    def secure(self):
        self.request.settimeout(30)
        self.connection = self.request = self.server.tls.wrap_socket(self.request,
                                                                     server_side=True)
        self.rfile = self.request.makefile("rb")
        self.wfile = socketserver._SocketWriter(self.request)

    def serve_one(self):
        request = self.read_request()
        if not request:
            return False
        (method, target, version), headers, body = request
        server = self.server.serving
        where = target.rstrip("/").lower()
        source = self.client_address[0]
        if where == "/set" and not self.server.tls:
            for line in body.decode().splitlines():
                server.set(line)
            self.reply(b"200 OK", (), b"")
            return True
        if where == (offers.PATH_1 if self.server.tls else offers.PATH_2).rstrip("/").lower():
            return self.take(server.offered(body, source, bool(self.server.tls)))
        if self.server.tls or where != messages.PATH.rstrip("/").lower() or method != "POST":
            server.log({"event": "elsewhere", "method": method, "target": target})
            self.reply(b"404 Not Found", (), b"")
            return False
        return self.retrieval(server, body, source, version)

    def reply(self, status, lines, body):
        self.wfile.write(serving.head(status, b"HTTP/1.1", serving.length(body), *lines) + body)

    def take(self, answer):
        if answer == "stall":
            return serving.send_nothing(self, b"")
        if answer == "close":
            return False
        self.reply(*answer)
        return answer[0].startswith(b"200")

    def retrieval(self, server, body, source, version):
        mode = server.settings["segments"]
        answer, words = server.respond(body)
        server.log({"event": "request", "from": source, "time": time.monotonic(), **words})
        if answer is None:
            self.reply(b"400 Bad Request", (), b"")
            return False
        if body[4:8] == b"\0\0\0\6" and mode in ("silent", "status", "garbage"):
            if mode == "silent":
                return serving.send_nothing(self, b"")
            if mode == "status":
                self.reply(b"500 Odd", (), b"")
                return True
            return serving.send_plain(self, answer[:20] + os.urandom(40))
        return serving.BEHAVIOURS[server.behaviour][2](self, answer) and version == "HTTP/1.1"


class Server(serving.Server):
    def __init__(self, place, hosted, tls=None):
        self.address_family = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
        self.serving, self.tls = hosted, tls
        socketserver.ThreadingTCPServer.__init__(self, place, Connection)
        threading.Thread(target=self.serve_forever, daemon=True).start()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    peer_content.add_options(parser)
    place = asking.parse_place
    parser.add_argument("--listen", type=place, default=("127.0.0.1", 0))
    parser.add_argument("--tls-listen", type=place, default=("127.0.0.1", 0))
    parser.add_argument("--tls-cert")
    parser.add_argument("--tls-key")
    parser.add_argument("--hold", type=int, default=0, metavar="N")
    parser.add_argument("--poison", type=int, default=0, metavar="N")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--log")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGUSR1, lambda *_: serving.released.set())  # for who is held
    try:
        hosted = HostedServer(arguments)
    except ValueError as error:
        parser.error(f"no such setting: {error}")
    listener, secure = Server(arguments.listen, hosted), None
    if arguments.tls_cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(arguments.tls_cert, arguments.tls_key)
        secure = Server(arguments.tls_listen, hosted, context)
    hosted.log({"event": "ready", "port": listener.server_address[1], "pid": os.getpid(),
                "tls_port": secure and secure.server_address[1]})
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
