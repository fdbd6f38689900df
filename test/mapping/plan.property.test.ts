import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Assembly } from "../../src/mapping/assembly.ts";
import { canonicalTensors } from "../../src/mapping/canonical.ts";
import type { ModelConfig } from "../../src/model/config/model-config.ts";
import { planConversion, type Plan, type PlanOptions } from "../../src/mapping/plan.ts";
import { readAssembly } from "../../src/mapping/read-assembly.ts";
import { sourceName } from "../../src/mapping/source-groups.ts";
import { WbError } from "../../src/errors/wb-error.ts";
import type { Checkpoint } from "../../src/tensor/table.ts";
import { tries } from "../support/effort.ts";
import { memoryCheckpoint } from "../support/memory-checkpoint.ts";
import { internlmConfig } from "../support/model-config.ts";
import {
  isLinear,
  numberedModel,
  trainingModel,
  transposed,
  writtenModel,
  type Grid,
  type Truth,
  type Writing,
} from "../support/written-model.ts";

/** Models whose heads, features and vocabulary can be split over 4 ranks; some are square throughout. */
const configs = fc
  .record({
    groups: fc.constantFrom(4, 8),
    perGroup: fc.integer({ min: 1, max: 3 }),
    headDim: fc.constantFrom(2, 4),
    wider: fc.constantFrom(0, 4),
    inner: fc.integer({ min: 1, max: 10 }),
    vocab: fc.integer({ min: 1, max: 12 }),
    layers: fc.integer({ min: 1, max: 3 }),
    bias: fc.boolean(),
    tied: fc.boolean(),
  })
  .map(({ groups, perGroup, headDim, wider, inner, vocab, layers, bias, tied }) =>
    internlmConfig({
      num_attention_heads: groups * perGroup,
      num_key_value_heads: groups,
      head_dim: headDim,
      hidden_size: groups * perGroup * headDim + wider,
      intermediate_size: inner * 4,
      vocab_size: vocab * 4,
      num_hidden_layers: layers,
      bias,
      tie_word_embeddings: tied,
    }),
  );

const PREFIXES: readonly ((name: string) => string)[] = [
  (name) => name,
  (name) => name.replace(/^model\./, "llama."),
  (name) => name.replace(/^model\./, "internlm."),
  (name) => name.replace(/^model\./, ""),
  (name) => `module.${name}`,
  // What PaddleNLP's LLaMA converter leaves of InternLM: it does not know the biases.
  (name) => (name.endsWith("_proj.bias") ? name : name.replace(/^model\./, "llama.")),
];

const writings: fc.Arbitrary<Writing> = fc.record({
  layout: fc.constantFrom("torch", "paddle"),
  prefix: fc.constantFrom(...PREFIXES),
  isColumnMajor: fc.boolean(),
  isFused: fc.boolean(),
  tp: fc.constantFrom(1, 2, 4),
});

async function gridOf(assembly: Assembly): Promise<Grid> {
  const bytes = await readAssembly(assembly);
  return { shape: assembly.shape, values: [...new Float32Array(bytes.slice().buffer)] };
}

/** Every source in one step, or in several splits of it; every target once; values as the truth has them. */
async function expectPlan(plan: Plan, checkpoint: Checkpoint, expected: Truth): Promise<void> {
  const uses = new Map<string, string[]>();
  for (const step of plan.steps) {
    for (const from of step.from) uses.set(from, [...(uses.get(from) ?? []), step.kind]);
  }
  expect(new Set(uses.keys())).toEqual(new Set(checkpoint.tensors.map(sourceName)));
  for (const kinds of uses.values()) {
    if (kinds.length > 1) expect(new Set(kinds)).not.toContain("copy");
  }
  const written = new Map<string, Grid>();
  for (const step of plan.steps) {
    expect(step.why).not.toBe("");
    if (step.kind === "drop") continue;
    expect(written.has(step.to)).toBe(false);
    written.set(step.to, await gridOf(step.assembly));
  }
  expect(written).toEqual(expected);
}

