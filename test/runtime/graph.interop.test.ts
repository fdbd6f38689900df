import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { openGenerator } from "../../src/session/generator.ts";
import { generateIds } from "../../src/runtime/generation/generate-ids.ts";
import { KeptTokens } from "../../src/runtime/generation/kept-tokens.ts";
import type { Backend } from "../../src/runtime/backends/backend.ts";
import { GraphDecoder } from "../../src/runtime/backends/graph/decoder.ts";
import type { Decoder } from "../../src/runtime/model/decoder.ts";
import { runsAsGraph } from "../../src/runtime/model/architecture.ts";
import { configOf } from "../../src/session/open-model.ts";
import { GraphNodes } from "../../src/runtime/backends/graph/nodes.ts";
import type { GraphSessions } from "../../src/runtime/backends/graph/session.ts";
import type { StepInput, TokenModel } from "../../src/runtime/model/token-model.ts";
import { openNative } from "../../src/runtime/backends/native/open.ts";
import type { ComputeDtype, Ops } from "../../src/runtime/backends/ops.ts";
import { caught, factOf } from "../support/caught.ts";
import { runCli, type CliRun } from "../support/cli.ts";
import { decodeRates } from "../support/decode-rates.ts";
import { FIXTURE_FOLDERS, FIXTURES } from "../support/fixture-manifest.ts";
import { greedyIds } from "../support/golden-agreement.ts";
import { readGoldenPrompts } from "../support/golden-prompts.ts";
import { madeBy } from "../support/own-environment.ts";
import { maxAbs } from "../support/max-abs.ts";
import { internlmConfig, SMALL } from "../support/model-config.ts";
import { openDecoderOf } from "../support/open-decoder.ts";
import { ORACLES } from "../support/oracles.ts";

/** float32 sums in another order, on logits below 10. */
const TOLERANCE = 5e-5;

const TINY = join(FIXTURES, "internlm-tiny");

/** Fixtures with a golden. */
const FOLDERS = await Promise.all(
  FIXTURE_FOLDERS.flatMap(({ name, path, golden }) =>
    golden === undefined
      ? []
      : [
          configOf(path).then((config) => ({
            name,
            folder: path,
            golden,
            isGraph: config !== undefined && runsAsGraph(config),
          })),
        ],
  ),
);

/** Windows, experts, latent attention, caps, LayerNorm and GELU have no nodes in a graph. */
const CALL_BY_CALL = [
  "mistral",
  "mistral-paddle",
  "qwen2-window",
  "mixtral",
  "mixtral-paddle",
  "qwen2_moe",
  "qwen2_moe-paddle",
  "qwen3_moe",
  "qwen3_moe-paddleformers",
  "gemma",
  "gemma-paddle",
  "gemma2",
  "gemma3",
  "phi3",
  "deepseek_v2",
  "deepseek_v2-paddle",
  "deepseek_v2-paddleformers",
  "deepseek_v2-state",
  "deepseek_v2-yarn",
  "deepseek_v2-yarn-paddle",
  "deepseek_v2-yarn-paddleformers",
  "deepseek_v2-yarn-state",
  "deepseek_v3",
  "deepseek_v3-halves",
  "deepseek_v3-halves-paddle",
  "deepseek_v3-halves-paddleformers",
  "deepseek_v3-halves-state",
  "deepseek_v3-paddle",
  "deepseek_v3-paddleformers",
  "deepseek_v3-state",
  "ernie4_5_moe",
  "ernie4_5_moe-every",
  "ernie4_5_moe-every-paddle",
  "ernie4_5_moe-every-state",
  "ernie4_5_moe-paddle",
  "ernie4_5_moe-paddleformers",
  "ernie4_5_moe-state",
  "glm4_moe",
  "glm4_moe-groups",
  "glm4_moe-groups-paddleformers",
  "glm4_moe-groups-state",
  "glm4_moe-paddleformers",
  "glm4_moe-state",
  "mixtral-state",
  "qwen2_moe-state",
  "qwen3_moe-state",
  ...["gpt2", "opt", "bloom", "bert", "roberta", "ernie"].flatMap((name) => [
    name,
    `${name}-paddle`,
  ]),
];

