import { describe, expect, it, test } from "vitest";
import { WbError } from "../../src/errors/wb-error.ts";
import { planConversion, type PlanOptions } from "../../src/mapping/plan.ts";
import { renderPlan } from "../../src/mapping/render-plan.ts";
import { readAssembly } from "../../src/mapping/read-assembly.ts";
import type { Checkpoint, StoredTensor } from "../../src/tensor/table.ts";
import { countingBytes, memoryCheckpoint, memoryTensor } from "../support/memory-checkpoint.ts";

function tensors(
  shapes: Readonly<Record<string, readonly number[]>>,
  names: Readonly<Record<string, string>> = {},
): readonly StoredTensor[] {
  return Object.entries(shapes).map(([name, shape], index) => {
    const count = shape.reduce((product, size) => product * size, 1);
    const parameterName = names[name];
    const facts = parameterName === undefined ? {} : { parameterName };
    return memoryTensor(name, "F32", shape, countingBytes("F32", count, 100 * index), facts);
  });
}

const OF_PADDLE: Partial<Checkpoint> = { format: "paddle" };
const OF_TORCH: Partial<Checkpoint> = { format: "pytorch-zip" };

function actions(
  stored: readonly StoredTensor[],
  options: PlanOptions,
  facts: Partial<Checkpoint> = OF_PADDLE,
): Readonly<Record<string, string>> {
  const { steps } = planConversion(memoryCheckpoint(stored, facts), undefined, options);
  return Object.fromEntries(
    steps.map((step) => [step.kind === "drop" ? (step.from[0] ?? "") : step.to, step.kind]),
  );
}

