import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { check } from "../../src/api/check.ts";
import { convert } from "../../src/api/convert.ts";
import { logits } from "../../src/api/logits.ts";
import { verify } from "../../src/verify/run.ts";
import { BAD_EXPERTS, type BadExperts } from "../support/bad-experts.ts";
import { caught } from "../support/caught.ts";
import { readEditable, type EditableModel } from "../support/editable-model.ts";
import { sampled } from "../support/effort.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";

let work = "";
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), "weighbridge-bad-experts-"));
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

async function fixture(name: string): Promise<EditableModel> {
  const source = join(FIXTURES, name);
  return readEditable(source, readFileSync(join(source, "config.json"), "utf8"));
}

/** A folder with this fault. */
async function damaged({ fixture: name, title, change }: BadExperts): Promise<string> {
  const folder = join(work, `${name}-${title.replaceAll(" ", "-")}`);
  const edited = await fixture(name);
  change(edited);
  await edited.write(folder);
  return folder;
}

const PROMPTS = [{ kind: "ids", ids: [1] }] as const;

describe.each(sampled(BAD_EXPERTS, 24))("$fixture with $title", (fault) => {
  test("is refused by name wherever it is opened", async () => {
    const folder = await damaged(fault);
    const checked = await check(folder);
    expect([...new Set(checked.problems.map(({ code }) => code))]).toEqual([fault.code]);
    expect(checked.problems.map(({ message }) => message).join("\n")).toMatch(fault.said);
    const converting = await caught(() => convert(folder, `${folder}-converted`, {}));
    expect(converting.code).toBe(fault.code);
    // Ten problems are listed, in the order of the files.
    expect(converting.message).toMatch(new RegExp(`${fault.said.source}|and \\d+ more`, "u"));
    const running = await caught(() => logits(folder, { prompts: PROMPTS, device: "wasm" }));
    expect(running.code).toBe(fault.code);
  });
});

describe("verify", () => {
  const golden = join(FIXTURES, "goldens", "mixtral.safetensors");

  test("blames config.json for a size that no tensor has, under the name that it has there", async () => {
    for (const [name, field, value, other] of [
      ["mixtral", "intermediate_size", 24, 28],
      ["glm4_moe", "n_shared_experts", 1, 2],
      ["ernie4_5_moe", "moe_num_shared_experts", 2, 1],
    ] as const) {
      const edited = await fixture(name);
      edited.config[field] = other;
      const folder = join(work, `${name}-${field}`);
      await edited.write(folder);
      const { verdict, diagnosis } = await verify(folder, {
        golden: join(FIXTURES, "goldens", `${name}.safetensors`),
        device: "wasm",
      });
      expect(verdict).toBe("fail");
      expect(diagnosis.map(({ cause }) => cause)).toEqual(["config-mismatch"]);
      expect(diagnosis[0]?.evidence).toMatch(
        new RegExp(String.raw`^${field} is ${other}, .* ask for ${value}$`, "u"),
      );
    }
  });

  test("names the one tensor that has another size than all others, and not config.json", async () => {
    const edited = await fixture("mixtral");
    const name = "model.layers.1.mlp.gate.weight";
    const { shape, data } = edited.get(name);
    edited.set(name, { shape: [4, 32], data: data.subarray(0, 128) });
    expect(shape).toEqual([5, 32]);
    const folder = join(work, "one-router");
    await edited.write(folder);
    const error = await caught(() => verify(folder, { golden, device: "wasm" }));
    expect(error.code).toBe("WB3702");
    expect(error.message).toContain(`${name}: expected [5, 32], found [4, 32]`);
  });
});

test("the same models without a fault are converted, and run", async () => {
  for (const name of new Set(BAD_EXPERTS.map((fault) => fault.fixture))) {
    const folder = join(work, name);
    await (await fixture(name)).write(folder);
    expect((await check(folder)).problems).toEqual([]);
    expect(await convert(folder, `${folder}-converted`, {})).toMatchObject({ verified: true });
    const { top } = await logits(`${folder}-converted`, { prompts: PROMPTS, device: "wasm" });
    expect(top).toHaveLength(1);
  }
});
