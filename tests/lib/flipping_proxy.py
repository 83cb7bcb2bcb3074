#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""An HTTP proxy in front of one server that turns single bits of bodies over.

    flipping_proxy.py --listen ADDR:PORT --control ADDR:PORT --server ADDR:PORT [--log FILE] [MODE]

MODE is JSON: {"flip": "none" | "once" | "position" | "random", "in": "both" | "information" |
"content", "at": N, "seed": N, "chance": 0 to 1}.
    once       one octet of one body: the one at N of the first body that is so long
    position   octet N of every body; N counts from its end if it is negative
    random     in every body with that chance (default 1) one octet anywhere, in an order that the
               seed decides
Bodies are those of 200 and 206 to GET, with a Content-Length and of files: a listing (text/html,
text/xml, application/json, or of a target that ends in /) passes as it is. "information": with
Content-Encoding: peerdist; "content": the others. PUT / on the control port sets the mode anew.
The log has a line of JSON for each octet flipped: path, kind, at (in the body), offset (in the
content; null for content information).
"""
import argparse
import json
import random
import re
import socket
import socketserver
import threading

PIECE = 65536
LISTINGS = ("text/html", "text/xml", "application/xml", "application/json")
lock = threading.Lock()


class Mode:
    def __init__(self, settings):
        self.flip, self.where = settings.get("flip", "none"), settings.get("in", "both")
        if self.flip not in ("none", "once", "position", "random"):
            raise ValueError(self.flip)
        if self.where not in ("both", "information", "content"):
            raise ValueError(self.where)
        self.at, self.chance = int(settings.get("at", 0)), float(settings.get("chance", 1))
        self.random, self.done = random.Random(settings.get("seed", 0)), False

    def choose(self, kind, length):
        """Which octet of a body of LENGTH to flip; None: none."""
        with lock:
            if self.flip == "none" or self.where not in ("both", kind) or length == 0:
                return None
            if self.flip == "random":
                hit, at = self.random.random() < self.chance, self.random.randrange(length)
                return at if hit else None
            at = self.at if self.at >= 0 else length + self.at
            if not 0 <= at < length or (self.flip == "once" and self.done):
                return None
            self.done = True
            return at


class Head:
    """First line and headers, as they came."""

    def __init__(self, stream):
        self.raw, self.fields = stream.readline(PIECE), {}
        self.words = self.raw.decode("latin-1").split(None, 2)
        while self.raw:
            line = stream.readline(PIECE)
            self.raw += line
            if line in (b"\r\n", b"\n", b""):
                break
            name, _, value = line.decode("latin-1").partition(":")
            self.fields[name.strip().lower()] = value.strip()

    def length(self):
        return int(self.fields.get("content-length", 0))


def kind_of(request, answer):
    """information, content or None: not to be touched."""
    kind = answer.fields.get("content-type", "").partition(";")[0].strip().lower()
    if request.words[0] != "GET" or answer.words[1] not in ("200", "206"):
        return None
    if kind in LISTINGS or request.words[1].partition("?")[0].endswith("/"):
        return None
    encoding = answer.fields.get("content-encoding", "").lower()
    return "information" if "peerdist" in encoding else "content"


class Connection(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self):
        try:
            with socket.create_connection(self.server.target) as upstream:
                upstream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with upstream.makefile("rb") as answers:
                    while self.relay(upstream, answers):
                        pass
        except OSError:
            pass

    def relay(self, upstream, answers):
        request = Head(self.rfile)
        if len(request.words) < 3:
            return False
        upstream.sendall(request.raw + self.rfile.read(request.length()))
        answer = Head(answers)
        if len(answer.words) < 2:
            return False
        self.wfile.write(answer.raw)
        if request.words[0] == "HEAD" or answer.words[1] in ("204", "304"):
            return True
        if "content-length" not in answer.fields:  # until the end; chunks too, in one go
            self.pass_on(answers, None, None)
            return False
        kind = kind_of(request, answer)
        at = self.server.mode.choose(kind, answer.length()) if kind else None
        if at is not None:
            self.server.write_log(request, answer, kind, at)
        return self.pass_on(answers, answer.length(), at) and \
            answer.fields.get("connection", "").lower() != "close"

    def pass_on(self, answers, length, at):
        """LENGTH octets, or all (None), the one at AT (or None) turned over."""
        position = 0
        while length is None or position < length:
            wanted = PIECE if length is None else min(PIECE, length - position)
            piece = answers.read1(wanted)
            if not piece:
                return False
            if at is not None and position <= at < position + len(piece):
                piece = bytearray(piece)
                piece[at - position] ^= 1 << at % 8
            self.wfile.write(piece)
            position += len(piece)
        return True


class Control(socketserver.StreamRequestHandler):
    def handle(self):
        request = Head(self.rfile)
        status = "200 OK"
        try:
            self.server.proxy.mode = Mode(json.loads(self.rfile.read(request.length()) or "{}"))
        except (ValueError, AttributeError):
            status = "400 Bad Request"
        self.wfile.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                         .encode())


class Proxy(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address, handler):
        host, _, port = address.rpartition(":")
        self.log = self.proxy = None
        super().__init__((host, int(port)), handler)

    def write_log(self, request, answer, kind, at):
        if not self.log:
            return
        start = re.match(r"bytes (\d+)-", answer.fields.get("content-range", ""))
        offset = None if kind == "information" else at + (int(start[1]) if start else 0)
        with lock:
            print(json.dumps({"path": request.words[1], "kind": kind, "at": at, "offset": offset}),
                  file=self.log, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--listen", required=True)
    parser.add_argument("--control", required=True)
    parser.add_argument("--server", required=True)
    parser.add_argument("--log")
    parser.add_argument("mode", nargs="?", default="{}")
    arguments = parser.parse_args()
    proxy = Proxy(arguments.listen, Connection)
    host, _, port = arguments.server.rpartition(":")
    proxy.target, proxy.mode = (host, int(port)), Mode(json.loads(arguments.mode))
    if arguments.log:
        proxy.log = open(arguments.log, "a", encoding="utf-8")
    control = Proxy(arguments.control, Control)
    control.proxy = proxy
    threading.Thread(target=control.serve_forever, daemon=True).start()
    proxy.serve_forever()


if __name__ == "__main__":
    main()
