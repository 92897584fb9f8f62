# An HTTP server of four workers that accept from one socket, two started by $A and
# two by $B, and forked ones; clients check every response.
import hashlib, os, select, shlex, signal, socket, sys
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer


def body(path):
    digest = hashlib.md5(path.encode()).hexdigest()
    return (digest * (1 + int(digest[:3], 16))).encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits for an acknowledgement

    def do_GET(self):
        data = body(self.path)
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self):
        self.send_response(201)
        data = hashlib.sha1(self.rfile.read(int(self.headers["Content-Length"]))).hexdigest().encode()
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


def worker(listener, ready, status):
    server = HTTPServer(listener.getsockname(), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    server.timeout = 0
    listener.setblocking(False)  # another worker may be faster
    # The signal is read from a pipe: no moment is left in which it could come unseen.
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    signal.set_wakeup_fd(tell)
    signal.signal(signal.SIGTERM, lambda *_: None)
    os.write(ready, b".")
    while told not in select.select([listener, told], [], [])[0]:
        server.handle_request()
    os._exit(status)


def client(port, number, count):
    for i in range(count):
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        for k in range(5):
            path = "/%d/%d/%d" % (number, i, k)
            connection.request("GET", path)
            response = connection.getresponse()
            if response.status != 200 or response.read() != body(path):
                return 1
        data = body(path)
        connection.request("POST", "/", data)
        response = connection.getresponse()
        if response.status != 201 or response.read() != hashlib.sha1(data).hexdigest().encode():
            return 2
        connection.close()
    return 0


def fork(function, *args):
    pid = os.fork()
    if pid == 0:
        os._exit(function(*args) or 0)
    return pid


def exec_worker(before, listener, ready, status):
    listener.set_inheritable(True)
    os.set_inheritable(ready, True)
    args = shlex.split(os.environ[before]) + [sys.executable, __file__, "worker", str(listener.fileno()), str(ready), str(status)]
    os.execvp(args[0], args)


def statuses(pids):
    return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]


def main(count):
    listener = socket.create_server(("127.0.0.1", 0), backlog=50)
    up, ready = os.pipe()
    workers = [fork(exec_worker, "AB"[i % 2], listener, ready, 10 + i) for i in range(4)]
    workers += [fork(worker, listener, ready, 14 + i) for i in range(2)]
    for _ in workers:
        os.read(up, 1)
    clients = [fork(client, listener.getsockname()[1], i, count) for i in range(3)]
    print(statuses(clients))
    for pid in workers:
        os.kill(pid, signal.SIGTERM)
    print(statuses(workers))


if sys.argv[1] == "worker":
    worker(socket.socket(fileno=int(sys.argv[2])), int(sys.argv[3]), int(sys.argv[4]))
main(int(sys.argv[1]))
