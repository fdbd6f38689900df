import { describe, expect, it } from "vitest";
import { canonicalize } from "../../src/mapping/canonical.ts";
import { readAssembly } from "../../src/mapping/read-assembly.ts";
import { surveyLayout } from "../../src/mapping/survey-layout.ts";
import { columnMajorStrides } from "../../src/tensor/shape.ts";
import type { Checkpoint, StoredTensor } from "../../src/tensor/table.ts";
import { caught, factOf } from "../support/caught.ts";
import { memoryCheckpoint } from "../support/memory-checkpoint.ts";
import { internlmConfig, SMALL } from "../support/model-config.ts";
import { numberedModel, writtenModel } from "../support/written-model.ts";

const CONFIG = internlmConfig(SMALL);
const SQUARE = internlmConfig({
  ...SMALL,
  intermediate_size: 16,
  vocab_size: 16,
  num_hidden_layers: 1,
});

function written(
  config: typeof CONFIG,
  layout: "torch" | "paddle",
  prefix = "model.",
): StoredTensor[] {
  return writtenModel(numberedModel(config), config, {
    layout,
    prefix: (name) => name.replace(/^model\./, prefix),
    isColumnMajor: false,
    isFused: false,
    tp: 1,
  });
}

function layoutOf(tensors: readonly StoredTensor[], facts: Partial<Checkpoint> = {}) {
  const config = tensors.length === written(SQUARE, "torch").length ? SQUARE : CONFIG;
  const { layout, evidence } = canonicalize(memoryCheckpoint(tensors, facts), config, {});
  return { layout, evidence };
}

