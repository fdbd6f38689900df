import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { check } from "../../src/api/check.ts";
import { convert } from "../../src/api/convert.ts";
import { diff } from "../../src/verify/diff.ts";
import { inspect } from "../../src/api/inspect.ts";
import { logits } from "../../src/api/logits.ts";
import { verify } from "../../src/verify/run.ts";
import { writeSafetensors } from "../../src/formats/safetensors/save.ts";
import { openCheckpoint } from "../../src/formats/open.ts";
import { assemblyOf, wholeView } from "../../src/mapping/assembly.ts";
import { readAssembly } from "../../src/mapping/read-assembly.ts";
import { expectedWeights, FIXTURE_FOLDERS, FIXTURES } from "../support/fixture-manifest.ts";
import { storedFacts } from "../support/stored-facts.ts";

let work = "";
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), "weighbridge-llama-"));
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

const fixture = (name: string): string => join(FIXTURES, name);
const goldenOf = (name: string): string =>
  FIXTURE_FOLDERS.find((folder) => folder.name === name)?.golden ?? "";
function isTied(folder: string): boolean {
  return /"tie_word_embeddings": true/.test(readFileSync(join(folder, "config.json"), "utf8"));
}

/** One folder of each way to name, lay and cut the weights, with the set that it holds. */
const MODELS = [
  ["llama-meta", "llama"],
  ["llama2-meta", "llama2-meta"],
  ["llama3-meta", "llama3-meta"],
  ["llama-tied-bin", "llama-tied"],
  ["llama-bias", "llama-bias"],
  ["alpaca", "alpaca"],
  ["baichuan", "baichuan"],
  ["baichuan-paddle", "baichuan"],
] as const;

const JOURNEYS = MODELS.flatMap(([name, set]) =>
  (["pytorch", "paddle", "safetensors"] as const).map((to) => ({ name, set, to })),
);

describe("a model", () => {
  it.each(JOURNEYS)(
    "$name goes to $to and back, agrees with what it came from, and gives the golden's logits",
    async ({ name, set, to }) => {
      const there = join(work, `${name}-${to}`);
      const back = join(work, `${name}-${to}-back`);
      await convert(fixture(name), there, { to });
      await convert(there, back);
      expect(await storedFacts(join(back, "model.safetensors"))).toEqual(expectedWeights(set));
      const { same, summary } = await diff(fixture(name), there);
      // A tied head is compared too: it is the embeddings on both sides.
      const all = Object.keys({ ...expectedWeights(set), "lm_head.weight": [] }).length;
      expect([same, summary.identical]).toEqual([true, all]);
      const found = await verify(there, {
        golden: goldenOf(name),
        other: fixture(name),
        device: "wasm",
      });
      expect([found.verdict, found.diagnosis]).toEqual(["pass", []]);
      expect(found.comparisons).toHaveLength(2);
    },
  );
});

describe("a folder of Meta's files", () => {
  it("is checked, and said to be what params.json and its tensors tell", async () => {
    const { problems, architecture, notes } = await check(fixture("llama2-meta"));
    expect([problems, architecture]).toEqual([[], "LlamaForCausalLM"]);
    expect(notes.join()).toContain("taken to be LLaMA 2, 4096 positions");
  });

  it("takes its tokenizer along, and keeps params.json as the original configuration", async () => {
    const target = join(work, "with-tokenizer");
    await convert(fixture("llama2-meta"), target);
    for (const [from, to] of [
      ["tokenizer.model", "tokenizer.model"],
      ["params.json", "config.original.json"],
    ] as const) {
      expect(readFileSync(join(target, to))).toEqual(
        readFileSync(join(fixture("llama2-meta"), from)),
      );
    }
  });

  it("of which a part is missing is said to be incomplete", async () => {
    const folder = join(work, "half");
    mkdirSync(folder);
    for (const file of ["consolidated.00.pth", "params.json"])
      copyFileSync(join(fixture("llama2-meta"), file), join(folder, file));
    const { problems } = await check(folder);
    expect(problems.map(({ code }) => code)).toEqual(["WB3704"]);
    expect((await inspect(folder)).notes.join()).toContain("1 of 2 tensor-parallel parts");
    await expect(convert(folder, join(work, "no"))).rejects.toMatchObject({ code: "WB3704" });
  });

  it("with a tokenizer of tiktoken's kind takes text", async () => {
    const folder = join(work, "tiktoken");
    cpSync(fixture("llama3-meta"), folder, { recursive: true });
    const ranks = Array.from({ length: 256 }, (_, byte) =>
      [Buffer.of(byte).toString("base64"), byte].join(" "),
    );
    writeFileSync(join(folder, "tokenizer.model"), ranks.join("\n"));
    expect((await verify(folder, { other: fixture("llama3-meta"), device: "wasm" })).verdict).toBe(
      "pass",
    );
    const { prompts } = await logits(folder, {
      prompts: [{ kind: "text", text: "!" }],
      device: "wasm",
    });
    expect(prompts[0]?.ids).toEqual([33]);
  });

  it("is not seen in a params.json beside tensors of other names", async () => {
    const folder = join(work, "other-params");
    mkdirSync(folder);
    copyFileSync(
      join(fixture("llama-tied"), "model.safetensors"),
      join(folder, "model.safetensors"),
    );
    writeFileSync(join(folder, "params.json"), '{"learning_rate": 1}');
    const { architecture, notes } = await inspect(folder);
    expect([architecture, notes.join()]).toEqual([
      "none",
      expect.stringContaining("no config.json"),
    ]);
  });
});

