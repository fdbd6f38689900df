import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openCheckpoint } from "../formats/open.ts";
import { WbError } from "../errors/wb-error.ts";
import { convert } from "./convert.ts";
import { writeDemoModel } from "./demo-model.ts";
import { diff } from "../verify/diff.ts";
import { generate } from "./generate.ts";
import { recordGolden } from "../verify/golden/record.ts";
import type { RuntimeOptions } from "../session/open-runtime.ts";
import { verify } from "../verify/run.ts";

/** Where the demo runs. */
export interface DemoOptions extends Pick<RuntimeOptions, "device" | "verbose" | "signal"> {
  /** Told of each step when it is done. */
  readonly onStep?: (step: DemoStep) => void;
}

/** One thing that the demo showed. */
export interface DemoStep {
  /** What it does, as the command line would. */
  readonly command: string;
  /** What came of it, one line. */
  readonly outcome: string;
  /** Whether it is what should have come of it. */
  readonly ok: boolean;
  readonly seconds: number;
}

/** The steps of the demo and how they went. */
export interface DemoResult {
  readonly steps: readonly DemoStep[];
  readonly ok: boolean;
  readonly seconds: number;
}

/** The tensor that the demo's mistake is made in. */
const DAMAGED = "model.layers.1.self_attn.q_proj.weight";

/** The prompt of the last step. */
const PROMPT = [1, 98, 43, 77];

/**
 * Makes a small InternLM-shaped checkpoint in all formats, converts, compares, verifies against a golden, makes a mistake and
 * has it found, and generates; everything is in a temporary folder that is removed.
 */