function refusal(stored: readonly StoredTensor[], options: PlanOptions): WbError {
  try {
    planConversion(memoryCheckpoint(stored, OF_PADDLE), undefined, options);
  } catch (error) {
    if (error instanceof WbError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

function plannedShapes(
  stored: Readonly<Record<string, readonly number[]>>,
  options: PlanOptions,
): readonly (readonly number[])[] {
  const facts = options.to === "paddle" ? OF_TORCH : OF_PADDLE;
  const { steps } = planConversion(memoryCheckpoint(tensors(stored), facts), undefined, options);
  return steps.map((step) => (step.kind === "drop" ? [] : step.assembly.shape));
}

const TORCH: PlanOptions = { to: "pytorch" };
const PADDLE: PlanOptions = { to: "paddle" };

describe("the layout of a model that nobody described", () => {
  it("is Paddle's where the bias is as long as the second axis", () => {
    expect(actions(tensors({ "a.weight": [2, 3], "a.bias": [3] }), TORCH)).toEqual({
      "a.weight": "transpose",
      "a.bias": "copy",
    });
  });

  it("is torch's where the bias is as long as the first, also in a file of Paddle's", () => {
    const stored = tensors({ "a.weight": [2, 3], "a.bias": [2] });
    expect(actions(stored, TORCH)["a.weight"]).toBe("copy");
    expect(actions(stored, PADDLE, OF_TORCH)["a.weight"]).toBe("transpose");
  });

  it("of a square weight is that of the others", () => {
    const stored = tensors({
      "a.weight": [2, 3],
      "a.bias": [3],
      "b.weight": [3, 3],
      "b.bias": [3],
    });
    expect(actions(stored, TORCH)["b.weight"]).toBe("transpose");
  });

  it("of a Linear without a bias is that of the others, and a table stays", () => {
    const stored = tensors({
      "a.weight": [2, 3],
      "a.bias": [3],
      "layer.q_proj.weight": [4, 3],
      "embed_tokens.weight": [9, 3],
    });
    expect(actions(stored, TORCH)).toMatchObject({
      "layer.q_proj.weight": "transpose",
      "embed_tokens.weight": "copy",
    });
  });

  it("is told by Paddle's own names of parameters", () => {
    const square = { "0.weight": [3, 3], "0.bias": [3], "1.weight": [9, 3] };
    const names = { "0.weight": "linear_0.w_0", "1.weight": "embedding_0.w_0" };
    expect(actions(tensors(square, names), TORCH)).toMatchObject({
      "0.weight": "transpose",
      "1.weight": "copy",
    });
  });

  it("of a file of torch.save is torch's where no shape shows it", () => {
    const stored = tensors({ "0.weight": [3, 3], "0.bias": [3] });
    expect(actions(stored, PADDLE, OF_TORCH)["0.weight"]).toBe("transpose");
  });

  it("keeps convolutions, recurrent weights and tables of positions", () => {
    const stored = tensors({
      "conv.weight": [4, 2, 3, 3],
      "lstm.weight_ih_l0": [8, 3],
      position: [5, 3],
    });
    expect(new Set(Object.values(actions(stored, TORCH)))).toEqual(new Set(["copy"]));
  });

  it("moves the values, not only the shape", async () => {
    const stored = tensors({ "a.weight": [2, 3], "a.bias": [3] });
    const { steps } = planConversion(memoryCheckpoint(stored, OF_PADDLE), undefined, TORCH);
    const [step] = steps;
    if (step === undefined || step.kind === "drop") throw new Error("no weight");
    const bytes = await readAssembly(step.assembly);
    expect([...new Uint32Array(bytes.buffer)]).toEqual([0, 3, 1, 4, 2, 5]);
    expect(step.assembly.shape).toEqual([3, 2]);
  });
});

describe("what is not decided", () => {
  const square = tensors({ "a.weight": [3, 3], "a.bias": [3], "b.weight": [4, 3] });

  it("is refused by name, with the options that decide", () => {
    const { code, message } = refusal(square, TORCH);
    expect(code).toBe("WB2713");
    expect(message).toMatchInlineSnapshot(`
      "memory: whether these are to be transposed cannot be told, and no other weight of the file shows a layout:
        a.weight: [3, 3] is square
        b.weight: [4, 3] without a bias may be a Linear's weight or a table"
    `);
  });

  it("is decided by --transpose and --keep", () => {
    const told = { ...TORCH, transpose: ["a.*"], keep: ["b.weight"] };
    expect(actions(square, told)).toEqual({
      "a.weight": "transpose",
      "a.bias": "copy",
      "b.weight": "copy",
    });
  });

  it("is decided by --source-layout for what is a Linear, and for nothing else", () => {
    const { message } = refusal(square, { ...TORCH, sourceLayout: "paddle" });
    expect(message).not.toContain("a.weight");
    expect(message).toContain("b.weight");
  });

  it("stays as stored with --architecture none, and no layout is claimed", () => {
    const asStored = { ...TORCH, asStored: true };
    const plan = planConversion(memoryCheckpoint(square, OF_PADDLE), undefined, asStored);
    expect(plan.targetLayout).toBe("unknown");
    expect(renderPlan(plan)).toContain("target layout: as stored");
  });

  it.each([
    [{ transpose: ["c.*"] }, "--transpose c.* fits no tensor's name"],
    [{ transpose: ["a.bias"] }, "--transpose a.bias fits no tensor of two axes"],
    [{ keep: ["a.*"], transpose: ["*.weight"] }, "is meant by"],
  ])("is not decided by %j", (told, message) => {
    const error = refusal(square, { ...TORCH, ...told });
    expect(error.code).toBe("WB2711");
    expect(error.message).toContain(message);
  });
});

describe("names of the other framework", () => {
  it("of BatchNorm's buffers change both ways, and the count is left out", () => {
    const paddle = { "n.weight": [3], "n.bias": [3], "n._mean": [3], "n._variance": [3] };
    expect(Object.keys(actions(tensors(paddle), TORCH))).toEqual([
      "n.weight",
      "n.bias",
      "n.running_mean",
      "n.running_var",
    ]);
    const torch = {
      "n.weight": [3],
      "n.running_mean": [3],
      "n.running_var": [3],
      "n.num_batches_tracked": [],
    };
    expect(actions(tensors(torch), PADDLE, OF_TORCH)).toEqual({
      "n.weight": "copy",
      "n._mean": "copy",
      "n._variance": "copy",
      "n.num_batches_tracked": "drop",
    });
  });

  it("of PReLU and InstanceNorm change where their modules' words or sizes tell", () => {
    const torch = {
      "conv.weight": [4, 3, 3, 3],
      "prelu1.weight": [4],
      "act.weight": [1],
      "instance_norm.weight": [4],
      "instance_norm.bias": [4],
      "n.weight": [4],
      "n.bias": [4],
      "m.weight": [4],
    };
    const plan = planConversion(memoryCheckpoint(tensors(torch), OF_TORCH), undefined, PADDLE);
    expect(plan.steps.map((step) => (step.kind === "drop" ? "" : step.to))).toEqual([
      "conv.weight",
      "prelu1._weight",
      "act._weight",
      "instance_norm.scale",
      "instance_norm.bias",
      "n.weight",
      "n.bias",
      "m.weight",
    ]);
    expect(plan.notes).toEqual([
      expect.stringContaining("--rename 'm.weight=m._weight'"),
      expect.stringContaining("--rename 'n.weight=n.scale'"),
    ]);
    expect(
      planConversion(memoryCheckpoint(tensors(torch), OF_PADDLE), undefined, TORCH).notes,
    ).toEqual([]);
  });

  it("of a Bilinear's bias has one axis in torch and two in Paddle", () => {
    const paddle = { "f.weight": [5, 3, 4], "f.bias": [1, 5], "fc.weight": [5, 2], "fc.bias": [2] };
    expect(plannedShapes(paddle, TORCH)[1]).toEqual([5]);
    const torch = {
      "bilinear.weight": [5, 3, 4],
      "bilinear.bias": [5],
      "conv.weight": [5, 3, 4],
      "conv.bias": [5],
    };
    expect(plannedShapes(torch, PADDLE)).toEqual([[5, 3, 4], [1, 5], [5, 3, 4], [5]]);
  });

  it("of norms in a network without convolutions are not asked about", () => {
    const stored = tensors({ "n.weight": [4], "m.weight": [4], "m.bias": [4] });
    const plan = planConversion(memoryCheckpoint(stored, OF_TORCH), undefined, PADDLE);
    expect(plan.notes).toEqual([]);
  });

  it("of a recurrent network's second copy go, and are to be compared", () => {
    const stored = tensors({
      "r.weight_ih_l0": [8, 3],
      "r.weight_ih_l0_reverse": [8, 3],
      "r.0.cell_fw.weight_ih": [8, 3],
      "r.0.cell_bw.weight_ih": [8, 3],
    });
    const plan = planConversion(memoryCheckpoint(stored, OF_PADDLE), undefined, TORCH);
    expect(plan.copies?.map(({ copy, of }) => [copy.name, of.name])).toEqual([
      ["r.0.cell_fw.weight_ih", "r.weight_ih_l0"],
      ["r.0.cell_bw.weight_ih", "r.weight_ih_l0_reverse"],
    ]);
  });

  test("a cell of its own is no copy", () => {
    const stored = tensors({ "0.cell.weight_ih": [8, 3] });
    expect(actions(stored, TORCH)).toEqual({ "0.cell.weight_ih": "copy" });
  });
});
