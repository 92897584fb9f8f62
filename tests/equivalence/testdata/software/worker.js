// Threads with shared memory, child processes, streams and a server.
const { Worker, isMainThread, parentPort, workerData } = require("worker_threads");
const { spawn, fork, execFileSync } = require("child_process");
const crypto = require("crypto"), fs = require("fs"), net = require("net"), zlib = require("zlib");

function thread() {
  const shared = new Int32Array(workerData.buffer);
  for (let i = 0; i < workerData.count; i++) Atomics.add(shared, 0, 1);
  let digest = "";
  for (let i = 0; i < 2000; i++) digest = crypto.createHash("sha1").update(digest + i).digest("hex");
  Atomics.add(shared, 1, 1);
  Atomics.notify(shared, 1);
  parentPort.on("message", (m) => { parentPort.postMessage([m * 2, digest]); parentPort.close(); });
}

function runThread(buffer, number, count) {
  return new Promise((resolve, reject) => {
    const w = new Worker(__filename, { workerData: { buffer, count } });
    let got;
    w.on("message", (m) => (got = m)).on("error", reject).on("exit", (code) => resolve([...got, code]));
    w.postMessage(number);
  });
}

function child(command, args, input) {
  return new Promise((resolve) => {
    const p = spawn(command, args);
    let out = "";
    p.stdout.on("data", (d) => (out += d));
    p.on("close", (code, signal) => resolve([out.length, out.slice(0, 20), code, signal]));
    p.stdin.on("error", () => {});
    p.stdin.end(input);
  });
}

function server(count) {
  return new Promise((resolve) => {
    let served = 0;
    const s = net.createServer((c) => c.on("data", (d) => c.write(d.toString().toUpperCase())));
    s.listen(0, "127.0.0.1", () => {
      const c = net.connect(s.address().port, "127.0.0.1");
      c.write("message 0");
      c.on("data", (d) => {
        if (d.toString() !== "MESSAGE " + served) console.log("wrong", d.toString());
        if (++served === count) { c.end(); s.close(() => resolve(served)); } else c.write("message " + served);
      });
    });
  });
}

async function main(scale) {
  const buffer = new SharedArrayBuffer(8);
  const all = [];
  for (let i = 0; i < 4; i++) all.push(runThread(buffer, i, 100000 * scale));
  console.log(await Promise.all(all));
  console.log([...new Int32Array(buffer)]);
  console.log(await Promise.all([child("cat", [], "x".repeat(200000)), child("sh", ["-c", "exit 3"], ""), child("sh", ["-c", "kill $$"], "")]));
  console.log(execFileSync("sort", ["-rn"], { input: "1\n3\n2\n" }).toString().split("\n"));
  console.log(await server(100 * scale));
  const text = crypto.createHash("md5").update("seed").digest("hex").repeat(20000 * scale);
  fs.writeFileSync("text", text);
  await new Promise((done) => fs.createReadStream("text").pipe(zlib.createGzip()).pipe(fs.createWriteStream("text.gz")).on("close", done));
  console.log(zlib.gunzipSync(fs.readFileSync("text.gz")).toString() === text);
  process.on("SIGUSR2", () => { console.log("signal"); process.exitCode = 5; clearInterval(wait); });
  const wait = setInterval(() => {}, 1000);
  process.kill(process.pid, "SIGUSR2");
}

if (isMainThread) main(Number(process.argv[2])); else thread();
