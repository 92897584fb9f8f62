# A server of a database: clients speak to it by TCP, it writes to sqlite and to a file
# that is mapped, and both are looked at when it has ended.
import mmap, os, socket, socketserver, sqlite3, sys, threading


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            verb, key, *value = line.split()
            with self.server.lock:
                if verb == b"set":
                    self.server.db.execute("replace into t values (?, ?)", (int(key), value[0]))
                    self.server.db.commit()
                    at = int(key) * 16
                    self.server.map[at:at + 16] = value[0].ljust(16, b".")[:16]
                    answer = b"ok"
                else:
                    row = self.server.db.execute("select v from t where k = ?", (int(key),)).fetchone()
                    answer = row[0] if row else b"none"
            self.wfile.write(answer + b"\n")


def client(port, number, count):
    with socket.create_connection(("127.0.0.1", port)) as s, s.makefile("rwb", 0) as f:
        for i in range(count):
            key = number * count + i
            f.write(b"get %d\n" % key)
            assert f.readline() == b"none\n"
            f.write(b"set %d value-%d\n" % (key, key * key))
            assert f.readline() == b"ok\n"
            f.write(b"get %d\n" % key)
            assert f.readline() == b"value-%d\n" % (key * key)


def main(count):
    clients = 3
    with open("mapped", "wb") as f:
        f.truncate(clients * count * 16)
    mapped = open("mapped", "r+b")
    socketserver.ThreadingTCPServer.daemon_threads = True
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.db = sqlite3.connect("data.db", check_same_thread=False)
    server.db.execute("create table t (k integer primary key, v text)")
    server.map = mmap.mmap(mapped.fileno(), 0)
    server.lock = threading.Lock()
    port = server.server_address[1]
    pids = []
    for number in range(clients):
        pid = os.fork()
        if pid == 0:
            client(port, number, count)
            os._exit(40 + number)
        pids.append(pid)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    print([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids])
    server.shutdown()
    server.server_close()
    print(server.db.execute("select count(*), min(v), max(v) from t").fetchone())
    print(server.db.execute("pragma integrity_check").fetchone())
    server.map.flush()
    server.map.close()
    server.db.close()
    os.remove("data.db")  # its header counts the changes, in the order of their coming


main(int(sys.argv[1]))
