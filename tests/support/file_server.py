"""A web server on the loopback interface that can be told to misbehave."""

import contextlib
import functools
import http.server
import threading

DATA = bytes(range(256)) * 10_000  # 2.44 MiB: three blocks


class Server(http.server.ThreadingHTTPServer):
    """Serves DATA as any path, or `files` by their names; `cut_bytes` are sent of each answer, None for all."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.data = DATA
        self.files = {}
        self.asked = []
        self.etag = '"one"'
        self.knows_ranges = True
        self.cut_bytes = []
        self.codes = []
        self.says_length = True
        self.ranges = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/day_0.gz"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        asked = self.headers.get("Range")
        server.ranges.append(asked)
        if server.codes:
            self.send_error(server.codes.pop(0))
            return
        begin = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        whole = not asked or not server.knows_ranges or self.headers.get("If-Range") != server.etag
        begin = 0 if whole else begin
        name = self.path.rpartition("/")[2]
        server.asked.append(name)
        data = server.files.get(name, server.data)
        body = data[begin:]
        self.send_response(200 if whole else 206)
        if server.says_length:
            self.send_header("Content-Length", str(len(body)))
        if server.etag:
            self.send_header("ETag", server.etag)
        if not whole:
            self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        cut_bytes = server.cut_bytes.pop(0) if server.cut_bytes else None
        self.wfile.write(body[:cut_bytes])

    def log_message(self, *words):
        pass


@contextlib.contextmanager
def serving():
    """Yield a server that answers in a thread of its own."""
    server = Server()
    thread = threading.Thread(target=functools.partial(server.serve_forever, poll_interval=0.01))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
