# Pools of processes that are forked, and of processes that are started anew, shared
# memory, and what multiprocessing has to let processes wait for each other.
import hashlib, multiprocessing as mp, sys
from multiprocessing import shared_memory


def work(n):
    digest = hashlib.sha256()
    for i in range(3000):
        digest.update(b"%d %d" % (n, i))
    return digest.hexdigest()[:8]


def fail(n):
    raise ValueError("item %d" % n)


def fill(name, part, parts, barrier, done):
    memory = shared_memory.SharedMemory(name)
    size = memory.size // parts
    for i in range(part * size, (part + 1) * size):
        memory.buf[i] = i * 7 & 255
    barrier.wait(60)
    # Everybody sees what the others have written.
    done.put((part, sum(memory.buf[:size * parts])))
    memory.close()


def count(counter, lock, times):
    for _ in range(times):
        with counter.get_lock():
            counter.value += 1
        with lock:
            pass


def echo(end):
    while (item := end.recv()) is not None:
        end.send(item * 2)
    end.close()


def main(scale):
    with mp.Pool(4) as pool:
        print(pool.map(work, range(8 * scale)))
        print(sorted(pool.imap_unordered(work, range(6 * scale), chunksize=2)))
        try:
            pool.map(fail, [3])
        except ValueError as e:
            print("failed:", e)
        print(pool.apply_async(work, (99,)).get(60))
    with mp.get_context("spawn").Pool(2) as pool:
        print(pool.map(work, range(4)))

    memory = shared_memory.SharedMemory(create=True, size=16384 * scale)
    barrier, done = mp.Barrier(3), mp.Queue()
    parts = [mp.Process(target=fill, args=(memory.name, i, 3, barrier, done)) for i in range(3)]
    for p in parts:
        p.start()
    print(sorted(done.get(timeout=60) for _ in parts))
    for p in parts:
        p.join()
    print([p.exitcode for p in parts])
    memory.close()
    memory.unlink()

    counter, lock = mp.Value("i", 0), mp.RLock()
    counters = [mp.Process(target=count, args=(counter, lock, 200 * scale)) for _ in range(3)]
    for p in counters:
        p.start()
    for p in counters:
        p.join()
    print(counter.value, [p.exitcode for p in counters])

    here, there = mp.Pipe()
    p = mp.Process(target=echo, args=(there,))
    p.start()
    for i in range(100 * scale):
        here.send([i] * 10)
        assert here.recv() == [i] * 20
    here.send(None)
    p.join()
    print("echo", p.exitcode)

    with mp.Manager() as manager:
        shared = manager.dict()
        parts = [mp.Process(target=shared.__setitem__, args=(i, i * i)) for i in range(3)]
        for p in parts:
            p.start()
        for p in parts:
            p.join()
        print(sorted(shared.items()))
    sleeper = mp.Process(target=__import__("time").sleep, args=(60,))
    sleeper.start()
    sleeper.terminate()
    sleeper.join()
    print("terminated", sleeper.exitcode)


if __name__ == "__main__":
    main(int(sys.argv[1]))
