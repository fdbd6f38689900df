import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { openCheckpoint } from "../../src/formats/open.ts";
import { caught } from "../support/caught.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";
import { storedFacts } from "../support/stored-facts.ts";

const PLACE = join(FIXTURES, "deepspeed-zero");
const NAMES = [
  "count",
  "embed.weight",
  "first.bias",
  "first.weight",
  "frozen.bias",
  "frozen.weight",
  "head.weight",
  "last.bias",
  "last.weight",
  "norm.bias",
  "norm.weight",
  "scale",
];
const selection = { select: "fp32" };
const folder = mkdtempSync(join(tmpdir(), "weighbridge-zero-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the float32 weights that DeepSpeed divided among its ranks", () => {
  it.each(["zero1-bf16", "zero2-fp32", "zero3-bf16"])(
    "are what its zero_to_fp32 makes of them: %s",
    async (name) => {
      const stored = await storedFacts(join(PLACE, name, "checkpoint"), selection);
      const joined = await storedFacts(join(PLACE, name, "joined.pt"));
      // zero_to_fp32 loses those that are not trained in ZeRO 1, whose files have no fragments of them.
      const frozen = Object.entries(stored).filter(([tensor]) => tensor.startsWith("frozen."));
      expect(stored).toEqual({ ...Object.fromEntries(frozen), ...joined });
      expect(Object.keys(stored).toSorted()).toEqual(NAMES);
    },
  );

  it("are taken unasked where nothing else is there", async () => {
    const { checkpoint, notes } = await openCheckpoint(join(PLACE, "zero3-bf16/checkpoint"));
    await checkpoint.close();
    expect(checkpoint.format).toBe("deepspeed-zero");
    expect(checkpoint.files).toHaveLength(4);
    expect(notes.join("\n")).toContain("ZeRO 3, put together from 2 ranks");
    expect(checkpoint.skipped.map(({ why }) => why)).toContain(
      "the optimizer's state but for the float32 weights",
    );
  });

  it("are offered beside whole model states, which stay the default", async () => {
    const { checkpoint, notes } = await openCheckpoint(join(PLACE, "zero1-bf16/checkpoint"));
    await checkpoint.close();
    expect(checkpoint.format).toBe("pytorch-zip");
    expect(notes.join("\n")).toContain("--select fp32 takes those");
  });

  it("know no other selection in ZeRO 3", async () => {
    const place = join(PLACE, "zero3-bf16/checkpoint");
    const error = await caught(() => openCheckpoint(place, { selection: { select: "module" } }));
    expect(error.code).toBe("WB2710");
  });

  it("are not the parts that one file of a rank holds", async () => {
    const part = join(
      PLACE,
      "zero3-bf16/checkpoint/global_step2/zero_pp_rank_0_mp_rank_00_model_states.pt",
    );
    expect((await caught(() => openCheckpoint(part))).code).toBe("WB4006");
  });
});

/** A copy of a fixture with one of its files changed or gone. */
function changed(
  name: string,
  file: string,
  change: (bytes: Buffer) => Uint8Array | undefined,
): string {
  const place = mkdtempSync(join(folder, "changed-"));
  cpSync(join(PLACE, name, "checkpoint/global_step2"), place, { recursive: true });
  const path = join(place, file);
  const bytes = change(readFileSync(path));
  if (bytes === undefined) rmSync(path);
  else writeFileSync(path, bytes);
  return place;
}

/** The same bytes with one text in place of another as long. */
function replaced(from: string, to: string): (bytes: Buffer) => Buffer {
  return (bytes) => Buffer.from(bytes.toString("latin1").replaceAll(from, to), "latin1");
}

describe("files that do not fit together are refused", () => {
  it.each([
    [
      "a rank is missing",
      "zero2-fp32",
      "zero_pp_rank_1_mp_rank_00_optim_states.pt",
      () => undefined,
      "WB3608",
    ],
    [
      "the groups have no name",
      "zero2-fp32",
      "zero_pp_rank_1_mp_rank_00_optim_states.pt",
      replaced("single_partition_of", "single_partition_0f"),
      "WB3608",
    ],
    [
      "no shapes",
      "zero2-fp32",
      "mp_rank_00_model_states.pt",
      replaced("param_shapes", "param_shapez"),
      "WB3608",
    ],
    [
      "no stage",
      "zero3-bf16",
      "bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt",
      replaced("zero_stage", "zero_stagf"),
      "WB3608",
    ],
    [
      "a part that is not trained is missing",
      "zero3-bf16",
      "zero_pp_rank_1_mp_rank_00_model_states.pt",
      replaced("frozen.bias", "frozen.bjas"),
      "WB3608",
    ],
    [
      "another global",
      "zero2-fp32",
      "zero_pp_rank_0_mp_rank_00_optim_states.pt",
      replaced("LossScaler", "LossScales"),
      "WB5201",
    ],
    [
      "no optimizer states",
      "zero3-bf16",
      "bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt",
      () => undefined,
      "WB3608",
    ],
  ] as const)("%s", async (_title, name, file, change, code) => {
    const place = changed(name, file, change);
    const error = await caught(() => openCheckpoint(place, { selection }));
    expect(error.code).toBe(code);
  });
});
