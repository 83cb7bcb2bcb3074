#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A small HTTP/1.1 origin that lies as it is told to.

    faulty_origin.py --listen ADDR:PORT --control ADDR:PORT [--log F] [--access-log F] BEHAVIOURS

BEHAVIOURS is a JSON file: {"/path": BEHAVIOUR, ...}. "*" stands for every other path (else 404).
A BEHAVIOUR is an object, or a list of objects for one request after the other: each serves "times"
requests (default 1), the last one all that follow. "HEAD /path" is for that method only. On the
control port,
    PUT /?path=/a   sets the behaviour of /a (body: JSON; null takes it away)
    GET /?path=/a   the octets that /a has now, whole and honest

Content                    "body": text  "size": N (random octets of "seed": N)  "file": PATH
                           "links": [HREF or [HREF, SIZE], ...] a listing in the manner of nginx
                           "endless_listing": N octets of it, made while they are sent
Before the answer          "delay": seconds  "drop": true (close without a word)
                           "garbage": text sent in place of head and body, then close
                           "endless_headers": true   "interim": N answers 103 before the real one
                           "user": NAME:PASSWORD (401 to who does not say so)
The answer's head          "status": N  "redirect": LOCATION  "headers": {NAME: VALUE or null}
                           "etag": '"x"', 'W/"x"', "changing" or null (default: of the content)
                           "last_modified": text (default: none)  "date": text
                           "ranges": false (ignored)  "if_range": false (ignored)
                           "content_range", "content_length": text in place of the true one
                           "framing": "length", "chunked" or "close"   "gzip": true
The answer's body          "truncate": N octets, then close   "stall": N octets, then silence
                           "rate": octets a second            "corrupt": N, the octet that is wrong
                           "close": true (with Connection: close)

