import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "../..");

it("what the nightly run names is there: its tests, its scripts, the variables that they read", () => {
  const workflow = readFileSync(join(ROOT, ".github/workflows/nightly.yml"), "utf8");
  const commands = [...workflow.matchAll(/^ +run: (.*(?:vitest|scripts\/).*)$/gm)].map(
    ([, command = ""]) => command,
  );
  expect(commands.length).toBeGreaterThan(6);
  const sources = readdirSync(join(ROOT, "test"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => readFileSync(join(ROOT, "test", name), "utf8"))
    .join("\n");
  for (const command of commands) {
    const named = /(?:test|scripts)\/[\w./-]+\.(?:ts|mjs)/.exec(command)?.[0] ?? "";
    expect([command, named !== "" && existsSync(join(ROOT, named))]).toEqual([command, true]);
    const [, variable] = /^(WEIGHBRIDGE_\w+)=/.exec(command) ?? [];
    if (variable !== undefined) expect(sources).toContain(`process.env["${variable}"]`);
  }
});
