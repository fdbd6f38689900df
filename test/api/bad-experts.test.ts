import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { convert } from "../../src/api/convert.ts";
import { logits } from "../../src/api/logits.ts";
import { caught } from "../support/caught.ts";
import { readEditable, type EditableModel } from "../support/editable-model.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";

const SOURCE = join(FIXTURES, "qwen3_moe");
const LAYER = "model.layers.1.mlp.";

let work = "";
let model: EditableModel;
beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), "weighbridge-bad-experts-"));
  model = await readEditable(SOURCE, readFileSync(join(SOURCE, "config.json"), "utf8"));
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

/** A tensor without its last row, or, at axis 1, its last column. */
function narrowed(edited: EditableModel, name: string, axis: 0 | 1): void {
  const { shape, data, dtype } = edited.get(name);
  const [rows = 0, columns = 0] = shape;
  const kept = [...data].filter((_value, index) =>
    axis === 0 ? index < (rows - 1) * columns : index % columns < columns - 1,
  );
  const less = axis === 0 ? [rows - 1, columns] : [rows, columns - 1];
  edited.set(name, { shape: less, data: Float32Array.from(kept), ...(dtype && { dtype }) });
}

/** What a model with experts may have wrong, and what is said of it. */
const FAULTS: readonly (readonly [
  title: string,
  change: (edited: EditableModel) => void,
  code: string,
  said: RegExp,
])[] = [
  [
    "an expert that is missing",
    (edited) => {
      for (const part of ["gate", "up", "down"])
        edited.delete(`${LAYER}experts.2.${part}_proj.weight`);
    },
    "WB3702",
    /model\.layers\.1\.mlp\.experts\.2\.down_proj\.weight is missing/,
  ],
  [
    "one matrix of an expert that is missing",
    (edited) => {
      edited.delete(`${LAYER}experts.2.up_proj.weight`);
    },
    "WB3702",
    /model\.layers\.1\.mlp\.experts\.2\.up_proj\.weight is missing/,
  ],
  [
    "an expert more than config.json has",
    (edited) => {
      edited.set(
        `${LAYER}experts.8.up_proj.weight`,
        edited.get(`${LAYER}experts.2.up_proj.weight`),
      );
    },
    "WB3702",
    /model\.layers\.1\.mlp\.experts\.8\.up_proj\.weight .*which the model has not/,
  ],
  [
    "a router that is missing",
    (edited) => {
      edited.delete(`${LAYER}gate.weight`);
    },
    "WB3702",
    /model\.layers\.1\.mlp\.gate\.weight is missing/,
  ],
  [
    "a router for fewer experts",
    (edited) => {
      narrowed(edited, `${LAYER}gate.weight`, 0);
    },
    "WB3702",
    /model\.layers\.1\.mlp\.gate\.weight: expected \[8, 32\], found \[7, 32\]/,
  ],
  [
    "a router of another hidden size",
    (edited) => {
      narrowed(edited, `${LAYER}gate.weight`, 1);
    },
    "WB3702",
    /model\.layers\.1\.mlp\.gate\.weight: expected \[8, 32\], found \[8, 31\]/,
  ],
  [
    "a configuration of fewer experts than there are",
    (edited) => {
      edited.config["num_local_experts"] = 6;
    },
    "WB3702",
    /model\.layers\.0\.mlp\.gate\.weight: expected \[6, 32\], found \[8, 32\]|experts\.6\.\w+\.weight .*which the model has not/,
  ],
  [
    "a configuration of more experts than there are",
    (edited) => {
      edited.config["num_local_experts"] = 10;
    },
    "WB3702",
    /model\.layers\.0\.mlp\.experts\.8\.gate_proj\.weight is missing/,
  ],
  [
    "a configuration of wider experts",
    (edited) => {
      edited.config["moe_intermediate_size"] = 24;
    },
    "WB3702",
    /experts\.0\.down_proj\.weight: expected \[32, 24\], found \[32, 12\]/,
  ],
  [
    "a configuration that has one network where the tensors have experts",
    (edited) => {
      edited.config["mlp_only_layers"] = [1];
    },
    "WB3702",
    /model\.layers\.1\.mlp\.(?:gate_proj\.weight is missing|experts\.0\.\w+\.weight .*which the model has not)/,
  ],
  [
    "a configuration that takes more experts than there are",
    (edited) => {
      edited.config["num_experts_per_tok"] = 9;
    },
    "WB3701",
    /num_experts_per_tok: expected at most num_experts 8, found 9/,
  ],
];

describe.each(FAULTS)("%s", (title, change, code, said) => {
  test("is refused by name when it is converted, and when it is run", async () => {
    const folder = join(work, title.replaceAll(" ", "-"));
    const edited = model.copy();
    change(edited);
    await edited.write(folder);
    const converting = await caught(() => convert(folder, `${folder}-converted`, {}));
    expect(converting.code).toBe(code);
    expect(converting.message).toMatch(said);
    const running = await caught(() => logits(folder, { prompts: [{ kind: "ids", ids: [1] }] }));
    expect(running.code).toBe(code);
  });
});

test("the same model without a fault is converted, and run", async () => {
  const folder = join(work, "right");
  await model.copy().write(folder);
  expect(await convert(folder, `${folder}-converted`, {})).toMatchObject({ verified: true });
  const { top } = await logits(`${folder}-converted`, {
    prompts: [{ kind: "ids", ids: [1] }],
    device: "wasm",
  });
  expect(top).toHaveLength(1);
});
