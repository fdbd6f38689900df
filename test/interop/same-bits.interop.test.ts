import { afterAll, describe, expect, test, vi } from "vitest";
import type { Backend } from "../../src/runtime/backends/backend.ts";
import { GraphDecoder } from "../../src/runtime/backends/graph/decoder.ts";
import { openNative } from "../../src/runtime/backends/native/open.ts";
import type { Activations, ComputeDtype } from "../../src/runtime/backends/ops.ts";
import { Decoder } from "../../src/runtime/model/decoder.ts";
import { expectBlocksOfFamilies } from "../support/blocks-of-families.ts";
import { drawnQuantised } from "../support/drawn-weights.ts";
import { BIT_FAMILIES, drawnDecoder, familyConfig, someTexts } from "../support/bit-models.ts";
import type { StoredDtype } from "../support/exact-numbers.ts";
import { internlmConfig, SMALL } from "../support/model-config.ts";
import { isRecord } from "../support/is-record.ts";
import { useThreads } from "../support/kernel-threads.ts";
import { runPython } from "../support/python.ts";
import { differencesFrom, eachWay, wholeTexts, type RowDifferences } from "../support/row-bits.ts";

/** What is computed in, and what weights are stored as. */
const PAIRS: readonly (readonly [ComputeDtype, StoredDtype])[] = [
  ["f32", "F32"],
  ["f32", "F16"],
  ["f32", "BF16"],
  ["f16", "F16"],
  ["bf16", "BF16"],
];

/** Families that a pair is tried with: all; where weights are widened, which no family does otherwise than another, each second one. */
function familiesOf(compute: ComputeDtype, stored: StoredDtype): readonly string[] {
  if (compute !== "f32" || stored === "F32") return BIT_FAMILIES;
  return BIT_FAMILIES.filter((_name, index) => index % 2 === (stored === "F16" ? 0 : 1));
}

const table: string[] = [];
afterAll(() => {
  process.stdout.write(`${table.join("\n")}\n`);
});

async function open(
  compute: ComputeDtype,
  kernels: string,
  activations: Activations = "f32",
): Promise<Backend> {
  vi.stubEnv("WEIGHBRIDGE_KERNELS", kernels);
  try {
    return await openNative({ device: "cpu", compute, activations, verbose: false });
  } finally {
    vi.unstubAllEnvs();
  }
}

/** Counts rows whose bits depend on how they are asked for, over all families, resident and streamed. */
async function countOver(
  families: readonly string[],
  backend: Backend,
  stored: StoredDtype,
): Promise<RowDifferences> {
  let total: RowDifferences = { compared: 0, differ: 0, ways: [], largest: 0 };
  for (const name of families) {
    const config = await familyConfig(name);
    const texts = someTexts(config);
    const [resident, streamed] = (["resident", "streamed"] as const).map((residence) =>
      drawnDecoder(backend, config, stored, residence),
    );
    if (resident === undefined || streamed === undefined) throw new Error("two");
    const whole = await wholeTexts(resident, texts);
    const rows = [
      ...(await eachWay(resident, texts)),
      ...(await eachWay(streamed, texts.slice(0, 2))),
    ];
    await resident.dispose();
    await streamed.dispose();
    total = sum(total, differencesFrom(whole, rows));
  }
  return total;
}

function sum(left: RowDifferences, right: RowDifferences): RowDifferences {
  return {
    compared: left.compared + right.compared,
    differ: left.differ + right.differ,
    ways: [...new Set([...left.ways, ...right.ways])],
    largest: Math.max(left.largest, right.largest),
  };
}

function note(what: string, { compared, differ, largest }: RowDifferences): void {
  table.push(`${what}: ${differ} of ${compared} rows differ, by at most ${largest.toPrecision(2)}`);
}

describe("with our kernels, a token's logits have the same bits however they are asked for", () => {
  test.each(PAIRS)("in %s with weights in %s, over the families", async (compute, stored) => {
    const backend = await open(compute, "");
    expect(backend.ops.description).toContain("with kernels for");
    const found = await countOver(familiesOf(compute, stored), backend, stored);
    note(`kernels, ${compute} with ${stored}`, found);
    expect(found).toEqual({ compared: found.compared, differ: 0, ways: [], largest: 0 });
    expect(found.compared).toBeGreaterThan(1000);
    backend.ops.dispose();
  });

  test.each(PAIRS)(
    "in %s with weights in %s, on one thread and on two",
    async (compute, stored) => {
      const backend = await open(compute, "");
      const config = internlmConfig({
        ...SMALL,
        vocab_size: 500,
        hidden_size: 256,
        intermediate_size: 700,
      });
      const texts = [70, 130].map((length) =>
        Array.from({ length }, (_, index) => 1 + ((37 * index) % 490)),
      );
      const decoder = drawnDecoder(backend, config, stored);
      const all = [];
      for (const threads of [1, 2, 3]) {
        await useThreads(threads, backend.ops.description);
        all.push(await wholeTexts(decoder, texts));
      }
      const [alone, ...shared] = all;
      for (const rows of shared) expect(rows).toEqual(alone);
      await decoder.dispose();
      backend.ops.dispose();
    },
  );
});

/** Large enough for rows of several blocks of 256, and for more than one thread. */
const IN_BLOCKS = internlmConfig({
  ...SMALL,
  vocab_size: 120,
  hidden_size: 256,
  intermediate_size: 512,
});

const TEXTS = [5, 23].map((length, text) =>
  Array.from({ length }, (_, index) => 1 + ((37 * index + 11 * text) % 110)),
);

