import { execFileSync, spawnSync } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { COMMANDS } from "../../src/cli/commands.ts";
import { findSettings } from "../../src/cli/find-settings.ts";
import { caught } from "../support/caught.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";
import { isRecord } from "../support/is-record.ts";

const PROGRAM = join(import.meta.dirname, "../../bin/weighbridge.js");
const TINY = join(FIXTURES, "internlm-tiny");
const CONFIG = "weighbridge.config.json";

let folder = "";
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "weighbridge-trust-")));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Run {
  readonly status: number | null;
  readonly json: Readonly<Record<string, unknown>>;
  readonly stderr: string;
  /** "WB2002: …", or empty. */
  readonly error: string;
}

function run(
  cwd: string,
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Run {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...words, "--json"], {
    cwd,
    encoding: "utf8",
    env: { ...process.env, ...env },
    timeout: 60_000,
  });
  const json: unknown = JSON.parse(stdout);
  if (!isRecord(json)) throw new Error(stdout);
  const { error } = json;
  const text = isRecord(error) ? `${String(error["code"])}: ${String(error["message"])}` : "";
  return { status, json, stderr, error: text };
}

function settings(place: string, values: unknown): string {
  mkdirSync(place, { recursive: true });
  const path = join(place, CONFIG);
  writeFileSync(path, JSON.stringify(values));
  return path;
}

/** A model's folder with a settings file that would end every command. */
function strangeModel(): string {
  const model = join(folder, "model");
  mkdirSync(join(model, "checkpoints/last"), { recursive: true });
  for (const name of ["config.json", "pytorch_model.bin"])
    copyFileSync(join(TINY, name), join(model, name));
  settings(model, { device: 1 });
  settings(join(model, "checkpoints/last"), { device: 1 });
  return model;
}

