import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { hintFor } from "../../src/cli/hints.ts";
import { paint, showsColour } from "../../src/cli/paint.ts";
import { plural } from "../../src/cli/plural.ts";
import { progressDrawer } from "../../src/cli/progress.ts";
import { WbError } from "../../src/errors/wb-error.ts";
import { runInProcess } from "../support/cli-in-process.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";
import { safetensorsBytes, vectorsHeader } from "../support/safetensors-file.ts";

const TINY = join(FIXTURES, "internlm-tiny");

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-comforts-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A file of vectors by name. */
function vectors(name: string, lengths: Readonly<Record<string, number>>): string {
  const path = join(folder, name);
  const total = Object.values(lengths).reduce((sum, length) => sum + length, 0);
  const header = vectorsHeader(new Map(Object.entries(lengths)));
  writeFileSync(path, safetensorsBytes(header, 4 * total));
  return path;
}

describe("a command line", () => {
  it("takes -h for --help", async () => {
    const long = await runInProcess(["convert", "--help"]);
    expect(await runInProcess(["convert", "-h"])).toEqual(long);
    expect(long.stdout).toContain("weighbridge convert <src> <dst>");
  });

  it("says what a device is called here", async () => {
    const { status, stderr } = await runInProcess([
      "logits",
      TINY,
      "--input-ids",
      "1",
      "--device",
      "gpu",
    ]);
    expect(status).toBe(2);
    expect(stderr).toContain('found "gpu"; did you mean cuda?');
  });

  it("names the hub for what looks like a repository and is no folder", async () => {
    const { status, stderr } = await runInProcess(["inspect", "internlm/internlm-7b"], folder);
    expect(status).toBe(3);
    expect(stderr).toContain("On the hub: did you mean hf:internlm/internlm-7b?");
    const other = await runInProcess(["inspect", "./internlm/internlm-7b"], folder);
    expect(other.stderr).not.toContain("hf:");
  });

  it("says what a LoRA adapter is that is given as a delta", async () => {
    const adapter = join(folder, "adapter");
    mkdirSync(adapter);
    writeFileSync(join(adapter, "adapter_config.json"), '{"r": 4}');
    const name = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight";
    vectors("adapter/adapter_model.safetensors", { [name]: 4 });
    const target = join(folder, "never");
    const words = ["convert", TINY, target, "--delta", adapter];
    const { status, stderr } = await runInProcess(words);
    expect(status).toBe(2);
    const { stdout } = await runInProcess([...words, "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({
      error: { code: "WB2709", details: { path: adapter, tensor: name } },
    });
    expect(stderr).toContain(`error WB2709: ${adapter}: is a LoRA adapter, no delta: ${name} [4]`);
  });

  it("counts one thing as one", async () => {
    const one = vectors("one.safetensors", { a: 2 });
    expect((await runInProcess(["check", one])).stdout).toContain(
      "1 tensor, architecture none: 0 problems",
    );
    expect((await runInProcess(["diff", one, one])).stdout).toContain("of 1 tensor 1 identical");
    expect([plural(0, "file"), plural(1, "file"), plural(2, "file")]).toEqual([
      "0 files",
      "1 file",
      "2 files",
    ]);
  });

  it("completes error codes behind explain", async () => {
    const { stdout } = await runInProcess(["completion", "bash"]);
    expect(stdout).toMatch(/explain\).*first="[^"]*WB2001 [^"]*WB9001/);
  });
});

describe("advice after an error", () => {
  const interrupted = new WbError("WB9001", "interrupted");

  it("to resume is for what can go on", () => {
    expect(hintFor(interrupted, "verify", [])).toBe("Run it again.");
    expect(hintFor(interrupted, "convert", [])).toContain("convert --resume");
  });

  it("names the user's own command", () => {
    const usage = new WbError("WB2001", "wrong");
    expect(hintFor(usage, "diff", [])).toBe("Run `weighbridge diff --help`.");
    expect(hintFor(usage, undefined, [])).toBe("Run `weighbridge --help`.");
  });
});

/** Compares two files, and gives both reports. */
async function reported(
  left: string,
  right: string,
  ...more: readonly string[]
): Promise<{ status: number; xml: string; md: string }> {
  const [xml, md] = [join(folder, "d.xml"), join(folder, "d.md")];
  const reports = ["--junit", xml, "--markdown", md];
  const { status } = await runInProcess(["diff", left, right, ...reports, ...more]);
  return { status, xml: readFileSync(xml, "utf8"), md: readFileSync(md, "utf8") };
}

