# Child processes, by asyncio and by subprocess.
import asyncio, os, signal, subprocess, sys


async def talk(number):
    p = await asyncio.create_subprocess_exec("cat", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    said = b""
    for i in range(10):
        p.stdin.write(b"%d.%d\n" % (number, i))
        await p.stdin.drain()
        said += await p.stdout.readline()
    p.stdin.close()
    return said.split()[-1], await p.wait()


async def shell(command):
    p = await asyncio.create_subprocess_shell(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    out, _ = await p.communicate()
    return out.decode().split(), p.returncode


async def much(size):
    p = await asyncio.create_subprocess_exec("tr", "a", "b", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    out, _ = await p.communicate(b"a" * size)
    return len(out), out.count(b"b"), p.returncode


async def stopped():
    p = await asyncio.create_subprocess_exec("sleep", "60")
    try:
        await asyncio.wait_for(p.wait(), 0.05)
    except asyncio.TimeoutError:
        p.terminate()
    return await p.wait()


async def signalled():
    loop, got = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGUSR1, got.set)
    p = await asyncio.create_subprocess_shell("kill -USR1 %d" % os.getpid())
    await asyncio.wait_for(got.wait(), 30)
    return "signal", await p.wait()


async def by_asyncio(scale):
    print(await asyncio.gather(*(talk(i) for i in range(4 * scale))))
    print(await asyncio.gather(shell("echo a; exit 3"), shell("echo b >&2; kill -9 $$"), shell("true | false")))
    print(await much(300000 * scale))
    print(await asyncio.gather(stopped(), stopped()))
    print(await signalled())


def by_subprocess(scale):
    print(subprocess.check_output(["sh", "-c", "cat; echo $VAR"], input=b"in\n", env={"VAR": "value"}))
    print(subprocess.run(["sort", "-r"], input="\n".join(map(str, range(2000 * scale))), text=True, capture_output=True).stdout[:20])
    try:
        subprocess.run(["sleep", "60"], timeout=0.05)
    except subprocess.TimeoutExpired as e:
        print("timeout", e.cmd)
    try:
        subprocess.run(["./nonexistent"])
    except FileNotFoundError as e:
        print(e)
    first = subprocess.Popen(["seq", str(20000 * scale)], stdout=subprocess.PIPE)
    last = subprocess.Popen(["wc", "-lc"], stdin=first.stdout, stdout=subprocess.PIPE)
    first.stdout.close()
    print(last.communicate()[0].split(), first.wait(), last.returncode)
    p = subprocess.Popen(["sh", "-c", "ps -o sid= -p $$ | grep -q $$ && pwd | grep -q /$ && umask"], cwd="/", start_new_session=True,
                         umask=0o27, stdout=subprocess.PIPE, preexec_fn=lambda: os.nice(3))
    print(p.communicate()[0], p.returncode)
    r, w = os.pipe()
    p = subprocess.Popen(["sh", "-c", "echo passed >&%d" % w], pass_fds=[w])
    os.close(w)
    print(os.read(r, 100), p.wait())
    p = subprocess.Popen(["sh", "-c", 'trap "echo trapped; exit 7" TERM; echo ready; while :; do :; done'], stdout=subprocess.PIPE)
    p.stdout.readline()
    p.send_signal(signal.SIGSTOP)
    print(os.WIFSTOPPED(os.waitpid(p.pid, os.WUNTRACED)[1]))
    p.send_signal(signal.SIGCONT)
    p.terminate()
    print(p.communicate()[0], p.returncode)
    print([os.waitstatus_to_exitcode(subprocess.call(["true"])) for _ in range(5)])


asyncio.run(by_asyncio(int(sys.argv[1])))
sys.stdout.flush()
by_subprocess(int(sys.argv[1]))