describe("a settings file", () => {
  it("of the working directory is used, and named on stderr and in the document", () => {
    const path = settings(folder, { check: { "source-layout": "torch" }, quiet: false });
    const wrong = run(folder, ["check", TINY]);
    expect(wrong.error).toContain(`${path}: check.source-layout: this command has no such option`);
    settings(folder, { inspect: {}, diff: { "source-layout": "torch" } });
    const { json, stderr, status } = run(folder, ["diff", TINY, TINY]);
    expect(status).toBe(0);
    expect(stderr).toContain(`settings: ${path}: --source-layout torch\n`);
    expect(json["settings"]).toEqual({
      file: path,
      options: [{ name: "source-layout", value: "torch", origin: path }],
    });
  });

  it("counts an option of the command line as the command line's", () => {
    const path = settings(folder, { "source-layout": "torch" });
    const { json } = run(folder, ["diff", TINY, TINY, "--source-layout=torch"]);
    expect(json["settings"]).toEqual({ file: path, options: [] });
  });

  it("in or below a model's folder is never read, wherever the command is called", () => {
    const model = strangeModel();
    for (const cwd of [model, join(model, "checkpoints"), join(model, "checkpoints/last")]) {
      const { status, json, stderr } = run(cwd, ["check", model]);
      expect([cwd, status]).toEqual([cwd, 0]);
      if (cwd.endsWith("checkpoints")) continue;
      expect(stderr).toContain(`settings: ${join(cwd, CONFIG)} is not read: it is in ${model}`);
      expect(json["settings"]).toMatchObject({ file: null, notRead: { file: join(cwd, CONFIG) } });
      // Whatever the command names: the folder itself shows whose it is.
      expect(run(cwd, ["explain", "WB2002"]).stderr).toContain("it is in the folder of a model");
    }
  });

  it("beside a file that the command names is that model's", () => {
    const odd = join(folder, "weights");
    copyFileSync(join(TINY, "pytorch_model.bin"), odd);
    settings(folder, { device: 1 });
    expect(run(folder, ["inspect", "weights"]).status).toBe(0);
    symlinkSync(folder, join(folder, "../weighbridge-trust-link"));
    try {
      const link = join(folder, "../weighbridge-trust-link/weights");
      expect(run(folder, ["inspect", link]).status).toBe(0);
    } finally {
      rmSync(join(folder, "../weighbridge-trust-link"));
    }
  });

  it("that WEIGHBRIDGE_CONFIG names is refused in a model's folder, also through a link", () => {
    const model = strangeModel();
    const link = join(folder, "mine.json");
    symlinkSync(join(model, CONFIG), link);
    for (const path of [join(model, CONFIG), link]) {
      const { status, error } = run(folder, ["explain"], { WEIGHBRIDGE_CONFIG: path });
      expect([status, error]).toEqual([
        2,
        expect.stringContaining("it is in the folder of a model"),
      ]);
    }
  });

  it("beside a golden and a converted model is the user's own", () => {
    const path = settings(folder, { "source-layout": "torch" });
    writeFileSync(join(folder, "golden.safetensors"), "");
    mkdirSync(join(folder, "converted"));
    copyFileSync(join(TINY, "config.json"), join(folder, "converted/config.json"));
    writeFileSync(join(folder, "config.json"), '{"port": 1}');
    const { json } = run(folder, ["diff", TINY, TINY]);
    expect(json["settings"]).toMatchObject({ file: path });
  });

  it.each([
    [{ verify: { "tolerance-profil": "strict" } }, "did you mean tolerance-profile?"],
    [{ "tolerance-profil": "strict" }, "did you mean tolerance-profile?"],
    [{ verfy: { diagnose: true } }, "did you mean verify?"],
    [{ device: "gpu" }, "expected one of auto, cuda, cpu, wasm"],
    [{ convert: { dtype: "BF61" } }, "did you mean BF16?"],
    [{ convert: true }, "convert: expected object, found true"],
    [{ generate: { "top-p": "much" } }, 'generate.top-p: expected number, found "much"'],
    [{ convert: { force: true } }, "convert.force: only the command line may set this"],
    [{ convert: { verify: false } }, "convert.verify: only the command line may set this"],
    [{ serve: { host: "0.0.0.0" } }, "serve.host: only the command line may set this"],
    [{ "api-key": "k" }, "api-key: only the command line may set this"],
    [{ verify: { "max-abs": 1000 } }, "verify.max-abs: only the command line may set this"],
    [{ scan: { "allow-unexamined": true } }, "only the command line may set this"],
    [{ eval: { "max-changed": 9 } }, "eval.max-changed: only the command line may set this"],
    [{ eval: { "max-lost": 5 } }, "eval.max-lost: only the command line may set this"],
    [{ eval: { "error-rate": 0.5 } }, "eval.error-rate: only the command line may set this"],
    [{ "skip-bad": true }, "skip-bad: only the command line may set this"],
    [{ eval: { execute: true } }, "eval.execute: only the command line may set this"],
    [{ device: null }, "device: expected string, found null"],
    [{ device: ["wasm"] }, "device: expected string, found"],
    [[], "expected a JSON object"],
  ])("with %j is refused, whatever the command", async (values, message) => {
    settings(folder, values);
    const error = await caught(() => findSettings({}, folder, () => [], COMMANDS));
    expect(error.code).toBe("WB2002");
    expect(error.message).toContain(message);
  });

  it("that is no plain file, too large, or has a key twice is refused at once", () => {
    const path = join(folder, CONFIG);
    const refused = (): string => run(folder, ["explain"]).error;
    mkdirSync(path);
    expect(refused()).toContain("expected a plain file");
    rmSync(path, { recursive: true });
    execFileSync("mkfifo", [path]);
    expect(refused()).toContain("expected a plain file");
    rmSync(path);
    writeFileSync(path, `{"device":"wasm"${" ".repeat(70_000)}}`);
    expect(refused()).toContain("larger than 65536 bytes");
    writeFileSync(path, '{"device":"wasm","device":"cpu"}');
    expect(refused()).toContain('the key "device" is there twice');
    writeFileSync(path, "{");
    expect(refused()).toMatch(/^WB2002: /);
  });

  it("has a companion in variables, whose slips are refused, too", () => {
    const slip = run(folder, ["explain"], { WEIGHBRIDGE_TOLERANCE_PROFIL: "strict" });
    expect(slip.error).toBe(
      "WB2002: WEIGHBRIDGE_TOLERANCE_PROFIL: sets nothing; did you mean WEIGHBRIDGE_TOLERANCE_PROFILE?",
    );
    const other = run(folder, ["explain", "WB2001"], { WEIGHBRIDGE_VERSION: "1" });
    expect(other.status).toBe(0);
    const target = join(folder, "out");
    const forced = run(folder, ["convert", TINY, target], { WEIGHBRIDGE_FORCE: "true" });
    expect(forced.error).toContain("WEIGHBRIDGE_FORCE: only the command line may set this");
    const named = run(folder, ["diff", TINY, TINY], { WEIGHBRIDGE_SOURCE_LAYOUT: "torch" });
    expect(named.stderr).toContain("settings: WEIGHBRIDGE_SOURCE_LAYOUT: --source-layout torch\n");
  });
});