/**
 * The decision from shapes where there is one, which must then be right. Where all weights are square, the layout is told:
 * names alone can mislead, and these are drawn.
 */
function planOrTell(
  checkpoint: Checkpoint,
  config: ModelConfig,
  options: PlanOptions,
  told: Writing["layout"],
): Plan {
  const toldOptions = { ...options, sourceLayout: told };
  try {
    const plan = planConversion(checkpoint, config, options);
    const isByShape = plan.evidence.some(({ why }) => why.startsWith("shape"));
    return isByShape ? plan : planConversion(checkpoint, config, toldOptions);
  } catch (error) {
    if (!(error instanceof WbError) || error.code !== "WB2701") throw error;
    return planConversion(checkpoint, config, toldOptions);
  }
}

function inPaddle(truth: Truth): Truth {
  return new Map(
    [...truth].map(([name, grid]) => [
      name.replace(/^model\./, "llama."),
      isLinear(name) ? transposed(grid) : grid,
    ]),
  );
}

describe("planConversion", () => {
  it("puts any model back together, however its tensors are named, laid, fused and split", async () => {
    await fc.assert(
      fc.asyncProperty(configs, writings, async (config, how) => {
        const truth = numberedModel(config);
        const checkpoint = memoryCheckpoint(writtenModel(truth, config, how), { format: "paddle" });
        const safetensors = planOrTell(checkpoint, config, { to: "safetensors" }, how.layout);
        await expectPlan(safetensors, checkpoint, truth);
        const paddle = planOrTell(checkpoint, config, { to: "paddle" }, how.layout);
        await expectPlan(paddle, checkpoint, inPaddle(truth));
        const torchPaddle = planOrTell(
          checkpoint,
          config,
          { to: "paddle", layout: "torch" },
          how.layout,
        );
        await expectPlan(torchPaddle, checkpoint, truth);
      }),
      { numRuns: tries(150, 20) },
    );
  }, 60_000);

  it("puts InternLM's training checkpoints together, over ranks and stages", async () => {
    await fc.assert(
      fc.asyncProperty(
        configs,
        fc.constantFrom(1, 2, 4),
        fc.constantFrom(1, 2, 3),
        fc.boolean(),
        fc.constantFrom("", "model."),
        async (drawn, tp, stages, embedByHidden, prefix) => {
          fc.pre(drawn.kvHeads === drawn.heads && !drawn.tieWordEmbeddings);
          fc.pre(drawn.hiddenSize % 4 === 0 && drawn.hiddenSize !== drawn.vocabSize);
          const pp = Math.min(stages, drawn.layers);
          fc.pre(Math.ceil(drawn.layers / pp) * (pp - 1) < drawn.layers);
          const truth = numberedModel(drawn);
          const tensors = trainingModel(truth, drawn, { tp, pp, embedByHidden }, prefix);
          const checkpoint = memoryCheckpoint(tensors, { format: "pytorch-zip" });
          const plan = planConversion(checkpoint, drawn, { to: "safetensors" });
          expect(plan.sourceLayout).toBe("torch");
          await expectPlan(plan, checkpoint, truth);
        },
      ),
      { numRuns: tries(100, 25) },
    );
  }, 60_000);
});

describe("canonicalTensors", () => {
  it("gives the same tensors, and the embeddings for a tied head", async () => {
    await fc.assert(
      fc.asyncProperty(configs, writings, async (config, how) => {
        const truth = numberedModel(config);
        const checkpoint = memoryCheckpoint(writtenModel(truth, config, how));
        const tensors = canonicalTensors(checkpoint, config, { sourceLayout: how.layout });
        const head = truth.get("lm_head.weight") ?? truth.get("model.embed_tokens.weight");
        const found = new Map<string, Grid>();
        for (const [name, assembly] of tensors) found.set(name, await gridOf(assembly));
        expect(found).toEqual(new Map([...truth, ["lm_head.weight", head]]));
      }),
      { numRuns: tries(60, 12) },
    );
  }, 60_000);
});
