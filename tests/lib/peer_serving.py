# SPDX-License-Identifier: BSD-2-Clause
"""The retrieval port of the scripted peer: gives blocks as it is told to behave. What it may be
told is the table BEHAVIOURS."""
import os
import secrets
import socket
import socketserver
import struct
import sys
import threading
import time
from dataclasses import replace

sys.dont_write_bytecode = sys.pycache_prefix is None
import peer_cipher  # noqa: E402
import peer_messages as messages  # noqa: E402
from peer_messages import (  # noqa: E402
    BLK, BLKLIST, GETBLKLIST, GETBLKS, GETSEGLIST, NEGO_REQ, NEGO_RESP, SEGLIST, Message)

stopping = threading.Event()
released = threading.Event()
TRICKLE_SECONDS = 0.2


class Store:
    """What is held, and the true answers."""

    def __init__(self, contents, part=(1, 1)):
        """PART: the first such part of all blocks is held."""
        self.contents, self.held = contents, {}
        left = -(-contents.count() * part[0] // part[1])
        for segment in contents.segments:
            there = {n for n, block in enumerate(segment.blocks) if block}
            self.held[segment.id] = {n for n in there if n < left}
            left = max(0, left - len(segment.blocks))

    def holding(self, identity):
        """(blocks held, blocks of the segment); (0, 0): none."""
        held = self.held.get(identity)
        return (len(held), len(self.contents.by_id[identity].blocks)) if held else (0, 0)

    def answer(self, request):
        held = self.held.get(request.id, set())
        if request.type == NEGO_REQ:
            return Message(NEGO_RESP)
        if request.type == GETBLKLIST:
            found = messages.normal_form(held & messages.blocks_of(request.ranges))
            after = messages.next_block(held, sum(found[-1]) - 1) if found else 0
            return Message(BLKLIST, id=request.id, ranges=found, next=after)
        if request.type == GETSEGLIST:
            there = {i for i, one in enumerate(request.ids) if self.held.get(one)}
            return Message(SEGLIST, request_id=request.request_id,
                           ranges=messages.normal_form(there))
        index, asked = messages.selected(request.ranges)
        answer = Message(BLK, cipher=request.cipher or 1, id=request.id, index=index,
                         next=messages.next_block(held, index))
        if asked and index in held:
            answer.block = self.contents.block(self.contents.by_id[request.id], index)
        return answer

    def seal(self, answer):
        if answer.type == BLK and answer.block:
            secret = self.contents.by_id[answer.id].secret
            iv = secrets.token_bytes(16) if answer.cipher else b""
            sealed = peer_cipher.seal(answer.cipher, secret, iv, answer.block)
            answer = replace(answer, block=sealed, iv=iv)
        return answer


# ---- what becomes of a true answer, before and after it is encrypted ----

def other_octets(answer, _):
    if not answer.block:
        return answer
    at = len(answer.block) // 2
    flipped = answer.block[:at] + bytes([answer.block[at] ^ 1]) + answer.block[at + 1:]
    return replace(answer, block=flipped)


def every_third(answer, state):
    return other_octets(answer, state) if state.blocks % 3 == 0 else answer


def cut_short(answer, _):
    return replace(answer, block=answer.block[:len(answer.block) // 2])


def too_long(answer, _):
    return replace(answer, block=answer.block * 2)


def of_cipher(number):
    return lambda answer, _: replace(answer, cipher=number)


def no_block(answer, _):
    return replace(answer, block=b"")


def another_block(answer, state):
    """The octets of another block, where there is one as long."""
    if not answer.block:
        return answer
    contents, own = state.store.contents, state.store.contents.by_id[answer.id]
    if len(own.blocks) > 1:
        return replace(answer, block=contents.block(own, (answer.index + 1) % len(own.blocks)))
    at = (contents.segments.index(own) + 1) % len(contents.segments)
    other = contents.block(contents.segments[at], 0)
    return replace(answer, block=(other * (len(answer.block) // len(other) + 1))[
        :len(answer.block)])


def other_id(answer, _):
    return replace(answer, id=bytes([answer.id[0] ^ 1]) + answer.id[1:]) if answer.id else answer


def other_index(answer, _):
    return replace(answer, index=answer.index + 1)


def other_type(answer, _):
    return replace(answer, type=BLKLIST if answer.type == BLK else BLK)


def other_version(answer, _):
    return replace(answer, version=(0xFEFE, 0xFEFE))


def all_blocks(answer, _):
    """Lists what was never asked for, and claims more."""
    return replace(answer, ranges=[(0, 0xFFFFFFFF)] * 300, next=1) if answer.type == BLKLIST \
        else answer


def as_it_is(answer, _):
    return answer


# ---- how an answer is sent; returns whether the connection goes on ----

def head(status=b"200 OK", version=b"HTTP/1.1", *lines):
    return b"\r\n".join((version + b" " + status, *lines, b"", b""))


def length(body):
    return b"Content-Length: %d" % len(body)


def send_plain(connection, body):
    connection.wfile.write(head(b"200 OK", b"HTTP/1.1", length(body)) + body)
    return True


def send_chunked(connection, body):
    connection.wfile.write(head(b"200 OK", b"HTTP/1.1", b"Transfer-Encoding: chunked"))
    for at in range(0, len(body), 5000):
        piece = body[at:at + 5000]
        connection.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
    connection.wfile.write(b"0\r\n\r\n")
    return True


def send_old(connection, body):
    connection.wfile.write(head(b"200 OK", b"HTTP/1.0") + body)
    return False


def send_and_close(connection, body):
    """Says that it stays open, and closes when the next request may be under way."""
    send_plain(connection, body)
    return False


def send_endless(connection, body):
    connection.wfile.write(head(b"200 OK", b"HTTP/1.1", b"Connection: close") + body)
    while not stopping.is_set():
        connection.wfile.write(bytes(65536))
    return False


def send_endless_chunked(connection, body):
    connection.wfile.write(head(b"200 OK", b"HTTP/1.1", b"Transfer-Encoding: chunked"))
    while not stopping.is_set():
        connection.wfile.write(b"10000\r\n%s\r\n" % bytes(65536))
    return False


def send_endless_head(connection, _):
    connection.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while not stopping.is_set():
        connection.wfile.write(b"X-More: " + b"x" * 8000 + b"\r\n")
    return False


def send_huge(connection, body):
    connection.wfile.write(head(b"200 OK", b"HTTP/1.1", b"Content-Length: 1099511627776") + body)
    while not stopping.is_set():
        connection.wfile.write(bytes(65536))
    return False


def send_trickle(connection, body):
    connection.wfile.write(head(b"200 OK", b"HTTP/1.1", length(body)))
    for at in range(len(body)):
        connection.wfile.write(body[at:at + 1])
        if stopping.wait(TRICKLE_SECONDS):
            break
    return False


def send_nothing(connection, _):
    connection.rfile.read(1)  # until the client goes away
    return False


def send_released(connection, body):
    """Only from SIGUSR1 on."""
    while not released.wait(0.05):
        if stopping.is_set():
            return False
    return send_plain(connection, body)


def send_reset(connection, _):
    connection.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def send_half(connection, body):
    connection.wfile.write(head(b"200 OK", b"HTTP/1.1", length(body)) + body[:len(body) // 2])
    return False


def send_half_and_stall(connection, body):
    send_half(connection, body)
    return send_nothing(connection, body)


def send_wrong_frame(connection, body):
    body = struct.pack(">I", len(body)) + body[4:]
    return send_plain(connection, body)


def send_behind(connection, body):
    return send_plain(connection, body + b"surplus!")


def send_slowly(connection, body):
    """Good, but far slower than a LAN: overtaken, not waited for."""
    connection.wfile.write(head(b"200 OK", b"HTTP/1.1", length(body)))
    for at in range(0, len(body), 2048):
        connection.wfile.write(body[at:at + 2048])
        if stopping.wait(0.05):
            return False
    return True


def status_of(status, *lines):
    def send(connection, _):
        connection.wfile.write(head(status, b"HTTP/1.1", b"Content-Length: 4", *lines) + b"no!\n")
        return True
    return send


def send_gzip(connection, body):
    connection.wfile.write(head(b"200 OK", b"HTTP/1.1", length(body), b"Content-Encoding: gzip")
                           + body)
    return True


def send_noise(connection, _):
    connection.wfile.write(bytes(range(256)) * 16)
    return False


# NAME: (before it is encrypted, after, how it is sent)
BEHAVIOURS = {name: (before, after, send) for name, before, after, send in (
    ("good", as_it_is, as_it_is, send_plain),
    ("half", as_it_is, as_it_is, send_plain),
    ("chunked", as_it_is, as_it_is, send_chunked),
    ("http-1.0", as_it_is, as_it_is, send_old),
    ("closes-idle", as_it_is, as_it_is, send_and_close),
    ("slow", as_it_is, as_it_is, send_slowly),
    ("plaintext", of_cipher(0), as_it_is, send_plain),
    ("aes-192", of_cipher(2), as_it_is, send_plain),
    ("aes-256", of_cipher(3), as_it_is, send_plain),
    ("dies-after", as_it_is, as_it_is, send_plain),
    ("nego", as_it_is, as_it_is, send_plain),
    ("nego-always", as_it_is, as_it_is, send_plain),
    ("empty", no_block, as_it_is, send_plain),
    ("flaky", every_third, as_it_is, send_plain),
    ("wrong-bytes", other_octets, as_it_is, send_plain),
    ("wrong-block", another_block, as_it_is, send_plain),
    ("wrong-cipher", as_it_is, of_cipher(2), send_plain),
    ("unknown-cipher", as_it_is, of_cipher(9), send_plain),
    ("wrong-id", as_it_is, other_id, send_plain),
    ("wrong-index", as_it_is, other_index, send_plain),
    ("wrong-type", as_it_is, other_type, send_plain),
    ("wrong-version", as_it_is, other_version, send_plain),
    ("wrong-list", as_it_is, all_blocks, send_plain),
    ("wrong-size", cut_short, as_it_is, send_plain),
    ("too-long", too_long, as_it_is, send_plain),
    ("wrong-frame", as_it_is, as_it_is, send_wrong_frame),
    ("surplus", as_it_is, as_it_is, send_behind),
    ("endless", as_it_is, as_it_is, send_endless),
    ("endless-chunked", as_it_is, as_it_is, send_endless_chunked),
    ("endless-head", as_it_is, as_it_is, send_endless_head),
    ("huge", as_it_is, as_it_is, send_huge),
    ("trickle", as_it_is, as_it_is, send_trickle),
    ("silent", as_it_is, as_it_is, send_nothing),
    ("held", as_it_is, as_it_is, send_released),
    ("reset", as_it_is, as_it_is, send_reset),
    ("truncated", as_it_is, as_it_is, send_half),
    ("stalled", as_it_is, as_it_is, send_half_and_stall),
    ("status-500", as_it_is, as_it_is, status_of(b"500 Odd")),
    ("status-404", as_it_is, as_it_is, status_of(b"404 Not Found")),
    ("status-206", as_it_is, as_it_is, status_of(b"206 Partial Content")),
    ("redirect", as_it_is, as_it_is, status_of(
        b"302 Found", b"Location: http://10.78.0.254:9/elsewhere")),
    ("gzip", as_it_is, as_it_is, send_gzip),
    ("noise", as_it_is, as_it_is, send_noise),
)}
# These have no port that answers: nothing listens, or nothing is ever accepted.
UNSERVED = ("refused", "unaccepted")


class Serving:
    """State of all connections."""

    def __init__(self, contents, behaviour, log, dies_after=0, delay=0.0):
        self.store = Store(contents, (1, 2) if behaviour == "half" else (1, 1))
        self.behaviour, self.log, self.dies_after, self.delay = behaviour, log, dies_after, delay
        self.lock, self.blocks, self.seen = threading.Lock(), 0, set()

    def respond(self, body):
        """(octets of the answer or None, what the log says)."""
        try:
            request = messages.decode_request(body)
        except messages.Incompatible as error:
            return messages.encode_answer(Message(NEGO_RESP)), {"incompatible": str(error)}
        except messages.Malformed as error:
            return None, {"malformed": str(error), "body": body[:200].hex()}
        record = request.shown()
        negotiating = self.behaviour == "nego-always" or self.behaviour == "nego" and \
            body not in self.seen
        with self.lock:
            self.seen.add(body)
        if negotiating:
            return messages.encode_answer(Message(NEGO_RESP)), record
        before, after, _ = BEHAVIOURS[self.behaviour]
        answer = before(self.store.answer(request), self)
        record["held"] = bool(answer.block) if answer.type == BLK else bool(answer.ranges)
        with self.lock:
            self.blocks += bool(answer.block)
            if self.behaviour == "dies-after" and self.blocks > self.dies_after:
                self.log(dict(record, event="died"))
                os._exit(0)
        return messages.encode_answer(after(self.store.seal(answer), self)), record


class Connection(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self):
        self.server.serving.log({"event": "connection", "from": self.client_address[0]})
        try:
            while self.serve_one():
                pass
        except OSError:
            pass

    def read_request(self):
        words = self.rfile.readline(65537).decode("latin-1").split()
        if len(words) != 3:
            return None
        headers = {}
        while line := self.rfile.readline(65537).decode("latin-1").strip():
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        body = self.rfile.read(min(int(headers.get("content-length", "0")),
                                   messages.REQUEST_MAX + 1))
        return words, headers, body

    def serve_one(self):
        request = self.read_request()
        if not request:
            return False
        (method, target, version), headers, body = request
        serving = self.server.serving
        record = {"event": "request", "from": self.client_address[0], "method": method,
                  "target": target, "http": version, "headers": headers, "time": time.monotonic()}
        if (method, target.rstrip("/").lower()) != ("POST", messages.PATH.rstrip("/").lower()):
            serving.log(record)
            self.wfile.write(head(b"404 Not Found", b"HTTP/1.1", b"Content-Length: 0"))
            return False
        answer, words = serving.respond(body)
        serving.log(record | words)
        if answer is None:
            self.wfile.write(head(b"400 Bad Request", b"HTTP/1.1", b"Content-Length: 0"))
            return False
        stopping.wait(serving.delay)
        return BEHAVIOURS[serving.behaviour][2](self, answer) and version == "HTTP/1.1"


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, family, port, serving):
        self.address_family, self.serving = family, serving
        super().__init__(("::" if family == socket.AF_INET6 else "", port), Connection)

    def server_bind(self):
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        super().server_bind()

    def handle_error(self, *_):
        pass


def listen(families, port, serving):
    """Returns the port; what is UNSERVED is bound only, or not accepted from."""
    for family in families:
        server = Server(family, port, serving)
        port = server.server_address[1]
        if serving.behaviour == "refused":
            server.server_close()
        elif serving.behaviour == "unaccepted":
            serving.kept = getattr(serving, "kept", []) + [server]
        else:
            threading.Thread(target=server.serve_forever, daemon=True).start()
    return port