export async function demo(options: DemoOptions = {}): Promise<DemoResult> {
  const begin = performance.now();
  const folder = await mkdtemp(join(tmpdir(), "weighbridge-demo-"));
  const steps: DemoStep[] = [];
  const step = async (
    command: string,
    work: () => Promise<readonly [ok: boolean, outcome: string]>,
  ): Promise<void> => {
    options.signal?.throwIfAborted();
    const stepBegin = performance.now();
    const [ok, outcome] = await work();
    const done = { command, outcome, ok, seconds: (performance.now() - stepBegin) / 1000 };
    steps.push(done);
    options.onStep?.(done);
  };
  try {
    await showAll(folder, step, options);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return {
    steps,
    ok: steps.every(({ ok }) => ok),
    seconds: (performance.now() - begin) / 1000,
  };
}

type Step = (
  command: string,
  work: () => Promise<readonly [ok: boolean, outcome: string]>,
) => Promise<void>;

async function showAll(folder: string, step: Step, options: DemoOptions): Promise<void> {
  const at = (name: string): string => join(folder, name);
  const { signal } = options;
  const runtime = { device: options.device, verbose: options.verbose, signal };
  await step("make a small InternLM: 3 layers, hidden size 64, float16 weights", async () => {
    await writeDemoModel(at("drawn"));
    await convert(at("drawn"), at("torch"), { to: "pytorch", signal });
    await convert(at("drawn"), at("paddle"), { to: "paddle", signal });
    await gather(folder);
    return [true, "pytorch_model.bin, model_state.pdparams, config.json"];
  });
  for (const [source, target] of [
    ["pytorch_model.bin", "from-torch"],
    ["model_state.pdparams", "from-paddle"],
  ] as const) {
    await step(`convert model/${source} ${target}`, async () => {
      const result = await convert(at(`model/${source}`), at(target), { signal });
      const transposed = result.tensors.filter(({ action }) => action === "transpose").length;
      return [
        result.verified,
        `${result.tensors.length} tensors (${transposed} transposed), read back and verified`,
      ];
    });
  }
  await step("diff from-torch from-paddle", async () => {
    const { same, summary } = await diff(at("from-torch"), at("from-paddle"), { signal });
    return [same && summary.identical > 0, `${summary.identical} tensors identical to the bit`];
  });
  await step("verify model", async () => {
    const { verdict, prompts } = await verify(at("model"), runtime);
    return [verdict === "pass", `${verdict}: ${describePrompts(prompts)}`];
  });
  await step("golden record model --out golden.safetensors", async () => {
    const { prompts, device } = await recordGolden(
      at("model/pytorch_model.bin"),
      at("golden.safetensors"),
      runtime,
    );
    return [prompts.length > 0, `${prompts.length} prompts, on ${device}`];
  });
  const golden = at("golden.safetensors");
  await step("verify from-paddle --golden golden.safetensors", async () => {
    const { verdict, prompts } = await verify(at("from-paddle"), { ...runtime, golden });
    return [verdict === "pass", `${verdict}: ${describePrompts(prompts)}`];
  });
  await step(
    "verify broken --golden golden.safetensors  (one weight transposed on purpose)",
    async () => {
      await breakModel(at("from-torch"), at("broken"));
      const { verdict, diagnosis } = await verify(at("broken"), { ...runtime, golden });
      const [first] = diagnosis;
      return [
        verdict === "fail" && first?.cause === "transposed" && first.tensors[0] === DAMAGED,
        `${verdict}: ${first?.cause ?? "no cause"} ${first?.tensors.join(", ") ?? ""}: ${first?.evidence ?? ""}`,
      ];
    },
  );
  await step(`generate from-torch --input-ids ${PROMPT.join()}`, async () => {
    const { results, device, tokensPerSecond } = await generate(at("from-torch"), {
      ...runtime,
      prompts: [{ kind: "ids", ids: PROMPT }],
      maxNewTokens: 16,
    });
    const ids = results[0]?.ids.slice(PROMPT.length) ?? [];
    return [ids.length > 0, `${ids.join(",")} (${device}, ${tokensPerSecond.toFixed(0)} tokens/s)`];
  });
}

/** Both weight files in one folder, as InternLM-7B's own has them. */
async function gather(folder: string): Promise<void> {
  const model = join(folder, "model");
  await mkdir(model);
  await copyFile(join(folder, "drawn/config.json"), join(model, "config.json"));
  await copyFile(join(folder, "torch/pytorch_model.bin"), join(model, "pytorch_model.bin"));
  await copyFile(join(folder, "paddle/model_state.pdparams"), join(model, "model_state.pdparams"));
}

/** A copy of a converted folder with one square matrix transposed in place: no shape shows it. */
async function breakModel(source: string, target: string): Promise<void> {
  await mkdir(target);
  await copyFile(join(source, "config.json"), join(target, "config.json"));
  const path = join(source, "model.safetensors");
  const bytes = await readFile(path);
  const { begin, rows } = await placeOf(path, DAMAGED);
  const halves = Uint16Array.from({ length: rows * rows }, (_unused, index) =>
    bytes.readUInt16LE(begin + 2 * index),
  );
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < rows; column++)
      bytes.writeUInt16LE(halves[row * rows + column] ?? 0, begin + 2 * (column * rows + row));
  }
  await writeFile(join(target, "model.safetensors"), bytes);
}

/** Where a tensor's bytes begin in a safetensors file, and its rows. */
async function placeOf(path: string, name: string): Promise<{ begin: number; rows: number }> {
  const { checkpoint } = await openCheckpoint(path);
  await checkpoint.close();
  const tensor = checkpoint.tensors.find((candidate) => candidate.name === name);
  if (tensor === undefined) throw new WbError("WB7001", `${path}: the demo's ${name} is missing`);
  return { begin: tensor.byteOffset, rows: tensor.shape[0] ?? 0 };
}

function describePrompts(
  prompts: readonly { readonly positions: number; readonly maxAbs: number }[],
): string {
  const positions = prompts.reduce((sum, prompt) => sum + prompt.positions, 0);
  const worst = prompts.reduce((most, { maxAbs }) => Math.max(most, maxAbs), 0);
  return `${prompts.length} prompts, ${positions} positions, largest difference of a logit ${worst.toExponential(1)}`;
}