describe("diff --junit --markdown", () => {
  it("has a case for each tensor, and a failure for each that differs", async () => {
    const left = vectors("left.safetensors", { 'a"<&': 2, b: 3 });
    const right = vectors("right.safetensors", { 'a"<&': 2, c: 3 });
    const { status, xml, md } = await reported(left, right, "--no-diagnose");
    expect(status).toBe(1);
    expect(xml).toContain('tests="3" failures="2"');
    expect(xml).toContain('name="a&quot;&lt;&amp;"/>');
    expect(xml).toMatch(/name="b">\n\s+<failure message="onlyLeft: \[3\]/);
    expect(md).toContain("❌ fail");
    expect(md).toContain("| `c` | onlyRight |");
  });

  it("passes equal files, and records a tolerance that was given", async () => {
    const one = vectors("same.safetensors", { a: 2 });
    const { status, xml, md } = await reported(one, one, "--max-abs", "1");
    expect(status).toBe(0);
    expect(xml).toContain('tests="1" failures="0"');
    expect(xml).toContain('<property name="weakened --max-abs 1"');
    expect(md).toContain("✅ pass");
    expect(md).toContain("Weakened: `--max-abs 1`");
  });

  it("fails where nothing was compared", async () => {
    const empty = vectors("empty.safetensors", {});
    const { status, xml, md } = await reported(empty, empty);
    expect(status).toBe(1);
    expect(xml).toContain('tests="1" failures="1"');
    expect(xml).toContain("nothing was compared");
    expect(md).toContain("Nothing was compared.");
  });
});

describe("colour", () => {
  it("is for terminals, and not under NO_COLOR or on a dumb terminal", () => {
    expect(showsColour({ isTTY: true }, {})).toBe(true);
    expect(showsColour({ isTTY: true }, { NO_COLOR: "" })).toBe(true);
    expect(showsColour({ isTTY: true }, { NO_COLOR: "1" })).toBe(false);
    expect(showsColour({ isTTY: true }, { TERM: "dumb" })).toBe(false);
    expect(showsColour({}, {})).toBe(false);
  });

  it("is on words of ours that begin a line", () => {
    const text = "PASS  model\n  PASS in a name\nerror WB3001: gone\nweakened: --force: x\n";
    expect(paint(text, false)).toBe(text);
    expect(paint(text, true)).toBe(
      "\u001B[1;32mPASS\u001B[0m  model\n  PASS in a name\n\u001B[1;31merror WB3001\u001B[0m: gone\n\u001B[1;33mweakened\u001B[0m: --force: x\n",
    );
  });
});

describe("progress in a pipe", () => {
  it("is a line after five seconds, then one a minute, with the time that is left", () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    try {
      const lines: string[] = [];
      const stream = { isTTY: false, columns: 0, write: (line: string) => lines.push(line) };
      const drawer = progressDrawer(stream);
      for (let second = 0; second <= 190; second++) {
        drawer.draw({ phase: "convert", done: second * 1e9, total: 380e9, unit: "bytes" });
        vi.advanceTimersByTime(1000);
      }
      expect(lines.map((line) => /(\d+)%/.exec(line)?.[1])).toEqual(["1", "17", "32", "48"]);
      expect(lines[1]).toContain("1.00 GB/s  5:15 left\n");
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("what an interrupted evaluation can go on from", () => {
  it("is named where it has answered something, however the option is written", () => {
    const details = join(folder, "answers.jsonl");
    const stopped = new WbError("WB9001", "interrupted");
    const words = ["eval", "model", "--details", details];
    expect(hintFor(stopped, "eval", words)).toBe("Run it again.");
    writeFileSync(`${details}.part`, "");
    const goesOn = `Run it again with --resume, which goes on from ${details}.part.`;
    expect(hintFor(stopped, "eval", words)).toBe(goesOn);
    expect(hintFor(stopped, "eval", ["eval", `--details=${details}`])).toBe(goesOn);
    expect(hintFor(stopped, "eval", ["eval", "model"])).toBe("Run it again.");
    expect(hintFor(stopped, "verify", words)).toBe("Run it again.");
  });
});
