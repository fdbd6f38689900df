import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FIXTURES } from "../support/fixture-manifest.ts";
import { compileSchema } from "../support/json-schema.ts";

const CLI = join(import.meta.dirname, "../../bin/weighbridge.js");
const TINY = join(FIXTURES, "internlm-tiny");
const GREEDY = ["--device", "wasm", "--no-do-sample", "--max-new-tokens", "4"];

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-chat-cli-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function chat(input: string, ...args: readonly string[]): Run {
  const all = [CLI, "chat", TINY, ...GREEDY, ...args];
  return spawnSync(process.execPath, all, { input, encoding: "utf8", cwd: folder });
}

describe("chat through a pipe", () => {
  it("gives one answer a line on stdout, and all else on stderr", () => {
    const { status, stdout, stderr } = chat("hello\r\n\n  \nthe wagon\n");
    expect(status).toBe(0);
    expect(stdout.split("\n")).toHaveLength(3);
    expect(stdout.endsWith("\n")).toBe(true);
    expect(stderr).toContain("template: internlm-2023-07 (config.json is InternLM's of 2023-07");
    expect(stderr).toContain("cut after 4 tokens");
    expect(stderr).not.toContain("> ");
    expect(chat("hello").stdout).toBe(`${stdout.split("\n")[0] ?? ""}\n`);
  });

  it("does what lines that begin with / say", () => {
    const input =
      "hello\n/save talk.json\n/save talk.json\n/reset\n/system\n/help\n/nothing\n/exit\nhello\n";
    const { status, stdout, stderr } = chat(input);
    expect(status).toBe(0);
    expect(stdout.split("\n")).toHaveLength(2);
    for (const line of [
      "saved 2 messages: talk.json",
      "talk.json: is there already",
      "forgotten",
      "no system message",
      "/system TEXT",
      "/nothing: no such command; /help lists them",
    ])
      expect(stderr).toContain(line);
    const saved: unknown = JSON.parse(readFileSync(join(folder, "talk.json"), "utf8"));
    expect(saved).toEqual([
      { role: "user", content: "hello" },
      { role: "assistant", content: stdout.trimEnd() },
    ]);
    const args = ["generate", TINY, "--chat", "--messages", join(folder, "talk.json"), "--json"];
    expect(spawnSync(process.execPath, [CLI, ...args, "--device", "wasm"]).status).toBe(2);
  });

  it("asks what begins with / when it is doubled", () => {
    const { stdout } = chat("//help\n/save slash.json\n");
    expect(stdout).not.toBe("");
    const saved: unknown = JSON.parse(readFileSync(join(folder, "slash.json"), "utf8"));
    expect(saved).toContainEqual({ role: "user", content: "/help" });
  });

  it("prints one document with --json", () => {
    const { status, stdout } = chat("hello\nthe\n", "--json");
    expect(status).toBe(0);
    const document: unknown = JSON.parse(stdout);
    const validate = compileSchema("chat", true);
    validate(document);
    expect(validate.errors ?? []).toEqual([]);
    expect(document).toMatchObject({
      command: "chat",
      ok: true,
      template: "internlm-2023-07",
      messages: [{ role: "user" }, { role: "assistant" }, { role: "user" }, { role: "assistant" }],
      turns: [
        { finish: "length", newTokens: 4 },
        { finish: "length", droppedTurns: 0 },
      ],
    });
  });

  it("ends with the error's code at a question that cannot be asked", () => {
    const { status, stderr } = chat(`${"x".repeat(80)}\nhello\n`);
    expect(status).toBe(2);
    expect(stderr).toContain("error WB2801: the question makes a prompt of");
    expect(chat("hello\n", "--template", "nothing").stderr).toContain("error WB2803");
    expect(chat("/save no/such/folder.json\n").status).toBe(6);
  });
});

describe("an interrupted chat (Ctrl-C from another program)", () => {
  it("ends with 130 when it comes at the prompt", async () => {
    const child = spawn(process.execPath, [CLI, "chat", TINY, ...GREEDY], { cwd: folder });
    let stderr = "";
    child.stderr.on("data", (bytes: Buffer) => {
      stderr += bytes.toString();
      if (stderr.includes("template:")) setTimeout(() => child.kill("SIGINT"), 200);
    });
    const code = await new Promise((resolve) => child.on("exit", resolve));
    expect(code).toBe(130);
    expect(stderr).toContain("error WB9001");
  });
});

it("the command line that is run is built", () => {
  expect(existsSync(join(import.meta.dirname, "../../dist/cli/main.js"))).toBe(true);
});
