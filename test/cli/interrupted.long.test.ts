import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeSafetensors } from "../../src/formats/safetensors/save.ts";

const PROGRAM = join(import.meta.dirname, "../../bin/weighbridge.js");
const [HIDDEN, INNER, VOCAB] = [256, 704, 2048];
/** `match` is done with the few layers before it can be interrupted. */
const [LAYERS, MANY_LAYERS] = [6, 48];

const folder = mkdtempSync(join(tmpdir(), "interrupted-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A model of some millions of parameters whose values no mistake relates to those of another seed. */
async function model(name: string, seed: number, layers = LAYERS): Promise<void> {
  const shapes: Record<string, readonly number[]> = {
    "model.embed_tokens.weight": [VOCAB, HIDDEN],
    "lm_head.weight": [VOCAB, HIDDEN],
    "model.norm.weight": [HIDDEN],
  };
  for (let layer = 0; layer < layers; layer++) {
    const at = `model.layers.${layer}.`;
    for (const letter of "qkvo") shapes[`${at}self_attn.${letter}_proj.weight`] = [HIDDEN, HIDDEN];
    for (const part of ["gate", "up"]) shapes[`${at}mlp.${part}_proj.weight`] = [INNER, HIDDEN];
    shapes[`${at}mlp.down_proj.weight`] = [HIDDEN, INNER];
    for (const norm of ["input_layernorm", "post_attention_layernorm"])
      shapes[`${at}${norm}.weight`] = [HIDDEN];
  }
  let state = seed;
  const tensors = Object.entries(shapes).map(([tensor, shape]) => {
    const count = shape.reduce((product, size) => product * size, 1);
    const data = Float32Array.from({ length: count }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return 0.1 * (state / 2 ** 31 - 1);
    });
    return { name: tensor, dtype: "F32" as const, shape, bytes: Buffer.from(data.buffer) };
  });
  mkdirSync(join(folder, name));
  const config = {
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    hidden_size: HIDDEN,
    intermediate_size: INNER,
    num_hidden_layers: layers,
    num_attention_heads: 8,
    vocab_size: VOCAB,
    rms_norm_eps: 1e-5,
    max_position_embeddings: 512,
    tie_word_embeddings: false,
  };
  writeFileSync(join(folder, name, "config.json"), JSON.stringify(config));
  await writeSafetensors(join(folder, name, "model.safetensors"), tensors, new Map());
}

/** Seconds of processor time that a process has used; undefined when it is gone. */
function used(pid: number): number | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return undefined;
  }
}

beforeAll(async () => {
  await model("ours", 1);
  await model("theirs", 2);
  await model("ours-deep", 1, MANY_LAYERS);
  await model("theirs-deep", 2, MANY_LAYERS);
});

/**
 * What a search does after a signal is measured by its own processor time: on a busy machine a second of it may take many. Where the
 * system does not tell it, by the clock.
 */
test.each([
  ["verify", "SIGTERM", "", ["--device", "wasm"]],
  ["diff", "SIGINT", "", []],
  ["match", "SIGTERM", "-deep", []],
] as const)("%s ends within a second of %s", async (command, signal, depth, options) => {
  let interrupted = 0;
  for (const seconds of [1, 2.5]) {
    const places = ["ours", "theirs"].map((name) => join(folder, name + depth));
    const child = spawn(process.execPath, [PROGRAM, command, ...places, "--quiet", ...options], {
      stdio: "ignore",
    });
    const { pid = 0 } = child;
    const ended = once(child, "close");
    // So far into the work, however slow the machine is.
    while ((used(pid) ?? seconds) < seconds && child.exitCode === null)
      await new Promise((resolve) => setTimeout(resolve, 20));
    if (child.exitCode !== null) break;
    const [begin, before] = [performance.now(), used(pid)];
    let last = before;
    child.kill(signal);
    const watch = setInterval(() => (last = used(pid) ?? last), 5);
    await ended;
    clearInterval(watch);
    const clock = (performance.now() - begin) / 1000;
    const spent = last === undefined || before === undefined ? clock : last - before;
    process.stdout.write(`${command}: ${spent.toFixed(2)} s, by the clock ${clock.toFixed(2)} s\n`);
    expect(child.exitCode).toBe(130);
    expect(spent).toBeLessThan(1);
    interrupted++;
  }
  expect(interrupted).toBeGreaterThan(0);
});
