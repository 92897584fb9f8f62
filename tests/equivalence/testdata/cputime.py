# Computes for 0.1 s of its CPU time after each line of input, and checks that all its
# clocks of CPU time go forward, at the same pace. Then so does a child of it.
import os, resource, sys, time

def clocks():
    r, t = resource.getrusage(resource.RUSAGE_SELF), os.times()
    n = resource.getrusage(resource.RUSAGE_THREAD)
    return [time.process_time(), time.thread_time(), time.clock_gettime(time.pthread_getcpuclockid(__import__("threading").get_ident())),
            r.ru_utime + r.ru_stime, n.ru_utime + n.ru_stime, t.user + t.system]

last, worst = clocks(), 0
for line in sys.stdin:
    end = time.process_time() + 0.1
    while time.process_time() < end:
        now = clocks()
        assert all(b >= a for a, b in zip(last, now)), (line, last, now)
        worst = max(worst, max(now[:5]) - min(now[:5]), abs(now[5] - now[0]) - 0.02)
        last = now
    print("computed", flush=True)
assert worst < 0.05, worst
assert last[0] < 1, last
pid = os.fork()
if pid == 0:
    while time.process_time() < 0.2:
        pass
    os._exit(0)
r = os.wait4(pid, 0)[2]
assert 0.19 < r.ru_utime + r.ru_stime < 1, r
c, t = resource.getrusage(resource.RUSAGE_CHILDREN), os.times()
assert 0.19 < c.ru_utime + c.ru_stime < 1 and t.children_user + t.children_system > 0.15, (c, t)
os.system("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done")
assert os.times().children_user + os.times().children_system > 0.01
print("done")