async function run(path: string): Promise<Float32Array> {
  const prompts = [{ kind: "ids", ids: [1, 5] }] as const;
  return (
    (await logits(path, { prompts, device: "wasm" })).prompts[0]?.logits ?? new Float32Array(0)
  );
}

/** The tied fixture with a head in a storage of its own, whose first element is another where `changed`. */
async function withHead(folder: string, changed: boolean): Promise<void> {
  mkdirSync(folder);
  copyFileSync(join(fixture("llama-tied"), "config.json"), join(folder, "config.json"));
  const { checkpoint } = await openCheckpoint(join(fixture("llama-tied"), "model.safetensors"));
  const tensors = [];
  for (const tensor of checkpoint.tensors) {
    const { name, dtype, shape } = tensor;
    const bytes = await readAssembly(assemblyOf(wholeView(tensor)));
    tensors.push({ name, dtype, shape, bytes });
    if (name === "model.embed_tokens.weight") {
      const head = bytes.slice();
      if (changed) head[1] = (head[1] ?? 0) ^ 0x80; // the sign of a bfloat16
      tensors.push({ name: "lm_head.weight", dtype, shape, bytes: head });
    }
  }
  await checkpoint.close();
  await writeSafetensors(join(folder, "model.safetensors"), tensors, new Map());
}

describe("a head that is stored beside tied embeddings", () => {
  it("is written once where it is the embeddings, in one storage or two", async () => {
    const twice = join(work, "tied-twice");
    await withHead(twice, false);
    for (const [index, source] of [twice, fixture("llama-tied-bin")].entries()) {
      const target = join(work, `tied-once-${index}`);
      const { dropped, tensors } = await convert(source, target);
      expect(dropped).toEqual([
        { name: "lm_head.weight", why: "config.json ties it to the embeddings" },
      ]);
      expect(tensors.map(({ to }) => to)).not.toContain("lm_head.weight");
      expect(isTied(target)).toBe(true);
    }
    expect((await diff(twice, fixture("llama-tied"))).same).toBe(true);
  });

  it("is used and kept where it is another matrix, as transformers does", async () => {
    const folder = join(work, "own-head");
    await withHead(folder, true);
    const target = join(work, "own-head-converted");
    const { tensors, notes } = await convert(folder, target);
    expect(tensors.map(({ to }) => to)).toContain("lm_head.weight");
    expect(isTied(target)).toBe(false);
    expect(notes.join()).toContain("ties lm_head to the embeddings, but the weights have another");
    const [own, converted, tied] = [
      await run(folder),
      await run(target),
      await run(fixture("llama-tied")),
    ];
    expect([...own]).toEqual([...converted]);
    // Row 0 of the head makes the logits of token 0 alone.
    const changed = [...own.keys()].filter((index) => own[index] !== tied[index]);
    expect(changed.map((index) => index % 352)).toEqual([0, 0]);
    const { same, summary } = await diff(folder, fixture("llama-tied"));
    expect([same, summary.differ, summary.identical]).toEqual([false, 1, 20]);
  });
});

describe("a rotary scaling that got lost or changed on the way", () => {
  it.each([
    ["llama3-meta", { rope_scaling: null }, '"factor":32'],
    ["llama-tied", { rope_scaling: scalingOfTied(4) }, '"factor":8'],
  ])("of %s is named", async (name, fields, theirs) => {
    const folder = join(work, `rotary-${name}`);
    await convert(fixture(name), folder);
    const path = join(folder, "config.json");
    const config: unknown = JSON.parse(readFileSync(path, "utf8"));
    writeFileSync(path, JSON.stringify(Object.assign({}, config, fields)));
    const found = await verify(folder, { golden: goldenOf(name), device: "wasm" });
    expect(found.verdict).toBe("fail");
    expect(found.diagnosis[0]).toMatchObject({
      cause: "config-mismatch",
      evidence: expect.stringContaining(theirs) as unknown,
    });
  });
});

/** The tied fixture's own setting, which has the factor 8. */
function scalingOfTied(factor: number): object {
  return {
    rope_type: "llama3",
    factor,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 32,
  };
}
