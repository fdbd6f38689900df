import { join } from "node:path";
import { expect, it } from "vitest";
import type { CommandContext } from "../../src/cli/command.ts";
import { generate } from "../../src/cli/commands/generate.ts";
import { ENGLISH } from "../../src/cli/language/speech.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";

it("ends the answer's line before a note is written to the same terminal", async () => {
  const written: { readonly by: "stream" | "note"; readonly text: string }[] = [];
  const context: CommandContext = {
    signal: new AbortController().signal,
    onInterrupt: () => () => undefined,
    json: false,
    quiet: false,
    verbose: false,
    speech: ENGLISH,
    colour: false,
    progress: () => undefined,
    note: (text) => written.push({ by: "note", text }),
    stream: (text) => written.push({ by: "stream", text }),
  };
  const args = {
    model: join(FIXTURES, "internlm-tiny/pytorch_model.bin"),
    prompt: "hello",
    device: "wasm",
    "max-new-tokens": 2,
  };
  await generate.run(args, context);
  const firstNote = written.findIndex(({ by }) => by === "note");
  expect(firstNote).toBeGreaterThan(1);
  expect(written[firstNote - 1]).toEqual({ by: "stream", text: "\n" });
  expect(written.slice(firstNote).every(({ by }) => by === "note")).toBe(true);
});
