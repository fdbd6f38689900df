// A plain copy loop in Node, with the buffer size that served best, and fsync: copy.mjs SOURCE TARGET
import { closeSync, fsyncSync, openSync, readSync, writeSync } from "node:fs";

const CHUNK = 256 * 1024;
const [source, target] = process.argv.slice(2);
const input = openSync(source, "r");
const output = openSync(target, "w");
const buffer = Buffer.allocUnsafe(CHUNK);
for (let length = readSync(input, buffer); length > 0; length = readSync(input, buffer)) {
  for (let at = 0; at < length; at += writeSync(output, buffer, at, length - at));
}
fsyncSync(output);
closeSync(input);
closeSync(output);
