import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  assemblyOf,
  transposedAssembly,
  wholeView,
  type Assembly,
} from "../../src/mapping/assembly.ts";
import { canonicalize } from "../../src/mapping/canonical.ts";
import { readAssembly } from "../../src/mapping/read-assembly.ts";
import { writeTensors } from "../../src/mapping/write-statement.ts";
import type { ModelConfig } from "../../src/model/config/model-config.ts";
import { HEAD_KINDS } from "../../src/model/encoder-heads.ts";
import { FAMILIES } from "../../src/model/families.ts";
import type { Naming } from "../../src/model/names/naming.ts";
import { OPERATIONS } from "../../src/model/names/statement.ts";
import { expectedTensors } from "../../src/model/tensors.ts";
import type { StoredTensor } from "../../src/tensor/table.ts";
import { countingBytes, memoryCheckpoint, memoryTensor } from "../support/memory-checkpoint.ts";
import { internlmConfig } from "../support/model-config.ts";

const NAMINGS = FAMILIES.flatMap((family) =>
  Object.entries(family.names).map(([writer, naming]) => ({ family, writer, naming })),
);

/** Models of every family, hidden size and vocabulary apart so that a head's shape tells its layout. */
const configs = fc
  .record({
    groups: fc.integer({ min: 1, max: 3 }),
    perGroup: fc.integer({ min: 1, max: 3 }),
    headDim: fc.constantFrom(2, 4),
    inner: fc.integer({ min: 1, max: 9 }),
    layers: fc.integer({ min: 1, max: 2 }),
    attentionBias: fc.boolean(),
    tied: fc.boolean(),
    head: fc.constantFrom(...HEAD_KINDS),
  })
  .map(({ groups, perGroup, headDim, inner, layers, attentionBias, tied, head }): ModelConfig => ({
    ...internlmConfig({
      num_attention_heads: groups * perGroup,
      num_key_value_heads: groups,
      head_dim: headDim,
      hidden_size: groups * perGroup * headDim,
      intermediate_size: inner,
      vocab_size: 40,
      num_hidden_layers: layers,
      tie_word_embeddings: tied,
    }),
    attentionBias,
    encoder: {
      types: 2,
      taskTypes: 3,
      hasPooler: true,
      hasNextSentence: true,
      head,
      labels: 5,
      saysLabels: true,
      hasHeadDense: false,
    },
    ...(inner % 2 === 0 ? { headNorms: true } : {}),
    latent: {
      ...(inner % 2 === 0 ? { queryRank: inner + 4 } : {}),
      rank: inner + 3,
      plainDims: headDim,
      valueDims: headDim + 1,
      scoreScale: 1,
    },
    experts: {
      count: 2,
      perToken: 1,
      size: inner + 1,
      sharedSize: inner + 2,
      isNormalised: true,
      layers: Array.from({ length: layers }, (_unused, layer) => layer % 2 === 0),
    },
  }));

/** A model whose every element has a number of its own, under canonical names. */
function numbered(config: ModelConfig): readonly StoredTensor[] {
  let next = 0;
  return expectedTensors(config).map(({ name, shape }) => {
    const count = shape.reduce((product, size) => product * size, 1);
    const bytes = countingBytes("F32", count, next);
    next += count;
    return memoryTensor(name, "F32", shape, bytes);
  });
}

async function stored(name: string, assembly: Assembly): Promise<StoredTensor> {
  return memoryTensor(name, "F32", assembly.shape, (await readAssembly(assembly)).slice());
}

/** The model as a naming's writer stores it. */
async function written(
  tensors: readonly StoredTensor[],
  config: ModelConfig,
  naming: Naming,
): Promise<readonly StoredTensor[]> {
  const canonical = canonicalize(memoryCheckpoint(tensors), config, { sourceLayout: "torch" });
  expect(canonical.problems).toEqual([]);
  return Promise.all(
    writeTensors(canonical.tensors, naming, config).map(({ name, class: kind, assembly }) =>
      stored(name, naming.transposed.has(kind) ? transposedAssembly(assembly) : assembly),
    ),
  );
}

async function hexOf(assembly: Assembly | undefined): Promise<string> {
  return assembly === undefined
    ? "none"
    : Buffer.from(await readAssembly(assembly)).toString("hex");
}

describe("names", () => {
  it.each(NAMINGS)("of $family.name by $writer are read as they are written", async (one) => {
    const { family, naming } = one;
    const isOfThirds = naming.statements.some(({ operation }) => operation === "thirds");
    await fc.assert(
      fc.asyncProperty(configs, async (drawn) => {
        const { encoder, ...others } = drawn;
        // A head of an encoder's is nothing that a decoder's configuration has.
        const config: ModelConfig = {
          ...others,
          family: family.name,
          ...(family.network.block === "encoder" && encoder !== undefined ? { encoder } : {}),
        };
        fc.pre(config.hiddenSize !== config.vocabSize);
        fc.pre(!isOfThirds || config.heads === config.kvHeads);
        const truth = numbered(config);
        const files = await written(truth, config, naming);
        const layout = naming.transposed.has("linear") ? "paddle" : "torch";
        const found = canonicalize(memoryCheckpoint(files), config, { sourceLayout: layout });
        expect(found.problems).toEqual([]);
        expect([...found.tensors.keys()]).toEqual(truth.map(({ name }) => name));
        for (const tensor of truth) {
          const assembly = found.tensors.get(tensor.name)?.assembly;
          expect(assembly?.shape).toEqual(tensor.shape);
          expect(await hexOf(assembly)).toBe(await hexOf(assemblyOf(wholeView(tensor))));
        }
      }),
      { numRuns: 12 },
    );
  });

  it("use every operation somewhere", () => {
    const used = new Set(
      NAMINGS.flatMap(({ naming }) => naming.statements.map(({ operation }) => operation)),
    );
    expect([...used].sort()).toEqual([...OPERATIONS].sort());
  });

  it("of one family never give two meanings to one stored name without a companion to tell them", () => {
    for (const { family } of NAMINGS) {
      const meanings = new Map<string, string>();
      for (const naming of Object.values(family.names)) {
        for (const { stored: name, canonical, operation, beside } of naming.statements) {
          if (beside !== undefined) continue;
          const meaning = `${operation} ${canonical.map((parameter) => parameter.name).join()}`;
          expect(meanings.get(name) ?? meaning).toBe(meaning);
          meanings.set(name, meaning);
        }
      }
    }
  });
});
