import { describe, expect, test } from "vitest";
import { GraphNodes } from "../../../src/runtime/backends/graph/nodes.ts";
import { cacheRows, maskOf, newRotary } from "../../../src/runtime/backends/graph/inputs.ts";
import { GraphOps, GraphValue } from "../../../src/runtime/backends/graph/ops.ts";
import { modelGraph } from "../../../src/runtime/backends/graph/plan.ts";
import { expectedTensors } from "../../../src/model/tensors.ts";
import { TF_FLOAT } from "../../../src/runtime/backends/native/binding.ts";
import { LOWEST, type ComputeDtype } from "../../../src/runtime/backends/ops.ts";
import { caught } from "../../support/caught.ts";
import { graphNodesOf } from "../../support/graph-nodes-of.ts";
import { internlmConfig, SMALL } from "../../support/model-config.ts";

const CONFIG = internlmConfig(SMALL);

function graphOf(compute: ComputeDtype): ReturnType<typeof graphNodesOf> {
  const parameters = expectedTensors(CONFIG)
    .filter(({ name }) => !/embed_tokens|lm_head/.test(name))
    .map((parameter) => ({ ...parameter, stored: "f16", kept: compute }) as const);
  const head = { name: "lm_head.weight/0", shape: [CONFIG.vocabSize, CONFIG.hiddenSize] };
  const graph = modelGraph({
    config: CONFIG,
    compute,
    batch: 1,
    parameters,
    head: [{ ...head, stored: "f16", kept: compute }],
  });
  return graphNodesOf(graph);
}

describe.each(["f32", "f16", "bf16"] as const)("a graph in %s", (compute) => {
  const nodes = graphOf(compute);
  const names = new Set(nodes.map(({ name }) => name));

  test("has nodes of different names, whose inputs come before them", () => {
    expect(names.size).toBe(nodes.length);
    const seen = new Set<string>();
    for (const { name, inputs } of nodes) {
      for (const input of inputs) expect(seen).toContain(input.replace(/^\^|:\d+$/g, ""));
      seen.add(name);
    }
  });

  test("has a variable for each parameter but the embeddings, and two a layer for keys and values", () => {
    const variables = nodes.filter(({ op }) => op === "VarHandleOp").length;
    expect(variables).toBe(expectedTensors(CONFIG).length - 1 + 2 * CONFIG.layers);
    expect(nodes.filter(({ op }) => op === "InplaceUpdate")).toHaveLength(2 * CONFIG.layers);
  });

  test("has what a session asks for by name", () => {
    for (const name of ["assigned", "created", "resized", "logits/0"])
      expect(names).toContain(name);
  });
});

describe("a step's inputs", () => {
  const sizes = { config: { ...CONFIG, heads: 4, kvHeads: 2 }, batch: 2, room: 5 };
  const tokens = {
    begin: 1,
    count: 2,
    positions: [Int32Array.of(0, 1, 2)],
    visible: [Uint8Array.of(0, 1, 1)],
  };

  test("name the rows of each head that a step's keys and values go to", () => {
    expect(cacheRows(sizes, 1, 2)).toMatchObject({
      shape: [8],
      data: Int32Array.of(1, 2, 6, 7, 11, 12, 16, 17),
    });
  });

  test("let a query see the tokens up to its own that are no padding, and a row that is not there nothing", () => {
    const { shape, data } = maskOf(sizes, tokens);
    expect(shape).toEqual([2, 1, 4, 5]);
    const seen = Array.from(data, (value) => (value === 0 ? 1 : value === LOWEST.f32 ? 0 : -1));
    const once = [0, 1, 0, 0, 0, 0, 1, 1, 0, 0];
    expect(seen).toEqual([...once, ...once, ...Array.from({ length: 20 }, () => 0)]);
  });

  test("hold the sine of a token's angles with its first half negated", () => {
    const [, sin] = newRotary({ ...sizes, batch: 1 }, tokens);
    const half = CONFIG.rotaryDims / 2;
    expect(sin?.data[0]).toBe(-Math.fround(Math.sin(1)));
    expect(sin?.data[half]).toBe(Math.fround(Math.sin(1)));
  });
});

describe("operations that write a graph", () => {
  const nodes = new GraphNodes();
  const ops = new GraphOps(nodes);
  const x = new GraphValue(nodes.input("x", TF_FLOAT), [1, -1, 8], "f32");

  test.each([
    () => ops.silu({ shape: [1, 1, 8], dtype: "f32" }),
    () => ops.linear(x, { shape: [8, 8], byteLength: 256 }),
    () => ops.concat([], 0),
  ])("refuse what another backend made, and nothing: %s", async (work) => {
    expect((await caught(work)).code).toBe("WB7001");
  });

  test("keep the unknown length where heads are split and put together", () => {
    const heads = ops.transpose(ops.reshape(x, [1, -1, 2, 4]), [0, 2, 1, 3]);
    expect(heads.shape).toEqual([1, 2, -1, 4]);
    expect(ops.slice(heads, 3, 0, 2).shape).toEqual([1, 2, -1, 2]);
    expect(ops.concat([heads, heads], 3).shape).toEqual([1, 2, -1, 8]);
  });
});