/** TensorFlow's own operations, as on a GPU: our kernels are for the CPU. */
async function openPlain(compute: ComputeDtype): Promise<Backend> {
  vi.stubEnv("WEIGHBRIDGE_KERNELS", "off");
  const opened = await openNative({ device: "cpu", compute, verbose: false });
  vi.unstubAllEnvs();
  return opened;
}

let backend: Backend;
let ops: Ops;
beforeAll(async () => {
  backend = await openPlain("f32");
  ops = backend.ops;
});
afterAll(() => {
  expect(ops.memory()).toEqual({ values: 0, bytes: 0 });
});

function graphsOf({ graphs }: Backend): GraphSessions {
  if (graphs === undefined) throw new Error("this backend runs no graphs");
  return graphs;
}

/** Calls `use` with a model as a graph of up to `batch` rows, and with the same model call by call. */
async function withGraph(
  path: string,
  on: Backend,
  batch: number,
  use: (graph: GraphDecoder, eager: Decoder) => Promise<void>,
): Promise<void> {
  const [whole, calls] = [
    await openDecoderOf(path, on, "resident"),
    await openDecoderOf(path, on, "resident"),
  ];
  const graph = await GraphDecoder.open(whole.decoder, graphsOf(on), batch);
  try {
    await use(graph, calls.decoder);
  } finally {
    graph.dispose();
    await whole.close();
    await calls.close();
  }
}

/** The logits of one step after the other. */
async function logitsOf(
  model: TokenModel,
  batch: number,
  steps: readonly StepInput[],
): Promise<readonly Float32Array[]> {
  const cache = model.createCache(batch);
  const logits: Float32Array[] = [];
  for (const input of steps)
    for (const row of await model.step(input, cache)) logits.push(row.slice());
  cache.dispose();
  return logits;
}

/** Largest difference of two models' logits. */
async function distance(
  graph: TokenModel,
  eager: TokenModel,
  batch: number,
  steps: readonly StepInput[],
): Promise<number> {
  const [found, expected] = [
    await logitsOf(graph, batch, steps),
    await logitsOf(eager, batch, steps),
  ];
  expect(found).toHaveLength(expected.length);
  return Math.max(...found.map((row, index) => maxAbs(expected[index] ?? [], row)));
}

/** A prompt at once, then tokens one by one. */
function oneByOne(prompt: readonly number[], count: number): readonly StepInput[] {
  const next = Array.from({ length: count }, (_, index) => ({
    ids: [Int32Array.of(7 * index + 3)],
  }));
  return [{ ids: [Int32Array.from(prompt)] }, ...next];
}

describe("as a graph, a model gives what it gives call by call, and the golden logits and ids", () => {
  const folders = FOLDERS.filter(({ isGraph }) => isGraph);

  test("but for models whose equations need the processor", () => {
    const others = FOLDERS.filter(({ isGraph }) => !isGraph).map(({ name }) => name);
    expect(others.toSorted()).toEqual(CALL_BY_CALL.toSorted());
  });

  test.each([...folders, ...ORACLES])("$name", async ({ folder, golden: path }) => {
    const golden = await readGoldenPrompts(path);
    await withGraph(folder, backend, 1, async (graph, eager) => {
      for (const { ids, logits, greedy, penalized } of golden) {
        expect(await distance(graph, eager, 1, oneByOne(ids, 3))).toBeLessThanOrEqual(TOLERANCE);
        const scored: number[] = [];
        await graph.score(ids, (_, row) => scored.push(...row));
        expect(maxAbs(logits, scored)).toBeLessThanOrEqual(TOLERANCE);
        const count = greedy.length - ids.length;
        expect(await greedyIds(graph, ids, count, 1)).toEqual(greedy);
        expect(await greedyIds(graph, ids, count, 1.1)).toEqual(penalized);
      }
    });
  });
});

/** 1, 8, 15, …: tokens of a small vocabulary. */
function someIds(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => (7 * index + 1) % 300);
}

