"""A server that cuts connections, ignores ranges, changes its file or serves the wrong one; archives for it."""

import re
import zipfile
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    """files: what is served. cuts: after how many bytes the next answers break off. statuses: errors answered first."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.cuts, self.statuses, self.ranges = {}, [], [], []
        self.knows_ranges, self.version, self.tells_length = True, '"1"', True
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def do_GET(self):
        server, content = self.server, self.server.files.get(self.path)
        asked = self.headers.get("Range")
        server.ranges.append(asked)
        if server.statuses or content is None:
            self.send_error(server.statuses.pop(0) if server.statuses else 404)
            return
        start = int(re.match(r"bytes=(\d+)-", asked)[1]) if asked and server.knows_ranges else 0
        if self.headers.get("If-Range") not in (None, server.version):
            start = 0
        if start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if server.version:
            self.send_header("ETag", server.version)
        if server.tells_length:
            self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = start + server.cuts.pop(0) if server.cuts else len(content)
        with suppress(ConnectionError):  # who had enough hangs up
            self.wfile.write(content[start:end])


def zipped(path, files, links=()):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        for name in links:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o120777 << 16
            archive.writestr(entry, "/etc/passwd")
    return path.read_bytes()
