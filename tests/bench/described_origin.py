# SPDX-License-Identifier: BSD-2-Clause
"""An origin of one very large file of zeros with 64 MiB of content information (version 2.0).

described_origin.py FILE: writes its URL there. All segments are the same 68 KiB of zeros, so that
nothing needs to be hashed; "small" is a file without content information.
"""
import hashlib
import hmac
import http.server
import re
import struct
import sys

SEGMENT = 68 * 1024
COUNT = (64 << 20) // 68
SIZE = SEGMENT * COUNT
HASH = hashlib.sha512(bytes(SEGMENT)).digest()[:32]
SECRET = hmac.new(bytes(32), HASH, hashlib.sha512).digest()[:32]
INFORMATION = (bytes([0, 2, 4]) + bytes(28) + struct.pack(">BI", 0, 68 * COUNT)
               + (struct.pack(">I", SEGMENT) + HASH + SECRET) * COUNT)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.answer(False)

    def do_GET(self):
        self.answer(True)

    def answer(self, body):
        if self.path == "/":
            page = b'<a href="described">described</a><a href="small">small</a>'
            self.head(200, len(page), {"Content-Type": "text/html"})
            if body:
                self.wfile.write(page)
            return
        size = SIZE if self.path == "/described" else 65536
        common = {"ETag": '"one"', "Accept-Ranges": "bytes"}
        if body and size == SIZE and self.headers.get("Accept-Encoding") == "peerdist":
            self.head(200, len(INFORMATION), common | {
                "Content-Encoding": "peerdist",
                "X-P2P-PeerDist": f"Version=1.1, ContentLength={SIZE}"})
            self.wfile.write(INFORMATION)
            return
        span = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        first = int(span[1]) if span else 0
        last = min(int(span[2]) if span and span[2] else size - 1, size - 1)
        if span:
            common["Content-Range"] = f"bytes {first}-{last}/{size}"
        self.head(206 if span else 200, last - first + 1, common)
        left = last - first + 1 if body else 0
        while left > 0:
            left -= self.wfile.write(bytes(min(left, 1 << 20)))

    def head(self, status, length, fields):
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(sys.argv[1], "w", encoding="ascii") as file:
    file.write(f"http://127.0.0.1:{server.server_address[1]}/")
server.serve_forever()
