import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inspect } from "../../src/api/inspect.ts";
import { caught } from "../support/caught.ts";
import { expectedWeights, FIXTURE_FOLDERS, FIXTURES } from "../support/fixture-manifest.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-inspect-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** As config.json says; Meta's params.json says nothing. */
function architectureIn(path: string): string | undefined {
  const config = join(path, "config.json");
  if (!existsSync(config)) return "LlamaForCausalLM";
  const named = /"architectures": \[\s*"(\w+)"/.exec(readFileSync(config, "utf8"))?.[1];
  // A state dict of a model in memory has a config.json that names no class: it is that of the model beside it, saved whole.
  return (
    named ?? (path.endsWith("-state") ? architectureIn(path.slice(0, -"-state".length)) : named)
  );
}

const models = FIXTURE_FOLDERS.filter(({ weights }) => weights !== "none");

describe("inspect", () => {
  it.each(models)("tells format, layout and parameters of $name", async (fixture) => {
    const result = await inspect(fixture.path);
    expect(result.format).toBe(fixture.format);
    expect(result.layout).toBe(fixture.layout);
    expect(result.layoutEvidence.length).toBeGreaterThan(0);
    expect(result.architecture).toBe(architectureIn(fixture.path));
    // Tensors of the model alone: inv_freq, replicas, and a head that is the embeddings do not count.
    const expected = Object.values(expectedWeights(fixture.weights)).map(([, shape]) =>
      shape.reduce((product, size) => product * size, 1),
    );
    expect(result.parameters).toBe(expected.reduce((sum, count) => sum + count, 0));
  });

  it("lists tensors as stored, with their bytes", async () => {
    const { tensors, bytes, notes } = await inspect(join(FIXTURES, "internlm-tiny"));
    expect(tensors[0]).toEqual({
      name: "model.embed_tokens.weight",
      dtype: "F16",
      shape: [384, 32],
      bytes: 24576,
    });
    expect(bytes).toBe(tensors.reduce((sum, tensor) => sum + tensor.bytes, 0));
    expect(notes[0]).toContain("taking pytorch_model.bin; also there: model_state.pdparams");
  });

  it("takes a file without config.json as stored, and still tells the layout", async () => {
    const path = join(folder, "weights");
    copyFileSync(join(FIXTURES, "paddle-a/model_state.pdparams"), path);
    const result = await inspect(path);
    expect(result).toMatchObject({ format: "paddle", architecture: "none", layout: "paddle" });
  });

  it("looks at the tensors of an unknown architecture, or beside a damaged config.json", async () => {
    copyFileSync(
      join(FIXTURES, "safetensors-single/model.safetensors"),
      join(folder, "model.safetensors"),
    );
    const config = join(folder, "config.json");
    writeFileSync(config, '{"architectures": ["T5ForConditionalGeneration"], "model_type": "t5"}');
    const unknown = await inspect(folder);
    expect(unknown.architecture).toBe("T5ForConditionalGeneration");
    expect(unknown.notes.join("\n")).toContain("T5ForConditionalGeneration is not supported");
    writeFileSync(config, "{");
    const damaged = await inspect(folder);
    expect(damaged.architecture).toBe("none");
    expect(damaged.tensors).toHaveLength(unknown.tensors.length);
    const wanted = await caught(() => inspect(folder, { architecture: "internlm" }));
    expect(wanted.code).toBe("WB3701");
  });

  it("tells which names share a storage", async () => {
    const result = await inspect(join(FIXTURES, "dtypes/everything.bin"));
    expect(result.tied.flat()).toContain("tied.second");
    expect(result.layout).toBe("unknown");
  });

  it("refuses what is not there, and what is no model", async () => {
    expect((await caught(() => inspect(join(folder, "nothing")))).code).toBe("WB3001");
    const text = join(folder, "notes.txt");
    writeFileSync(text, readFileSync(join(FIXTURES, "README.md")));
    expect((await caught(() => inspect(text))).code).toBe("WB4001");
  });
});
