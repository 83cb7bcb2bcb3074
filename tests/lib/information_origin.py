#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""An HTTP origin that knows Peer Distribution (MS-PCCRTP), well or badly, as it is told to.

    information_origin.py --listen ADDR:PORT --control ADDR:PORT --log FILE [--access-log FILE]
                          [--secret HEX] DIR [BEHAVIOURS]

Serves DIR: listings in the manner of nginx, HEAD, single ranges, If-Range, If-None-Match, strong
ETags of size and mtime; and content information of files, made at start, to who asks as the
specification has it (sections are those of the digest). BEHAVIOURS is a JSON file
{"/path": BEHAVIOUR, "*": BEHAVIOUR}; what a path's own does not say, "*" does. On the control port
    PUT /?path=/a       sets the behaviour of /a (body: JSON; null takes it away)
    GET /?path=/a       the honest octets of /a
    GET /?forget=/a     of a lazy one: its hashes are not there (any more)
    GET /?open=NAME     opens a gate
A BEHAVIOUR may be a list: each of it serves "times" (default 1) questions, the last all that follow.

Which answer   "plain": true: an ordinary server, no X-P2P header ever    "versions": [2]
               "min_size": N (65536)   "secret": HEX   "user": "NAME:PASSWORD" (else 401)
               "lazy": "asked" (MakeHashRequest until HashRequest came), "never" (then plain as
               well), "served" (no hint; made when the content has been sent whole)
               "unasked": "always" or "cached" (not with Cache-Control: no-cache): content information
               to every GET, asked for or not
               "answer_version": N whatever was asked for   "information_status": N
Its body       "of": "other" (another content as long), "longer", "shorter", or a path of DIR
               "wrong": [N, ...]: of the content with the octets at N wrong   "part": [START, LENGTH]
               "cut": N octets as segments of 2.0   "form", "last_zero", "whole_zero", "chunk": as
               of peerdist_model.encode()     "append": HEX    "flip": N, the octet that is wrong
               "body": HEX in its place     "keep": N octets of it, and no more are announced
               "endless": true: segments without end    "gzip": true, on top
Its head       "peerdist", "peerdist_ex": the header's text ({length}: the content's), null or a
               list, a line each       "encoding": of Content-Encoding, likewise
               "information_etag": text or null    "information_headers": {NAME: TEXT or null}
               "announce": N as Content-Length
Its sending    "delay": seconds before it    "hang": true: no answer    "rate": octets a second
               "stall": N octets, then silence    "break": N octets, then the end of the connection
               "gate": NAME: half of it, the rest when that gate is open
Content        "corrupt": ["position", N] octet N of each answer; ["octet", N] of the content, always;
               ["once", N] of the content, in one answer; ["random", SEED] one octet of each answer
               "content": SEED: other octets as long under the same ETag   "etag": text or null
               "ranges": false   "content_rate": octets a second   "content_delay": seconds
               "headers": {NAME: TEXT or null} of every answer   "last_modified": false

