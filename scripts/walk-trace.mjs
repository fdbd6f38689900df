// Loaded before a conversion (node --import), in every thread of it: notes the functions of the product that are under way when
// bytes of a tensor are written or handed to a thread, and prints the longest way that each end of it saw.
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { isMainThread, Worker } from "node:worker_threads";

Error.stackTraceLimit = Infinity;
const product = process.env["WALK_PRODUCT"] ?? "";

/** Names of the product's functions on the stack, the outermost first; promises and Node's own are left out. */
function underWay() {
  const lines = (new Error("here").stack ?? "").split("\n").slice(3);
  return lines
    .filter((line) => line.includes(`${product}/dist/`) && !line.includes("/dist/cli/"))
    .map((line) => /at (?:async )?(?:new )?([^ ]+) \(/.exec(line)?.[1] ?? "(anonymous)")
    .toReversed();
}

let longest = [];
function note() {
  const names = underWay();
  if (names.length > longest.length) longest = names;
}

const { writeSync } = fs;
fs.writeSync = (...given) => {
  if (ArrayBuffer.isView(given[1])) note();
  return writeSync(...given);
};
syncBuiltinESMExports();

const postMessage = Reflect.get(Worker.prototype, "postMessage");
Worker.prototype.postMessage = function (...given) {
  if (given[0]?.job !== undefined) note();
  return Reflect.apply(postMessage, this, given);
};

const tell = () => {
  if (longest.length > 0)
    writeSync(2, `walk ${JSON.stringify({ isMainThread, functions: longest })}\n`);
  longest = [];
};
// A thread is ended by its owner, without an exit event: what it knows is told as soon as it is longer.
if (isMainThread) process.on("exit", tell);
else setInterval(tell, 5).unref();