describe("as a graph", () => {
  test("prompts of several lengths are padded as they are call by call, also where rows stay empty", async () => {
    const prompts = [someIds(9), someIds(3)];
    await withGraph(TINY, backend, 4, async (graph, eager) => {
      const all = await Promise.all(
        [graph, eager].map(async (model) => {
          const ids: number[] = [];
          const logits: number[] = [];
          const onLogits = (_: number, row: Float32Array): void => void logits.push(...row);
          const options = { maxNewTokens: 5, stopIds: [], padId: 0, onLogits };
          for await (const { id } of generateIds(model, prompts, options)) ids.push(id);
          return { ids, logits };
        }),
      );
      const [found, expected] = all;
      expect(found?.ids).toHaveLength(10);
      expect(found?.ids).toEqual(expected?.ids);
      expect(maxAbs(expected?.logits ?? [], found?.logits ?? [])).toBeLessThanOrEqual(TOLERANCE);
    });
  });

  test.each(["internlm-tiny", "safetensors-ntk", "glm"])(
    "%s takes a prompt in parts where its scores would take much, and texts for which its cache grows",
    async (name) => {
      // 32 rows of a step leave 256 tokens at once.
      await withGraph(join(FIXTURES, name), backend, 32, async (graph, eager) => {
        const steps = oneByOne(someIds(510), 4);
        expect(await distance(graph, eager, 1, steps)).toBeLessThanOrEqual(TOLERANCE);
      });
    },
  );

  test("a text goes on from what another left", async () => {
    await withGraph(TINY, backend, 1, async (graph, eager) => {
      const kept = new KeptTokens();
      const ask = async (model: TokenModel, ids: readonly number[]): Promise<readonly number[]> => {
        const found: number[] = [];
        const options = {
          maxNewTokens: 6,
          stopIds: [],
          padId: 0,
          kept: model === graph ? kept : undefined,
        };
        for await (const { id } of generateIds(model, [ids], options)) found.push(id);
        return found;
      };
      for (const length of [5, 12, 8]) {
        const ids = someIds(length);
        expect(await ask(graph, ids)).toEqual(await ask(eager, ids));
      }
      kept.dispose();
    });
  });

  test("texts come one after the other, in batches of at most its own", async () => {
    await withGraph(TINY, backend, 2, async (graph) => {
      expect(() => graph.createCache(3)).toThrow(expect.objectContaining({ code: "WB7001" }));
      const cache = graph.createCache(2);
      expect(() => graph.createCache(1)).toThrow(expect.objectContaining({ code: "WB2801" }));
      cache.dispose();
      cache.dispose();
      graph.createCache(1).dispose();
      await expect(
        graph.step({ ids: [Int32Array.of(99999)] }, graph.createCache(1)),
      ).rejects.toThrow(expect.objectContaining({ code: "WB3804" }));
    });
  });

  test("memory is the same after 1 and after 600 tokens, and after an abort", async () => {
    const before = ops.memory();
    await withGraph(TINY, backend, 1, async (graph) => {
      const run = async (maxNewTokens: number, signal?: AbortSignal): Promise<void> => {
        const options = { maxNewTokens, stopIds: [], padId: 2, signal };
        for await (const _ of generateIds(graph, [[1, 5, 9]], options));
      };
      const open = ops.memory();
      await run(1);
      await run(600);
      expect(ops.memory()).toEqual(open);
      await expect(run(9, AbortSignal.abort(new Error("stop")))).rejects.toThrow("stop");
      expect(ops.memory()).toEqual(open);
    });
    expect(ops.memory()).toEqual(before);
  });

  test("a load that is stopped leaves nothing", async () => {
    const { decoder, close } = await openDecoderOf(TINY, backend, "resident");
    const before = ops.memory();
    const stop = new AbortController();
    const layers: number[] = [];
    const options = {
      signal: stop.signal,
      onLayer: (done: number, total: number): void => {
        layers.push(done, total);
        stop.abort(new Error("stop"));
      },
    };
    await expect(GraphDecoder.open(decoder, graphsOf(backend), 1, options)).rejects.toThrow("stop");
    expect(layers).toEqual([1, decoder.config.layers]);
    expect(ops.memory()).toEqual(before);
    await close();
  });
});

