import { copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { scan } from "../../src/api/scan.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";
import { archive, dictOf, tensor } from "../support/hostile/torch-files.ts";

const FOLDERS = ["zero1-bf16", "zero2-fp32", "zero3-bf16"];
const STATES = "zero_pp_rank_0_mp_rank_00_optim_states.pt";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-deepspeed-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe("the states of DeepSpeed's optimizers", () => {
  it.each(FOLDERS)("are safe: their classes hold numbers (%s)", async (name) => {
    const { verdict, files, globals } = await scan(join(FIXTURES, "deepspeed-zero", name));
    expect(verdict).toBe("safe");
    expect(files.map(({ state }) => state)).not.toContain("not-understood");
    expect(globals.map((one) => one.name)).toContain("ZeroStageEnum");
  });

  it("are unsafe under another name, which torch reads by other rules", async () => {
    const step = join(FIXTURES, "deepspeed-zero/zero2-fp32/checkpoint/global_step2");
    expect(readdirSync(step)).toContain(STATES);
    const path = join(folder, "pytorch_model.bin");
    copyFileSync(join(step, STATES), path);
    expect((await scan(path)).verdict).toBe("unsafe");
  });

  it("are unsafe where they name anything else", async () => {
    const call = [["GLOBAL", "deepspeed.utils", "os"], "POP"] as const;
    const pieces = [...dictOf(tensor()).slice(0, -1), ...call, "STOP"] as const;
    const path = join(folder, STATES);
    writeFileSync(path, archive(pieces));
    const { verdict, globals } = await scan(path);
    expect(verdict).toBe("unsafe");
    expect(globals.filter(({ allowed }) => !allowed).map(({ name }) => name)).toEqual(["os"]);
  });
});