The log has two lines of JSON for a request: "event" "request" as it comes, with "number", "method",
"path", "headers" (a list where one is repeated), "range", "if_range", "welcome" (the version of
content information that it asks for; null: none), "hash_request", "missing"; and "answer" when that
ended, with "kind" (information, content, listing, other), "status", "bytes" and "whole" besides.
"""
import argparse
import base64
import json
import os
import random
import re
import socket
import socketserver
import sys
import threading
import time
import urllib.parse
from email.utils import formatdate
from http.client import responses

sys.dont_write_bytecode = sys.pycache_prefix is None
from information_place import (  # noqa: E402
    Place, endless_information, information_of, lock, other_octets)
from peerdist_wish import Wish, accepts_peerdist, list_items  # noqa: E402

PIECE = 65536
stopping = threading.Event()


# ---- answers ----

class Answer:
    """Status, header lines and body of one answer."""

    def __init__(self, kind, status, body=b"", rate=None):
        self.kind, self.status, self.body, self.rate = kind, status, body, rate
        self.pieces = None     # in place of body: without an announced length
        self.announce = None   # in place of its true length
        self.stall = self.ends = self.gate = None
        self.headers = {"Server": "informed", "Date": formatdate(usegmt=True)}

    def length(self):
        return len(self.body) if self.announce is None else self.announce

    def closes(self):
        return self.pieces is not None or self.ends is not None or self.announce is not None

    def head(self):
        lines = [f"HTTP/1.1 {self.status} {responses.get(self.status, 'Odd')}"]
        if self.status != 304 and self.pieces is None:
            self.headers.setdefault("Content-Length", str(self.length()))
        if self.closes():
            self.headers["Connection"] = "close"
        for name, value in self.headers.items():
            for line in value if isinstance(value, list) else [value]:
                if line is not None:
                    lines.append(f"{name}: {line}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def listing(place, path):
    title = f"Index of {path}"
    text = [f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<h1>{title}</h1><hr><pre>"
            '<a href="../">../</a>\r\n']
    folder = place.file_of(path)
    for name in sorted(os.listdir(folder)):
        status = os.stat(f"{folder}/{name}")
        is_folder = os.path.isdir(f"{folder}/{name}")
        href = urllib.parse.quote(name) + ("/" if is_folder else "")
        shown = (name + ("/" if is_folder else "")).replace("&", "&amp;").replace("<", "&lt;")
        date = time.strftime("%d-%b-%Y %H:%M", time.gmtime(status.st_mtime))
        size = "-" if is_folder else status.st_size
        text.append(f'<a href="{href}">{shown}</a>{"":{max(1, 51 - len(shown))}}'
                    f"{date} {size:>19}\r\n")
    answer = Answer("listing", 200, "".join(text + ["</pre><hr></body></html>\r\n"]).encode())
    answer.headers["Content-Type"] = "text/html"
    return answer


def asked_range(header, size):
    """(start, end), "none" if it cannot be, None if it is to be ignored."""
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", header or "")
    if not found or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if first == "":
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
    return (start, end) if start < end else "none"


class Resource:
    """One file at the moment of one request."""

    def __init__(self, place, path, behaviour):
        status = os.stat(place.file_of(path))
        self.place, self.path, self.behaviour = place, path, behaviour
        self.etag = behaviour.get("etag", f'"{status.st_size:x}-{status.st_mtime_ns:x}"')
        self.modified = None if behaviour.get("last_modified") is False else \
            formatdate(status.st_mtime, usegmt=True)
        self.honest = place.octets(path)
        self.version_key = path, status.st_size, status.st_mtime_ns

    def validators(self, answer):
        answer.headers.update({"ETag": self.etag, "Last-Modified": self.modified})
        if not self.behaviour["plain"]:
            answer.headers["Vary"] = "Accept-Encoding, X-P2P-PeerDist, X-P2P-PeerDistEx"
        return answer

    def data(self):
        if "content" in self.behaviour:
            return other_octets(self.honest, self.behaviour["content"])
        return self.honest

    def part(self, headers):
        if not self.behaviour["ranges"]:
            return None
        guard = headers.get("if-range", [None])[0]
        if guard is not None and guard not in (self.etag, self.modified):
            return None
        return asked_range(headers.get("range", [None])[0], len(self.honest))

    def answer(self, headers, method, wish):
        known = headers.get("if-none-match", [None])[0]
        if known is not None and self.etag in list_items([known]):
            return self.validators(Answer("other", 304))
        part = self.part(headers)
        if part == "none":
            answer = self.validators(Answer("content", 416))
            answer.headers["Content-Range"] = f"bytes */{len(self.honest)}"
            return answer
        if method == "GET" and self.informs(wish, headers):
            return self.information(wish, part)
        answer = self.content(part, method)
        if method == "GET" and self.hints(wish):
            answer.headers["X-P2P-PeerDist"] = "Version=1.1"
            answer.headers["X-P2P-PeerDistEx"] = "MakeHashRequest=true"
        return answer

    def informs(self, wish, headers):
        behaviour = self.behaviour
        if behaviour["plain"] or len(self.honest) < max(1, behaviour["min_size"]):
            return False
        cached = "no-cache" not in " ".join(headers.get("cache-control", []))
        if behaviour.get("unasked") == "always" or (behaviour.get("unasked") == "cached" and cached):
            return True
        if wish.version is None:
            return False
        lazy, made = behaviour.get("lazy"), self.place.made
        if lazy == "asked" and wish.hash_request:
            made.add(self.version_key)
        return lazy is None or (lazy != "never" and self.version_key in made)

    def hints(self, wish):
        return (not self.behaviour["plain"] and self.behaviour.get("lazy") in ("asked", "never") and
                wish.later and not wish.hash_request and
                len(self.honest) >= self.behaviour["min_size"])

    def information(self, wish, part):
        behaviour, version = self.behaviour, wish.version or max(self.behaviour["versions"])
        asked = (part[0], part[1] - part[0]) if part else None
        encoded = information_of(self.place, behaviour, self.honest, version, asked)
        answer = Answer("information", 206 if part else behaviour.get("information_status", 200),
                        encoded, behaviour.get("rate"))
        length = part[1] - part[0] if part else len(self.honest)
        self.validators(answer)
        self.content_range(answer, part)
        answer.headers.update({"Content-Type": "application/octet-stream", "Accept-Ranges": "bytes",
                               "Cache-Control": "private, no-transform"})
        self.information_head(answer, length, wish.minor if wish.minor is not None else 1)
        if behaviour.get("endless"):
            answer.pieces = endless_information(encoded)
        answer.announce, answer.stall = behaviour.get("announce"), behaviour.get("stall")
        answer.ends = behaviour.get("break")
        if "gate" in behaviour:
            answer.gate = self.place.gate(behaviour["gate"])
        return answer

    def information_head(self, answer, length, minor):
        behaviour = self.behaviour

        def filled(value):
            lines = value if isinstance(value, list) else [value]
            return [line and line.replace("{length}", str(length)) for line in lines]
        coding = "peerdist, gzip" if behaviour.get("gzip") else "peerdist"
        answer.headers.update({
            "Content-Encoding": filled(behaviour.get("encoding", coding)),
            "X-P2P-PeerDist": filled(behaviour.get(
                "peerdist", f"Version=1.{minor}, ContentLength={{length}}")),
            "X-P2P-PeerDistEx": filled(behaviour.get("peerdist_ex"))})
        if "information_etag" in behaviour:
            answer.headers["ETag"] = behaviour["information_etag"]
        answer.headers.update(behaviour.get("information_headers", {}))

    def content_range(self, answer, part):
        if part:
            answer.headers["Content-Range"] = f"bytes {part[0]}-{part[1] - 1}/{len(self.honest)}"

    def content(self, part, method):
        start, end = part or (0, len(self.honest))
        body = self.data()[start:end]
        if method == "GET":
            body = self.corrupted(body, start)
        answer = self.validators(Answer("content", 206 if part else 200, body,
                                        self.behaviour.get("content_rate")))
        self.content_range(answer, part)
        answer.headers["Content-Type"] = "application/octet-stream"
        if self.behaviour["ranges"]:
            answer.headers["Accept-Ranges"] = "bytes"
        return answer

    def corrupted(self, body, start):
        mode, number = self.behaviour.get("corrupt", (None, 0))
        if mode is None or not body:
            return body
        at = number
        if mode in ("octet", "once"):
            at = number - start
        elif mode == "random":
            with lock:
                chance = self.place.used.setdefault("random", random.Random(number))
                at = chance.randrange(len(body))
        if not 0 <= at < len(body):
            return body
        if mode == "once":
            with lock:
                if self.path in self.place.corrupted:
                    return body
                self.place.corrupted.add(self.path)
        return body[:at] + bytes([body[at] ^ 1]) + body[at + 1:]


class Connection(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self):
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
        while True:
            line = self.rfile.readline(65537).decode("latin-1").strip()
            if not line:
                break
            name, _, value = line.partition(":")
            headers.setdefault(name.strip().lower(), []).append(value.strip())
        body = self.rfile.read(int(headers.get("content-length", ["0"])[0]))
        return words[0], words[1], headers, body

    def serve_one(self):
        request = self.read_request()
        if not request:
            return False
        method, target, headers, _ = request
        path = urllib.parse.unquote(target.partition("?")[0])
        place = self.server.place
        behaviour = place.behaviour(path, asks(headers))
        wish = Wish(headers, behaviour["versions"])
        record = self.server.log_request(method, path, target, headers, wish)
        answer = self.choose(place, path, method, headers, behaviour, wish)
        record.update(status=answer.status, kind=answer.kind, bytes=0, whole=False)
        keep = "close" not in [item.lower() for item in list_items(headers.get("connection", []))]
        try:
            return self.send(answer, method, behaviour, record) and keep
        finally:
            self.server.log_answer(record)

    def choose(self, place, path, method, headers, behaviour, wish):
        if "user" in behaviour and not knows_user(behaviour["user"], headers):
            answer = Answer("other", 401)
            answer.headers["WWW-Authenticate"] = "Basic"
        elif place.file_of(path) is None:
            answer = Answer("other", 404)
        elif method not in ("GET", "HEAD"):
            answer = Answer("other", 405)
        elif os.path.isdir(place.file_of(path)):
            answer = listing(place, path)
            if not path.endswith("/"):
                answer = Answer("other", 301)
                answer.headers["Location"] = path + "/"
        else:
            self.resource = Resource(place, path, behaviour)
            answer = self.resource.answer(headers, method, wish)
        answer.headers.update(behaviour.get("headers", {}))
        return answer

    def send(self, answer, method, behaviour, record):
        if answer.kind == "information":
            if behaviour.get("hang"):
                self.rfile.read(1)  # until the client goes away
                return False
            stopping.wait(behaviour.get("delay", 0))
        elif answer.kind == "content" and method == "GET":
            stopping.wait(behaviour.get("content_delay", 0))
        self.wfile.write(answer.head())
        if method == "HEAD" or answer.status == 304:
            record["whole"] = True
            return not answer.closes()
        if not self.send_body(answer, record):
            return False
        record["whole"] = True
        if answer.kind == "content" and answer.status == 200 and behaviour.get("lazy") == "served":
            self.server.place.made.add(self.resource.version_key)
        return not answer.closes()

    def send_body(self, answer, record):
        """Whether all of it was sent."""
        step = max(1, int(answer.rate / 20)) if answer.rate else PIECE
        limit = min(n for n in (answer.stall, answer.ends, 1 << 62) if n is not None)
        pieces = answer.pieces or [answer.body]
        if answer.gate:
            pieces = gated(answer.body, answer.gate)
        for piece in pieces:
            for at in range(0, len(piece), step):
                part = piece[at:at + min(step, limit - record["bytes"])]
                self.wfile.write(part)
                record["bytes"] += len(part)
                if record["bytes"] >= limit:
                    if answer.stall == limit:
                        self.rfile.read(1)
                    return False
                if answer.rate:
                    stopping.wait(len(part) / answer.rate)
        return True


def gated(body, gate):
    yield body[:len(body) // 2]
    gate.wait()
    yield body[len(body) // 2:]


def asks(headers):
    return accepts_peerdist(headers.get("accept-encoding", [])) or "x-p2p-peerdistex" in headers


def knows_user(user, headers):
    expected = "Basic " + base64.b64encode(user.encode()).decode()
    return headers.get("authorization") == [expected]


class Control(socketserver.StreamRequestHandler):
    def handle(self):
        request = Connection.read_request(self)
        if not request:
            return
        method, target, _, body = request
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(target).query)
        path, place, status, answer = query.get("path", [""])[0], self.server.place, 200, b""
        try:
            if method == "PUT":
                self.set_behaviour(place, path, json.loads(body))
            elif "forget" in query:
                with lock:
                    place.made = {key for key in place.made if key[0] != query["forget"][0]}
            elif "open" in query:
                place.gate(query["open"][0]).set()
            elif path:
                answer = place.octets(path)
        except (ValueError, TypeError, OSError) as error:
            status, answer = 400, str(error).encode()
        self.wfile.write(f"HTTP/1.1 {status} {responses[status]}\r\nContent-Length: {len(answer)}"
                         "\r\nConnection: close\r\n\r\n".encode() + answer)

    @staticmethod
    def set_behaviour(place, path, behaviour):
        for step in behaviour if isinstance(behaviour, list) else [behaviour or {}]:
            dict(step)
        with lock:
            place.used.pop(path, None)
            place.corrupted.discard(path)
            if behaviour is None:
                place.behaviours.pop(path, None)
            else:
                place.behaviours[path] = behaviour


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address, handler, place, log=None, access_log=None):
        host, _, port = address.rpartition(":")
        host = host.strip("[]")
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.place, self.number = place, 0
        self.log = open(log, "a", encoding="utf-8") if log else None
        self.access_log = open(access_log, "a", encoding="utf-8") if access_log else None
        super().__init__((host, int(port)), handler)

    def write(self, record):
        with lock:
            if self.log:
                print(json.dumps(record), file=self.log, flush=True)

    def log_request(self, method, path, target, headers, wish):
        with lock:
            self.number += 1
            number = self.number
        shown = {name: values[0] if len(values) == 1 else values
                 for name, values in headers.items()}
        record = {"event": "request", "number": number, "method": method, "path": path,
                  "target": target, "headers": shown, "range": shown.get("range"),
                  "if_range": shown.get("if-range"), "welcome": wish.version,
                  "hash_request": wish.hash_request, "missing": wish.missing}
        self.write(record)
        return record

    def log_answer(self, record):
        self.write(dict(record, event="answer"))
        with lock:
            if self.access_log:
                print(f"{record['method']} {record['target']} HTTP/1.1", record["status"],
                      record["bytes"], record["range"] or "-", record["if_range"] or "-",
                      sep="\t", file=self.access_log, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--listen", required=True)
    parser.add_argument("--control", required=True)
    parser.add_argument("--log")
    parser.add_argument("--access-log")
    parser.add_argument("--secret", type=bytes.fromhex, default=b"no more secrets")
    parser.add_argument("folder")
    parser.add_argument("behaviours", nargs="?")
    arguments = parser.parse_args()
    place = Place(arguments.folder, arguments.secret)
    if arguments.behaviours:
        with open(arguments.behaviours, encoding="utf-8") as file:
            place.behaviours.update(json.load(file))
    place.prepare()
    server = Server(arguments.listen, Connection, place, arguments.log, arguments.access_log)
    control = Server(arguments.control, Control, place)
    threading.Thread(target=control.serve_forever, daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
