"""Computes, seeks in files, sleeps, takes signals, waits in select and epoll."""
import hashlib, os, random, select, signal, socket, struct, sys, time

rounds = int(sys.argv[1])
seen = []
signal.signal(signal.SIGALRM, lambda s, f: seen.append("alarm"))
signal.signal(signal.SIGUSR1, lambda s, f: seen.append("usr1"))


def compute(seed):
    r = random.Random(seed)
    table = {}
    for _ in range(15000):
        key = r.randrange(500)
        table[key] = (table.get(key, 1) * 31 + r.randrange(1000)) % 1000003
    return hashlib.sha256(repr(sorted(table.items())).encode()).hexdigest()


def files(i):
    with open("data.bin", "r+b" if i else "w+b") as f:
        for k in range(200):
            f.seek(k * 37)
            f.write(struct.pack("<QI", i * k, k))
        f.seek(-100, os.SEEK_END)
        tail = f.read()
        f.truncate(8000)
    os.makedirs("d/e", exist_ok=True)
    with open("d/e/log", "a") as f:
        f.write("round %d %d\n" % (i, sum(tail)))
    os.replace("d/e/log", "d/log")
    os.replace("d/log", "d/e/log")
    return sorted(os.listdir("."))


def waits():
    a, b = socket.socketpair()
    begun = time.monotonic()
    assert select.select([a], [], [], 0.02) == ([], [], [])
    with select.epoll() as e:
        e.register(a, select.EPOLLIN)
        assert e.poll(0.02) == []
        b.send(b"hello")
        assert e.poll(5) == [(a.fileno(), select.EPOLLIN)]
    assert a.recv(10) == b"hello"
    p = select.poll()
    p.register(a, select.POLLIN)
    assert p.poll(20) == []
    assert time.monotonic() - begun >= 0.059
    a.close(), b.close()


def signals():
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    os.kill(os.getpid(), signal.SIGUSR1)
    begun = time.monotonic()
    time.sleep(0.04)
    assert time.monotonic() - begun >= 0.039
    assert sorted(seen) == ["alarm", "usr1"], seen
    seen.clear()


for i in range(rounds):
    print(i, compute(i), files(i))
    waits()
    signals()
import decimal, json  # late, from files

print(json.dumps({"sqrt": str(decimal.Decimal(2).sqrt())}))
assert os.readlink("/proc/self") == str(os.getpid())
print("to standard error", file=sys.stderr)
sys.exit(9)
