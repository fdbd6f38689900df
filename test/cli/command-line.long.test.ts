import { describe, expect, it } from "vitest";
import { optionalChoice } from "../../src/cli/arguments.ts";
import { commandLine } from "../../src/cli/command-line.ts";
import { nameOf, type Arguments } from "../../src/cli/command.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { describeCommand } from "../../src/cli/describe.ts";
import { ENGLISH } from "../../src/cli/language/speech.ts";
import { DEVICES, TARGET_FORMATS } from "../../src/options/choices.ts";
import { caught } from "../support/caught.ts";
import { runCli } from "../support/cli.ts";

const NO_SETTINGS = { environment: {}, file: undefined };

interface Parsed {
  readonly name: string;
  readonly args: Arguments;
}

/** Parses a command line and runs nothing. */
async function parse(...words: readonly string[]): Promise<Parsed> {
  const found: Parsed[] = [];
  const parser = commandLine(NO_SETTINGS, words, ENGLISH, (command, args) => {
    found.push({ name: nameOf(command), args });
    return Promise.resolve();
  });
  await parser.parseAsync([...words]);
  const [only] = found;
  if (only === undefined) throw new Error("no command was reached");
  return only;
}

/** The words of an example as a shell splits them, up to a redirection; variables set before are left out. */
function wordsOf(example: string): readonly string[] {
  const [command = ""] = example.split(" > ");
  const words: readonly string[] = command.match(/'[^']*'|\S+/g) ?? [];
  return words.slice(words.indexOf("$0") + 1).map((word) => word.replaceAll("'", ""));
}

describe("examples of the help", () => {
  it.each(COMMANDS.map((command) => ({ name: nameOf(command), examples: command.examples })))(
    "$name has at least three, and each parses",
    async ({ name, examples }) => {
      expect(examples.length).toBeGreaterThanOrEqual(3);
      for (const [example] of examples) {
        expect((await parse(...wordsOf(example))).name).toBe(name);
      }
    },
  );
});

async function message(...words: readonly string[]): Promise<string> {
  return (await caught(() => parse(...words))).message;
}

describe("a command line with a slip", () => {
  it("names the nearest command", async () => {
    expect(await message("convrt", "a", "b")).toMatchInlineSnapshot(
      `"there is no command convrt; did you mean convert?"`,
    );
    expect(await message("xyzzyx")).toMatchInlineSnapshot(`"there is no command xyzzyx"`);
  });

  it("names the nearest option of the command", async () => {
    expect(await message("convert", "a", "b", "--max-shrad-size", "5GB")).toMatchInlineSnapshot(
      `"convert has no --max-shrad-size; did you mean --max-shard-size?"`,
    );
    expect(
      await message("generate", "m", "--temprature=1", "--top_p", "0.8"),
    ).toMatchInlineSnapshot(
      `"generate has no --temprature; did you mean --temperature?; generate has no --top_p; did you mean --top-p?"`,
    );
  });

  it("names the nearest choice of an option", async () => {
    const slips = [];
    for (const to of ["safetensor", "onnx"])
      slips.push(await caught(() => optionalChoice({ to }, "to", TARGET_FORMATS)));
    expect(slips[0]?.message).toMatchInlineSnapshot(
      `"--to: expected one of safetensors, pytorch, paddle, gguf, found "safetensor"; did you mean safetensors?"`,
    );
    expect(slips[1]?.message).toMatchInlineSnapshot(
      `"--to: expected one of safetensors, pytorch, paddle, gguf, found "onnx""`,
    );
    const gpu = await caught(() => optionalChoice({ device: "gpu" }, "device", DEVICES));
    expect(gpu.message).toMatchInlineSnapshot(
      `"--device: expected one of auto, cuda, cpu, wasm, found "gpu"; did you mean cuda?"`,
    );
  });

  it("shows what a command takes when an argument is missing, and an option that took it", async () => {
    expect(await message("convert", "a")).toMatchInlineSnapshot(
      `"too few arguments: weighbridge convert <src> <dst>"`,
    );
    expect(await message("inspect", "--jsn", "model")).toMatchInlineSnapshot(
      `"inspect has no --jsn; did you mean --json?"`,
    );
  });

  it("says what to run for help with the command that was meant", () => {
    const hints = [["convert", "a"], ["xyzzyx"], [], ["inspect", ""]].map(
      (words) => runCli(...words).json,
    );
    expect(hints).toMatchObject([
      { command: "convert", error: { hint: "Run `weighbridge convert --help`." } },
      { command: "xyzzyx", error: { hint: "Run `weighbridge --help`." } },
      { command: "", error: { hint: "Run `weighbridge --help`." } },
      { command: "inspect", error: { message: "model is missing" } },
    ]);
  });

  it("suggests nothing that is as far away as near", async () => {
    expect(await message("bogus")).toBe("there is no command bogus");
  });

  it("names an argument too many", async () => {
    expect(await message("convert", "a", "b", "c")).toMatchInlineSnapshot(
      `"convert takes no further argument: c"`,
    );
  });
});

describe("descriptions of commands", () => {
  it.each(COMMANDS.map((command) => describeCommand(command)))(
    "$name says what each of its options and arguments is",
    ({ usage, summary, options, positionals }) => {
      expect(summary).not.toBe("");
      expect(positionals.length).toBe(usage.split(" ").length - 1);
      const silent = [...options, ...positionals].filter((parameter) => parameter.summary === "");
      expect(silent).toEqual([]);
    },
  );
});
