# Threads that compute, sleep, wait for each other and write files.
import hashlib
import queue
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

rounds = int(sys.argv[1])
work, results, lock = queue.Queue(), {}, threading.Lock()


def digest(number):
    h = hashlib.sha256()
    for k in range(60):
        h.update(bytes([number % 251, k]) * 2000)
    return h.hexdigest()


def worker():
    while (number := work.get()) is not None:
        value = digest(number)
        time.sleep(0.001)
        with lock:
            results[number] = value


threads = [threading.Thread(target=worker) for _ in range(4)]
for t in threads:
    t.start()
for number in range(rounds):
    work.put(number)
for t in threads:
    work.put(None)
for t in threads:
    t.join()
with open("digests", "w") as f:
    for number in range(rounds):
        f.write(results[number] + "\n")

with ThreadPoolExecutor(3) as pool:  # its threads come and go
    again = list(pool.map(digest, range(rounds // 4)))
assert again == [results[n] for n in range(rounds // 4)]

event, seen = threading.Event(), []
timer = threading.Timer(0.05, lambda: (seen.append("timer"), event.set()))
timer.start()
assert event.wait(10) and seen == ["timer"]
assert not threading.Event().wait(0.02)
print(len(results), hashlib.sha256("".join(results[n] for n in range(rounds)).encode()).hexdigest())