/** A model in blocks gives these rows in every way of asking, resident and streamed, on one thread and on more. */
async function expectOneResult(
  backend: Backend,
  type: string,
  expected: Awaited<ReturnType<typeof wholeTexts>>,
  way: string,
): Promise<void> {
  const source = drawnQuantised(IN_BLOCKS, type);
  const [resident, streamed] = (["resident", "streamed"] as const).map(
    (residence) => new Decoder(backend, IN_BLOCKS, source, residence),
  );
  if (resident === undefined || streamed === undefined) throw new Error("two");
  for (const threads of [1, 2, 3]) {
    await useThreads(threads, backend.ops.description);
    expect(await wholeTexts(resident, TEXTS)).toEqual(expected);
  }
  const rows = [
    ...(await eachWay(resident, TEXTS)),
    ...(await eachWay(streamed, TEXTS.slice(0, 1))),
  ];
  const found = differencesFrom(expected, rows);
  note(way, found);
  expect(found).toEqual({ compared: found.compared, differ: 0, ways: [], largest: 0 });
  expect(found.compared).toBeGreaterThan(80);
  await resident.dispose();
  await streamed.dispose();
  expect(backend.ops.memory()).toEqual({ values: 0, bytes: 0 });
}

describe("a quantised model that runs as it is has the bits of the dequantised one", () => {
  // Each kind of blocks: bytes, words of 4 bits, fifth bits, groups with offsets, two more bits, a table; MXFP4 is dequantised.
  test.each(["Q8_0", "Q4_0", "Q5_1", "Q4_K", "Q6_K", "IQ4_XS", "MXFP4"])(
    "in %s: in every way of asking, resident and streamed, on one thread and on more",
    async (type) => {
      const backend = await open("f32", "");
      const plain = new Decoder(
        backend,
        IN_BLOCKS,
        drawnQuantised(IN_BLOCKS, type, false),
        "resident",
      );
      const expected = await wholeTexts(plain, TEXTS);
      await plain.dispose();
      await expectOneResult(backend, type, expected, `kernels, f32 with ${type}`);
      expect(expected[0]?.[0]?.every((value) => Number.isFinite(value))).toBe(true);
      backend.ops.dispose();
    },
  );

  test.each(["Q8_0", "Q4_0", "Q5_1", "Q4_K", "Q6_K", "IQ4_XS"])(
    "with activations in int8 a model in %s has bits of its own, and the same in every way of asking",
    async (type) => {
      const rows = [];
      for (const activations of ["f32", "int8"] as const) {
        const backend = await open("f32", "", activations);
        const decoder = new Decoder(
          backend,
          IN_BLOCKS,
          drawnQuantised(IN_BLOCKS, type),
          "resident",
        );
        rows.push(await wholeTexts(decoder, TEXTS));
        await decoder.dispose();
        backend.ops.dispose();
      }
      const [exact = [], own = []] = rows;
      expect(own).not.toEqual(exact);
      const scale = Math.max(...exact.flat().map((row) => Math.max(...row.map(Math.abs))));
      own.flat().forEach((row, at) => {
        const other = exact.flat()[at] ?? new Float32Array();
        row.forEach((value, index) => {
          expect(Math.abs(value - (other[index] ?? Number.NaN))).toBeLessThan(scale / 8);
        });
      });
      const backend = await open("f32", "", "int8");
      await expectOneResult(backend, type, own, `kernels, int8 with ${type}`);
      backend.ops.dispose();
    },
  );

  test("over all families whose rows are whole blocks", async () => {
    const backend = await open("f32", "");
    await expectBlocksOfFamilies(backend, "Q4_0", ["resident"]);
    backend.ops.dispose();
  });
});

/** The same measure of another implementation: rows that are decoded, against those of the whole text. */
test.each(["float32", "bfloat16"] as const)(
  "transformers gives other bits to rows that it decodes in %s",
  (dtype) => {
    const found = runPython("decoded_rows.py", { dtype });
    if (!isRecord(found)) throw new Error("no counts");
    const { compared, differ, largest } = found;
    table.push(
      `transformers, ${dtype}: ${String(differ)} of ${String(compared)} decoded rows differ, by at most ${String(largest)}`,
    );
    expect(compared).toBe(50);
    expect(Number(differ)).toBeGreaterThan(0);
  },
);

describe("TensorFlow's own operations promise no such thing, and what differs is counted", () => {
  test.each(["f32", "bf16"] as const)("in %s, call by call", async (compute) => {
    const backend = await open(compute, "off");
    const found = await countOver(["internlm-tiny"], backend, compute === "f32" ? "F32" : "BF16");
    note(`TensorFlow's own operations, ${compute}`, found);
    expect(found.compared).toBeGreaterThan(80);
    backend.ops.dispose();
  });

  test("in float32, as a graph", async () => {
    const backend = await open("f32", "off");
    if (backend.graphs === undefined) throw new Error("no graphs");
    const config = await familyConfig("internlm-tiny");
    const texts = someTexts(config);
    const [calls, whole] = [
      drawnDecoder(backend, config, "F32"),
      drawnDecoder(backend, config, "F32"),
    ];
    const graph = await GraphDecoder.open(whole, backend.graphs, texts.length);
    const found = differencesFrom(await wholeTexts(calls, texts), await eachWay(graph, texts));
    note("TensorFlow's graph, f32, from call by call", found);
    expect(found.largest).toBeLessThan(1e-3);
    graph.dispose();
    await calls.dispose();
    await whole.dispose();
    backend.ops.dispose();
  });
});