describe("a weakened check", () => {
  const FORCE = { option: "--force", effect: "what the target folder held may be replaced" };
  const UNREAD = {
    option: "--no-verify",
    effect: "what was written is not read back from the disk",
  };

  it("of a conversion is printed and stands in the document and the manifest", () => {
    const target = join(folder, "out");
    const manifest = (): Readonly<Record<string, unknown>> => {
      const value: unknown = JSON.parse(
        readFileSync(join(target, "weighbridge.manifest.json"), "utf8"),
      );
      return isRecord(value) ? value : {};
    };
    expect(run(folder, ["convert", TINY, target]).json["weakened"]).toEqual([]);
    expect(manifest()["weakened"]).toBeUndefined();
    const { json, stderr } = run(folder, ["convert", TINY, target, "--force", "--no-verify"]);
    expect(json["weakened"]).toEqual([FORCE, UNREAD]);
    expect(manifest()["weakened"]).toEqual([FORCE, UNREAD]);
    expect(stderr).toContain(`weakened: --no-verify: ${UNREAD.effect}\n`);
    // The same conversion, asked for more carefully, is done already.
    expect(run(folder, ["convert", TINY, target, "--resume"]).status).toBe(0);
  });

  it("of a comparison is printed and stands in the document", () => {
    const { json, stderr } = run(folder, ["diff", TINY, TINY, "--max-abs", "0.5"]);
    expect(json["weakened"]).toEqual([
      { option: "--max-abs 0.5", effect: "the tolerance on differences was given by hand" },
    ]);
    expect(stderr).toContain("weakened: --max-abs 0.5: ");
  });

  it("of a verification stands in all its reports", () => {
    const names = ["v.html", "v.xml", "v.md"] as const;
    const [html, xml, md] = names.map((name) => join(folder, name));
    const sides = ["verify", join(TINY, "pytorch_model.bin"), join(TINY, "model_state.pdparams")];
    const loose = ["--device", "wasm", "--tolerance-profile", "loose", "--no-weights"];
    const reports = ["--report", html ?? "", "--junit", xml ?? "", "--markdown", md ?? ""];
    const { json } = run(folder, [...sides, "--input-ids", "1,7", ...loose, ...reports]);
    expect(json["weakened"]).toEqual([
      { option: "--tolerance-profile loose", effect: "sixteen times the usual tolerance" },
      { option: "--no-weights", effect: "the tensors themselves are not compared" },
    ]);
    const [inHtml = "", inXml = "", inMd = ""] = names.map((name) =>
      readFileSync(join(folder, name), "utf8"),
    );
    expect(inHtml).toContain("<code>--no-weights</code>: the tensors themselves are not compared");
    expect(inXml).toContain('<property name="weakened --no-weights" value="the tensors themselves');
    expect(inMd).toContain(
      "Weakened: `--tolerance-profile loose`: sixteen times the usual tolerance.",
    );
  });
});
