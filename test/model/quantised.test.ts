import { describe, expect, it } from "vitest";
import { quantisedTensors } from "../../src/model/quantised.ts";
import { planConversion } from "../../src/mapping/plan.ts";
import { refuseQuantised } from "../../src/mapping/refuse-quantised.ts";
import type { Checkpoint } from "../../src/tensor/table.ts";
import type { Dtype } from "../../src/tensor/dtype.ts";
import { caught } from "../support/caught.ts";
import { memoryTensor } from "../support/memory-checkpoint.ts";

function kinds(...names: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(quantisedTensors(names));
}

function checkpointOf(...tensors: readonly (readonly [string, Dtype])[]): Checkpoint {
  return {
    format: "safetensors",
    path: "q",
    files: ["q"],
    tensors: tensors.map(([name, dtype]) => memoryTensor(name, dtype, [1], new Uint8Array(8))),
    skipped: [],
    metadata: new Map(),
    close: () => Promise.resolve(),
  };
}

describe("tensors of a quantised matrix", () => {
  it.each([
    [["m.qweight", "m.qzeros", "m.scales", "m.g_idx"], "GPTQ"],
    [["m.qweight", "m.qzeros", "m.scales"], "AWQ"],
    [["m.weight", "m.weight_scale_inv"], "FP8 with block scales"],
    [["m.weight", "m.weight_scale", "m.input_scale"], "FP8 with a scale"],
    [["m.weight", "m.SCB", "m.weight_format"], "bitsandbytes, 8 bit"],
    [["m.experts.gate_up_proj_blocks", "m.experts.gate_up_proj_scales"], "MXFP4"],
    [["m.weight_packed", "m.weight_scale", "m.weight_shape"], "compressed-tensors"],
    [
      [
        "m.weight",
        "m.weight.absmax",
        "m.weight.quant_map",
        "m.weight.nested_absmax",
        "m.weight.nested_quant_map",
        "m.weight.quant_state.bitsandbytes__nf4",
      ],
      "bitsandbytes, 4 bit",
    ],
  ])("%j are all of them %s", (names, by) => {
    expect(kinds(...names, "m.bias")).toEqual(Object.fromEntries(names.map((name) => [name, by])));
  });

  it.each([
    [["m.weight", "m.bias", "m.scales"]],
    [["m.scales", "n.weight"]],
    [["m.absmax", "m.weight"]],
    [["m.qweight", "n.qzeros"]],
    [["x.absmax"]],
  ])("are none where what they need is not beside them: %j", (names) => {
    expect(kinds(...names)).toEqual({});
  });

  it("keep their dtypes in a cast, and what is none is cast", () => {
    const checkpoint = checkpointOf(
      ["m.weight", "F8_E4M3"],
      ["m.weight_scale_inv", "F32"],
      ["m.bias", "F32"],
    );
    const { steps } = planConversion(checkpoint, undefined, { to: "safetensors", dtype: "BF16" });
    const casts = steps.map((step) => (step.kind === "copy" ? [step.to, step.cast] : []));
    expect(casts).toEqual([
      ["m.weight", undefined],
      ["m.weight_scale_inv", undefined],
      ["m.bias", "BF16"],
    ]);
  });

  it("are named where a family's model is wanted", async () => {
    const checkpoint = checkpointOf(["a.qweight", "I32"], ["a.qzeros", "I32"], ["b", "F32"]);
    const error = await caught(async () => refuseQuantised(checkpoint));
    expect(error.code).toBe("WB4703");
    expect(error.message).toBe(
      "q: quantised (AWQ): 2 of 3 tensors are codes and scales, such as a.qweight",
    );
    refuseQuantised(checkpointOf(["b", "F32"]));
  });
});