Each request is a line of JSON in the log: method, path, range, if_range, status, bytes, headers.
"""
import argparse
import base64
import gzip
import hashlib
import json
import random
import re
import socketserver
import threading
import time
import urllib.parse
from http.client import responses

PIECE = 65536
lock = threading.Lock()
behaviours = {}
used = {}  # path -> requests served by the list's first element
etag_counter = 0
stopping = threading.Event()


def select_behaviour(path, method="GET", consume=True):
    with lock:
        key = next((k for k in (f"{method} {path}", path) if k in behaviours), "*")
        found = behaviours.get(key)
        if not isinstance(found, list):
            return found
        first = found[0]
        if consume and len(found) > 1:
            used[key] = used.get(key, 0) + 1
            if used[key] >= first.get("times", 1):
                behaviours[key] = found[1:]
                used[key] = 0
        return first


def listing_start(path):
    title = f"Index of {path}"
    return (f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<h1>{title}</h1><hr><pre>"
            '<a href="../">../</a>\r\n').encode()


def listing_line(link):
    href, size = link if isinstance(link, list) else (link, 1000)
    text = urllib.parse.unquote(href)[:50].replace("&", "&amp;").replace("<", "&lt;")
    size = "-" if href.endswith("/") else size
    return (f'<a href="{href}">{text}</a>{"":{max(1, 51 - len(text))}}'
            f"01-Jan-2020 00:00 {size:>19}\r\n").encode("utf-8", "surrogateescape")


def content_of(behaviour, path):
    if "file" in behaviour:
        with open(behaviour["file"], "rb") as file:
            return file.read()
    if "size" in behaviour:
        return random.Random(behaviour.get("seed", 0)).randbytes(behaviour["size"])
    if "links" in behaviour:
        lines = b"".join(map(listing_line, behaviour["links"]))
        return listing_start(path) + lines + b"</pre><hr></body></html>\r\n"
    return behaviour.get("body", "").encode()


def endless_listing(path, octets):
    yield listing_start(path)
    sent, number = 0, 0
    while sent < octets:
        piece = b"".join(listing_line(f"file-{number + i:012}") for i in range(500))
        number += 500
        sent += len(piece)
        yield piece


def pieces_of(body):
    for start in range(0, len(body), PIECE):
        yield body[start:start + PIECE]


def etag_of(behaviour, content):
    global etag_counter
    if "etag" not in behaviour:
        return '"' + hashlib.sha256(content).hexdigest()[:16] + '"'
    if behaviour["etag"] == "changing":
        with lock:
            etag_counter += 1
            return f'"change-{etag_counter}"'
    return behaviour["etag"]


def knows_user(behaviour, headers):
    if "user" not in behaviour:
        return True
    expected = "Basic " + base64.b64encode(behaviour["user"].encode()).decode()
    return headers.get("authorization") == expected


def asked_range(header, size):
    """(start, end) of a single range, "none" if it cannot be, or None if it is to be ignored."""
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", header or "")
    if not found or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if first == "":
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
    return (start, end) if start < end else "none"


class Answer:
    """What one request gets: a status, headers and an iterable of octets."""

    def __init__(self, behaviour, path, request):
        self.behaviour = behaviour
        self.status = behaviour.get("status", 200)
        self.headers = {"Server": "faulty", "Content-Type": "application/octet-stream",
                        "Date": behaviour.get("date", time.strftime(
                            "%a, %d %b %Y %H:%M:%S GMT", time.gmtime()))}
        self.framing = behaviour.get("framing", "length")
        if behaviour.get("redirect") is not None:
            self.status = behaviour.get("status", 302)
            self.headers["Location"] = behaviour["redirect"]
        if "links" in behaviour or "endless_listing" in behaviour:
            self.headers["Content-Type"] = "text/html"
        if "endless_listing" in behaviour:
            self.framing = "chunked"
            self.pieces = endless_listing(path, behaviour["endless_listing"])
        else:
            self.whole_or_range(content_of(behaviour, path), request)
        self.finish_headers()

    def whole_or_range(self, content, request):
        behaviour = self.behaviour
        if "corrupt" in behaviour:
            at = behaviour["corrupt"]
            content = content[:at] + bytes([content[at] ^ 1]) + content[at + 1:]
        etag = etag_of(behaviour, content)
        if etag:
            self.headers["ETag"] = etag
        if behaviour.get("last_modified"):
            self.headers["Last-Modified"] = behaviour["last_modified"]
        body = content
        if self.status == 200 and behaviour.get("ranges", True):
            self.headers["Accept-Ranges"] = "bytes"
            body = self.cut(content, request, etag)
        if behaviour.get("gzip"):
            body = gzip.compress(body)
            self.headers["Content-Encoding"] = "gzip"
        self.length = len(body)
        self.pieces = pieces_of(body)

    def cut(self, content, request, etag):
        wanted = request.get("if-range")
        honest = self.behaviour.get("if_range", True)
        if honest and wanted and wanted not in (etag, self.behaviour.get("last_modified")):
            return content
        part = asked_range(request.get("range"), len(content))
        if part is None:
            return content
        if part == "none":
            self.status = 416
            self.headers["Content-Range"] = f"bytes */{len(content)}"
            return b""
        self.status = 206
        self.headers["Content-Range"] = f"bytes {part[0]}-{part[1] - 1}/{len(content)}"
        return content[part[0]:part[1]]

    def finish_headers(self):
        behaviour = self.behaviour
        if self.framing == "length":
            self.headers["Content-Length"] = str(self.length)
        elif self.framing == "chunked":
            self.headers["Transfer-Encoding"] = "chunked"
        if "content_length" in behaviour:
            self.headers["Content-Length"] = str(behaviour["content_length"])
        if "content_range" in behaviour and "Content-Range" in self.headers:
            self.headers["Content-Range"] = behaviour["content_range"]
        if self.closes():
            self.headers["Connection"] = "close"
        for name, value in behaviour.get("headers", {}).items():
            if value is None:
                self.headers.pop(name, None)
            else:
                self.headers[name] = value

    def closes(self):
        behaviour = self.behaviour
        return (self.framing == "close" or behaviour.get("close") or "truncate" in behaviour or
                "content_length" in behaviour)

    def head(self):
        lines = [f"HTTP/1.1 {self.status} {responses.get(self.status, 'Odd')}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


class Connection(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self):
        try:
            while self.serve_one():
                pass
        except OSError:
            pass

    def read_request(self):
        line = self.rfile.readline(65537).decode("latin-1")
        if len(line.split()) != 3:
            return None
        headers = {}
        while True:
            header = self.rfile.readline(65537).decode("latin-1").strip()
            if not header:
                break
            name, _, value = header.partition(":")
            headers[name.strip().lower()] = value.strip()
        method, target, _ = line.split()
        body = self.rfile.read(int(headers.get("content-length", 0)))
        return method, target, headers, body, line.strip()

    def serve_one(self):
        request = self.read_request()
        if not request:
            return False
        method, target, headers, _, line = request
        path = urllib.parse.unquote(target.partition("?")[0], errors="surrogateescape")
        behaviour = select_behaviour(path, method) or {"status": 404, "etag": None}
        if not knows_user(behaviour, headers):
            behaviour = {"status": 401, "etag": None, "headers": {"WWW-Authenticate": "Basic"}}
        record = {"method": method, "path": path, "target": target, "headers": headers,
                  "range": headers.get("range"), "if_range": headers.get("if-range"),
                  "status": 0, "bytes": 0}
        try:
            return self.answer(behaviour, path, method, headers, record)
        finally:
            self.server.write_logs(record, line)

    def answer(self, behaviour, path, method, headers, record):
        stopping.wait(behaviour.get("delay", 0))
        if behaviour.get("drop"):
            return False
        if "garbage" in behaviour:
            self.wfile.write(behaviour["garbage"].encode("latin-1"))
            return False
        if behaviour.get("endless_headers"):
            return self.send_endless_headers()
        answer = Answer(behaviour, path, headers)
        record["status"] = answer.status
        for _ in range(behaviour.get("interim", 0)):
            self.wfile.write(b"HTTP/1.1 103 Early Hints\r\nLink: </style>\r\n\r\n")
        self.wfile.write(answer.head())
        if method == "HEAD" or answer.status in (204, 304):
            return not answer.closes()
        return self.send_body(answer, behaviour, record)

    def send_endless_headers(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        number = 0
        while True:
            number += 1
            self.wfile.write(b"X-Header-%d: %s\r\n" % (number, b"x" * 1000))

    def send_body(self, answer, behaviour, record):
        truncate, stall = behaviour.get("truncate"), behaviour.get("stall")
        limit = min(n for n in (truncate, stall, 1 << 62) if n is not None)
        for piece in answer.pieces:
            room = limit - record["bytes"]
            self.send_piece(piece[:room], answer.framing, behaviour.get("rate"), record)
            if len(piece) >= room:
                break
        else:
            if answer.framing == "chunked":
                self.wfile.write(b"0\r\n\r\n")
            return not answer.closes()
        if stall is not None and record["bytes"] >= stall:
            self.rfile.read(1)  # until the client goes away
        return False

    def send_piece(self, piece, framing, rate, record):
        step = max(1, int(rate / 10)) if rate else PIECE * 16
        for start in range(0, len(piece), step):
            part = piece[start:start + step]
            if framing == "chunked":
                part = b"%x\r\n%s\r\n" % (len(part), part)
            self.wfile.write(part)
            record["bytes"] += min(step, len(piece) - start)
            if rate:
                stopping.wait(min(step, len(piece) - start) / rate)


class Control(socketserver.StreamRequestHandler):
    def handle(self):
        request = Connection.read_request(self)
        if not request:
            return
        method, target, _, body, _ = request
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(target).query)
        path = query.get("path", [""])[0]
        status, answer = 200, b""
        try:
            if method == "PUT":
                set_behaviour(path, json.loads(body))
            elif path:
                answer = content_of(select_behaviour(path, consume=False), path)
        except (ValueError, TypeError, AttributeError, OSError) as error:
            status, answer = 400, str(error).encode()
        head = (f"HTTP/1.1 {status} {responses[status]}\r\nContent-Length: {len(answer)}\r\n"
                "Connection: close\r\n\r\n")
        self.wfile.write(head.encode() + answer)


def set_behaviour(path, behaviour):
    with lock:
        used.pop(path, None)
        if behaviour is None:
            behaviours.pop(path, None)
        else:
            behaviours[path] = behaviour


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address, handler, log=None, access_log=None):
        host, _, port = address.rpartition(":")
        self.log = open(log, "a", encoding="utf-8") if log else None
        self.access_log = open(access_log, "a", encoding="utf-8") if access_log else None
        super().__init__((host, int(port)), handler)

    def write_logs(self, record, line):
        with lock:
            if self.log:
                print(json.dumps(record), file=self.log, flush=True)
            if self.access_log:
                print(line, record["status"], record["bytes"], record["range"] or "-",
                      record["if_range"] or "-", sep="\t", file=self.access_log, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--listen", required=True)
    parser.add_argument("--control", required=True)
    parser.add_argument("--log")
    parser.add_argument("--access-log")
    parser.add_argument("behaviours")
    arguments = parser.parse_args()
    with open(arguments.behaviours, encoding="utf-8") as file:
        behaviours.update(json.load(file))
    server = Server(arguments.listen, Connection, arguments.log, arguments.access_log)
    control = Server(arguments.control, Control)
    threading.Thread(target=control.serve_forever, daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
