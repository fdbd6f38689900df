// Measures how soon `weighbridge serve` answers /health while it computes: p50, p99 and the longest, beside a server of Node that does
// nothing else on the same machine, and how long the server's event loop stood still.
//
//   node scripts/bench/health.mjs [--model PATH] [--seconds N]
//
// Nothing here is a test: a busy machine makes every server wait, which the idle server's column shows.
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const ROOT = join(fileURLToPath(import.meta.url), "../../..");
/** Between two looks at /health. */
const PAUSE_MS = 20;
const CLIENTS = 8;
/** Just below the largest body that is taken, 4 MiB. */
const LONG_BYTES = 4 * 2 ** 20 - 4096;

const { values } = parseArgs({
  options: {
    model: { type: "string", default: join(ROOT, "fixtures/internlm-tiny") },
    seconds: { type: "string", default: "20" },
    part: { type: "string" },
    url: { type: "string" },
  },
});

/** Told on stderr once a second: the longest stop of the server's event loop since the last time, in milliseconds. */
const WATCH = `import { monitorEventLoopDelay } from "node:perf_hooks";
const delay = monitorEventLoopDelay({ resolution: 5 });
delay.enable();
setInterval(() => { process.stderr.write("loop " + (delay.max / 1e6).toFixed(1) + "\\n"); delay.reset(); }, 1000).unref();`;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function post(url, body) {
  const answer = await fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  await answer.arrayBuffer();
  return answer.status;
}

const words = (bytes) => "the weights of a bridge, ".repeat(bytes / 25);

const WORK = {
  /** Eight clients, each asking for one answer after another. */
  answers: (url) =>
    Promise.all(
      Array.from({ length: CLIENTS }, (_, client) =>
        ask(url, { prompt: [3 + client, 5, 7, 9], max_tokens: 40, ignore_eos: true }),
      ),
    ),
  /** One client that sends a prompt far beyond the context, again and again. */
  text: (url) => ask(url, { prompt: words(LONG_BYTES) }),
  ids: (url) => ask(url, { prompt: Array.from({ length: LONG_BYTES / 4 }, () => 255) }),
  /** What costs most to parse. */
  lists: (url) => ask(url, { prompt: Array.from({ length: LONG_BYTES / 3 }, () => []) }),
};

/** Asks for the same again and again; the server ends while the last request is on its way. */
async function ask(url, value) {
  const body = JSON.stringify(value);
  for (let status; status !== 0;) {
    status = await post(url, body).catch(() => 0);
    if (status !== 0) process.send({ status });
  }
}

async function timesOf(url, until) {
  const times = [];
  while (performance.now() < until) {
    const begin = performance.now();
    await (await fetch(url)).arrayBuffer();
    times.push(performance.now() - begin);
    await sleep(PAUSE_MS);
  }
  return times.toSorted((a, b) => a - b);
}

function told(times) {
  const at = (part) =>
    times[Math.min(times.length - 1, Math.floor(times.length * part))].toFixed(1);
  return `${at(0.5)} | ${at(0.99)} | ${times.at(-1).toFixed(1)}`;
}

async function measure(parts, url, idle, loops) {
  const statuses = {};
  const children = parts.map((part) =>
    fork(fileURLToPath(import.meta.url), ["--part", part, "--url", url]),
  );
  for (const [index, child] of children.entries())
    child.on("message", ({ status }) => {
      const key = `${parts[index]} ${status}`;
      statuses[key] = (statuses[key] ?? 0) + 1;
    });
  await sleep(2000);
  loops.length = 0;
  const until = performance.now() + 1000 * Number(values.seconds);
  const [ours, theirs] = await Promise.all([timesOf(`${url}/health`, until), timesOf(idle, until)]);
  for (const child of children) child.kill();
  await Promise.all(children.map((child) => once(child, "exit")));
  const answered = Object.entries(statuses).map(([key, count]) => `${key} × ${count}`);
  console.log(
    `| ${parts.join(" and ") || "nothing"} | ${ours.length} | ${told(ours)} | ${told(theirs)} | ${Math.max(0, ...loops).toFixed(1)} | ${answered.join(", ")} |`,
  );
}

async function main() {
  const watch = `data:text/javascript,${encodeURIComponent(WATCH)}`;
  const program = ["--import", watch, join(ROOT, "bin/weighbridge.js"), "serve", values.model];
  const server = spawn(process.execPath, [...program, "--port", "0", "--device", "wasm"]);
  const loops = [];
  let log = "";
  server.stderr.on("data", (data) => {
    log += data;
    for (const [, ms] of String(data).matchAll(/^loop ([\d.]+)$/gm)) loops.push(Number(ms));
  });
  const plain = createServer((_request, answer) => answer.end("{}")).listen(0, "127.0.0.1");
  try {
    while (!/^ready$/m.test(log)) {
      if (server.exitCode !== null) throw new Error(log);
      await sleep(50);
    }
    const url = /listening at (\S+);/.exec(log)[1];
    const idle = `http://127.0.0.1:${plain.address().port}`;
    console.log(
      "| meanwhile | looks | p50 ms | p99 ms | longest ms | idle server: p50 | p99 | longest | loop stood still at most, ms | answers |",
    );
    console.log("| --- | --: | --: | --: | --: | --: | --: | --: | --: | --- |");
    for (const parts of [
      [],
      ["answers"],
      ["text"],
      ["ids"],
      ["lists"],
      ["answers", "text"],
      ["answers", "ids"],
    ])
      await measure(parts, url, idle, loops);
  } finally {
    server.kill();
    await once(server, "close");
    plain.close();
  }
}

// The work is done in processes of its own, so that making requests holds up no measurement.
await (values.part === undefined ? main() : WORK[values.part](values.url));