describe("in a half dtype, a graph", () => {
  // One rounding more or less of a number near 4: half a unit of its last place, and what it becomes on its way.
  test.each([
    ["f16", 2e-2],
    ["bf16", 2e-1],
  ] as const)(
    "of %s gives what is given call by call but for roundings",
    async (compute, tolerance) => {
      const half = await openPlain(compute);
      for (const name of ["internlm-tiny", "paddle-e", "glm"]) {
        await withGraph(join(FIXTURES, name), half, 1, async (graph, eager) => {
          expect(await distance(graph, eager, 1, oneByOne(someIds(12), 6))).toBeLessThan(tolerance);
        });
      }
      half.ops.dispose();
    },
  );
});

/** What a model says last when it is opened. */
async function lastNote(path: string, maxMemory?: number): Promise<string | undefined> {
  const generator = await openGenerator(path, { device: "cpu", maxMemory });
  await generator.close();
  return generator.notes.at(-1);
}

function generateOnCpu(): CliRun {
  const prompt = ["--input-ids", "1,5,9", "--max-new-tokens", "12"];
  return runCli("generate", TINY, "--device", "cpu", ...prompt);
}

describe("a graph's session", () => {
  test("names what cannot be run, and does not read numbers of another type", async () => {
    const nodes = new GraphNodes();
    nodes.milestone("done", []);
    const session = await graphsOf(backend).open(nodes.savedModel("tag"), "tag");
    session.run([], "done");
    expect(() => session.run([], "nothing")).toThrow(expect.objectContaining({ code: "WB6202" }));
    expect(() => session.read([], ["done"])).toThrow(expect.objectContaining({ code: "WB7001" }));
    session.dispose();
  });

  test("a SavedModel that is none is refused", async () => {
    const refused = await caught(() => graphsOf(backend).open(Uint8Array.of(1, 2, 3), "serve"));
    expect(refused.code).toBe("WB6202");
  });
});

describe("a model that is opened for generation", () => {
  test("is a graph where its weights stay, and says so; where they pass, that too", async () => {
    vi.stubEnv("WEIGHBRIDGE_KERNELS", "off");
    expect(await lastNote(TINY)).toBe(
      "calls: one a token, since the whole model is a graph of TensorFlow's",
    );
    // A few layers take less than the buffers through which weights pass.
    const large = madeBy("real-model.mjs");
    const tooLittle = await caught(() => lastNote(large, 1));
    expect(await lastNote(large, Number(factOf(tooLittle, "streamed")))).toBe(
      "calls: each operation is one, since the weights are streamed",
    );
    vi.unstubAllEnvs();
  });

  test("shows the same logits of a prompt's tokens as a graph and call by call", async () => {
    const ids = someIds(70); // more than are fetched at once
    const scored = async (kernels: string): Promise<readonly number[]> => {
      vi.stubEnv("WEIGHBRIDGE_KERNELS", kernels);
      const generator = await openGenerator(TINY, { device: "cpu" });
      const found: number[] = [];
      await generator.score(ids, (position, row) => void found.push(position, ...row));
      await generator.close();
      vi.unstubAllEnvs();
      return found;
    };
    expect(maxAbs(await scored(""), await scored("off"))).toBeLessThanOrEqual(TOLERANCE);
  });

  test("generates the same where TF_XLA_FLAGS lets XLA compile what it can of a graph", () => {
    const expected = generateOnCpu().json["results"];
    vi.stubEnv("WEIGHBRIDGE_KERNELS", "off");
    vi.stubEnv("TF_XLA_FLAGS", "--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit");
    const { json, stderr } = generateOnCpu();
    vi.unstubAllEnvs();
    expect({ results: json["results"], stderr }).toMatchObject({ results: expected });
  });
});

test("decoding rates are measured both ways", async () => {
  const half = await openPlain("bf16");
  const config = internlmConfig({ ...SMALL, num_hidden_layers: 8 });
  const { graph, calls, bandwidth, weightBytes } = await decodeRates(half, config, 2 ** 16);
  half.ops.dispose();
  // Which is larger depends on what else the machine does; the CUDA suite asks.
  for (const rate of [graph, calls, weightBytes, bandwidth]) expect(rate).toBeGreaterThan(0);
});