describe("the layout of Linear weights", () => {
  it("is told by gate, up, down and the head, which are not square", () => {
    const { layout, evidence } = layoutOf(written(CONFIG, "paddle"));
    expect(layout).toBe("paddle");
    expect(evidence.map(({ tensor }) => tensor)).toEqual([
      "model.layers.0.mlp.gate_proj.weight",
      "model.layers.0.mlp.up_proj.weight",
      "model.layers.0.mlp.down_proj.weight",
      "model.layers.1.mlp.gate_proj.weight",
      "model.layers.1.mlp.up_proj.weight",
      "model.layers.1.mlp.down_proj.weight",
      "lm_head.weight",
    ]);
    expect(evidence[0]?.why).toBe("shape [16, 24] can only be [in, out]");
    expect(layoutOf(written(CONFIG, "torch")).layout).toBe("torch");
  });

  it("is refused when two tensors disagree, and both sides are listed", async () => {
    const name = "model.layers.1.mlp.up_proj.weight";
    const mixed = written(CONFIG, "paddle").map((tensor) =>
      tensor.name === name ? { ...tensor, shape: [24, 16] } : tensor,
    );
    const error = await caught(() => layoutOf(mixed));
    expect(error.code).toBe("WB3703");
    expect(error.message).toMatchInlineSnapshot(
      `"memory: 1 Linear weights have PyTorch's layout, 6 Paddle's: model.layers.1.mlp.up_proj.weight is [24, 16] ([out, in]), but model.layers.0.mlp.gate_proj.weight is [16, 24] ([in, out])"`,
    );
    expect(factOf(error, "torch")).toEqual([name]);
  });

  it("of the head is judged alone: PaddleFormers stores it as torch does, beside Linears as Paddle's", async () => {
    const paddleformers = memoryCheckpoint([
      ...written(CONFIG, "paddle").filter(isNotHead),
      ...written(CONFIG, "torch").filter((tensor) => !isNotHead(tensor)),
    ]);
    for (const sourceLayout of [undefined, "paddle"] as const) {
      const found = canonicalize(paddleformers, CONFIG, { sourceLayout });
      expect([found.layout, found.headLayout, found.problems]).toEqual(["paddle", "torch", []]);
      for (const [name, { shape, values }] of numberedModel(CONFIG)) {
        const assembly = found.tensors.get(name)?.assembly;
        const bytes = assembly && (await readAssembly(assembly));
        expect(assembly?.shape).toEqual(shape);
        expect([...new Float32Array(bytes?.slice().buffer ?? new ArrayBuffer())]).toEqual(values);
      }
    }
    expect(surveyLayout(paddleformers, undefined).headLayout).toBe("torch");
    expect(surveyLayout(paddleformers, CONFIG).headLayout).toBe("torch");
  });

  it("of a head as Paddle's beside Linears as torch's is refused: nobody writes so", async () => {
    const mixed = [
      ...written(CONFIG, "torch").filter(isNotHead),
      ...written(CONFIG, "paddle").filter((tensor) => !isNotHead(tensor)),
    ];
    expect((await caught(() => layoutOf(mixed))).code).toBe("WB3703");
  });

  it("of a square head is asked for where the names do not tell PaddleFormers from others", async () => {
    const config = internlmConfig({ ...SMALL, vocab_size: 16 });
    const tensors = (prefix: string): Checkpoint =>
      memoryCheckpoint(written(config, "paddle", prefix));
    expect(canonicalize(tensors("llama."), config, {}).headLayout).toBe("paddle");
    const error = await caught(() => canonicalize(tensors("model."), config, {}));
    expect(error.code).toBe("WB2701");
    expect(error.message).toContain("its lm_head.weight is square");
    const told = canonicalize(tensors("model."), config, { sourceLayout: "paddle" });
    expect(told.headLayout).toBe("paddle");
  });

  it("cannot be told from squares with plain names, and asks", async () => {
    const error = await caught(() => layoutOf(written(SQUARE, "torch")));
    expect(error.code).toBe("WB2701");
    expect(error.hint).toContain("--source-layout");
  });

  it("of squares is PaddleNLP's under its names, in files that say pt torch's, and in torch's files torch's", () => {
    expect(layoutOf(written(SQUARE, "paddle", "llama.").filter(isNotHead)).layout).toBe("paddle");
    const metadata = new Map([["format", "pt"]]);
    expect(layoutOf(written(SQUARE, "torch"), { metadata }).layout).toBe("torch");
    expect(layoutOf(written(SQUARE, "torch"), { format: "pytorch-zip" }).layout).toBe("torch");
  });

  it("of squares stored column-major is Paddle's: a transposed view was saved", () => {
    const tensors = written(SQUARE, "paddle").map((tensor) =>
      tensor.name.endsWith("q_proj.weight")
        ? { ...tensor, strides: columnMajorStrides(tensor.shape) }
        : tensor,
    );
    const { layout, evidence } = layoutOf(tensors, { format: "paddle" });
    expect(layout).toBe("paddle");
    expect(evidence[0]?.why).toContain("column-major");
  });
});

/** The head has no prefix, so that its name says nothing of PaddleNLP. */
function isNotHead({ name }: StoredTensor): boolean {
  return name !== "lm_head.weight";
}

describe("surveyLayout", () => {
  it("tells a contradiction instead of throwing it", () => {
    const mixed = written(CONFIG, "paddle").map((tensor) =>
      tensor.name.endsWith("1.mlp.up_proj.weight") ? { ...tensor, shape: [24, 16] } : tensor,
    );
    const survey = surveyLayout(memoryCheckpoint(mixed), CONFIG);
    expect([survey.layout, survey.problem?.code]).toEqual(["unknown", "WB3703"]);
  });

  it("needs no config.json where a norm gives the hidden size away", () => {
    for (const layout of ["torch", "paddle"] as const) {
      const survey = surveyLayout(memoryCheckpoint(written(CONFIG, layout, "llama.")), undefined);
      expect(survey.layout).toBe(layout);
    }
    expect(surveyLayout(memoryCheckpoint(written(SQUARE, "torch")), undefined).layout).toBe(
      "unknown",
    );
    expect(surveyLayout(memoryCheckpoint([]), undefined).layout).toBe("unknown");
  });
});
