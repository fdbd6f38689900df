import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { COMMANDS } from "../../src/cli/commands.ts";
import { describeCommand, describeSharedOptions } from "../../src/cli/describe.ts";
import { CHINESE_EVIDENCE } from "../../src/cli/language/chinese-evidence.ts";
import { CHINESE_HELP } from "../../src/cli/language/chinese-help.ts";
import { CHINESE_HINTS } from "../../src/cli/language/chinese-hints.ts";
import { CHINESE_MESSAGES } from "../../src/cli/language/chinese-messages.ts";
import { CHINESE_NOTES } from "../../src/cli/language/chinese-notes.ts";
import { CHINESE_RESULTS } from "../../src/cli/language/chinese-results.ts";
import { languageOf } from "../../src/cli/language/language.ts";
import { translator } from "../../src/cli/language/translate.ts";
import { CHINESE_WORDING } from "../../src/errors/chinese.ts";
import { ERROR_CODES } from "../../src/errors/codes.ts";
import { runInProcess } from "../support/cli-in-process.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";

const CATALOGUE = [
  ...CHINESE_MESSAGES,
  ...CHINESE_RESULTS,
  ...CHINESE_NOTES,
  ...CHINESE_EVIDENCE,
  ...CHINESE_HINTS,
];

describe("the language of a command line", () => {
  test.each([
    [[], {}, "en"],
    [[], { LANG: "zh_CN.UTF-8" }, "zh"],
    [[], { LANG: "zh_CN.UTF-8", LC_ALL: "C" }, "en"],
    [[], { LANG: "zh_CN.UTF-8", LC_ALL: "" }, "zh"],
    [[], { LANG: "en_US.UTF-8", LC_MESSAGES: "zh_TW" }, "zh"],
    [[], { LANG: "zha" }, "en"],
    [[], { LC_ALL: "C", WEIGHBRIDGE_LANG: "zh" }, "zh"],
    [["--lang", "zh"], { LANG: "en_US.UTF-8" }, "zh"],
    [["--lang=en"], { LANG: "zh_CN.UTF-8" }, "en"],
    [["--lang"], { LANG: "zh_CN.UTF-8" }, "zh"],
  ] as const)("%j with %j is %s", (words, env, language) => {
    expect(languageOf(words, env)).toBe(language);
  });
});

describe("texts by a catalogue", () => {
  const say = translator([
    ["expected {}, found {}", "应为 {}，实际为 {}"],
    ["{} bytes at {} failed", "在 {2} 处 {1} 字节失败"],
    ["no such file", "没有这个文件"],
    ["{} tensors", "{} 个张量"],
    ["dropped: {} ({})", "略去：{1}（{2*}）"],
  ]);

  test.each([
    ["no such file", "没有这个文件"],
    ["a/b.bin: no such file", "a/b.bin：没有这个文件"],
    ["a.bin: w: expected F32, found F16", "a.bin: w：应为 F32，实际为 F16"],
    ["12 bytes at 3 failed", "在 3 处 12 字节失败"],
    ["dropped: w (no such file, 3 tensors)", "略去：w（没有这个文件，3 个张量）"],
    ["dropped: no such file (unheard of)", "略去：no such file（unheard of）"],
    ["x: no such file\n  y: no such file", "x：没有这个文件\n  y：没有这个文件"],
    // What stands before a colon or a semicolon is a sentence of its own, and no name that a template takes first.
    ["seen: 4 bytes; of 9 bytes at 3 failed", "seen: 4 bytes; of 9 bytes at 3 failed"],
    ["nothing that is known", "nothing that is known"],
    ["", ""],
  ])("%j is %j", (english, chinese) => {
    expect(say(english)).toBe(chinese);
  });

  test("a long text of strangers takes no time to be told from a template", () => {
    const many = translator([["{} at {} at {} at {} at {} at {} failed", "{1}"]]);
    for (const piece of [" at ", ": ", "x: y at "]) {
      const text = piece.repeat(100_000);
      expect(many(text)).toBe(text);
    }
  });

  test("a template that would fit anything is refused", () => {
    expect(() => translator([["{}: {}", "{}：{}"]])).toThrow(RangeError);
  });
});

/** Places that a translation fills, each once. */
function placesOf(translation: string): readonly number[] {
  let next = 0;
  const found = [...translation.matchAll(/\{(\d*)\*?\}/g)].map(([, place]) =>
    place === "" ? ++next : Number(place),
  );
  return found.toSorted((left, right) => left - right);
}

/** What the parser of command lines says is not in the sources. */
const isOurs = (english: string): boolean => !english.startsWith("Missing required argument");

/** The longest piece of a template that is written in one place; a verdict is put before its sentence. */
function longestPiece(english: string): string {
  return english
    .replace(/^(?:PASS|FAIL) {2}/, "")
    .split("{}")
    .flatMap((part) => part.split(/[:;] |, | \(|\n/))
    .reduce((most, part) => (part.length > most.length ? part : most), "")
    .trim();
}

describe("the Chinese catalogue", () => {
  test.each(CATALOGUE)("%s", (english, chinese) => {
    const count = english.split("{}").length - 1;
    expect(placesOf(chinese)).toEqual(Array.from({ length: count }, (_, index) => index + 1));
    expect(chinese).not.toMatch(/[\u3400-\u9fff][,;:?!]|[,;:?!][\u3400-\u9fff]/u);
  });

  test("says nothing twice", () => {
    const texts = CATALOGUE.map(([english]) => english);
    expect(texts.filter((text, index) => texts.indexOf(text) !== index)).toEqual([]);
  });

  test("has only texts that the sources have", () => {
    const sources = readdirSync("src", { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts") && !name.startsWith("cli/language/"))
      .map((name) => readFileSync(join("src", name), "utf8"))
      .join("\n");
    const known = sources.replaceAll(/\\(["`$])/g, "$1");
    const lost = CATALOGUE.filter(
      ([english]) => isOurs(english) && !known.includes(longestPiece(english)),
    );
    expect(lost.map(([english]) => english)).toEqual([]);
  });

  test("has every summary, option and example of the help", () => {
    const texts = COMMANDS.map(describeCommand).flatMap(
      ({ summary, positionals, options, examples }) => [
        summary,
        ...[...positionals, ...options].map((parameter) => parameter.summary),
        ...examples.map(([, description]) => description),
      ],
    );
    const shared = describeSharedOptions().map(({ summary }) => summary);
    const wanted = new Set([...texts, ...shared].filter((text) => text !== ""));
    expect([...wanted].filter((text) => CHINESE_HELP[text] === undefined)).toEqual([]);
    expect(Object.keys(CHINESE_HELP).filter((text) => !wanted.has(text))).toEqual([]);
  });

  test("speaks Chinese of every error code", () => {
    expect(Object.keys(CHINESE_WORDING).toSorted()).toEqual(Object.keys(ERROR_CODES).toSorted());
    for (const [code, { title, meaning, remedy }] of Object.entries(CHINESE_WORDING)) {
      for (const text of [title, meaning, remedy])
        expect([code, text]).toEqual([code, expect.stringMatching(/[\u3400-\u9fff]/u)]);
      expect(meaning).toMatch(/。$/);
    }
  });
});

describe("on the command line", () => {
  afterEach(() => vi.unstubAllEnvs());

  test("explain, an error and its hint, help and a verdict are in Chinese", async () => {
    const explained = await runInProcess(["explain", "WB3702", "--lang", "zh"]);
    expect(explained.stdout).toMatch(/^WB3702: 张量不是这个模型的\n/);
    const missing = await runInProcess(["inspect", "gone.bin", "--lang", "zh"]);
    expect(missing).toMatchObject({ status: 3, stdout: "" });
    expect(missing.stderr).toBe(
      "错误 WB3001：没有这个文件或文件夹\n  gone.bin：没有这个文件或文件夹\n  检查路径；模型文件夹中应有 config.json 与至少一个权重文件。\n  （weighbridge explain WB3001）\n",
    );
    const wrong = await runInProcess(["verify", "x", "--colour", "--lang=zh"]);
    expect(wrong.stderr).toContain("运行 `weighbridge verify --help`。");
    const help = await runInProcess(["verify", "--help", "--lang", "zh"]);
    expect(help.stdout).toContain("证明模型的计算仍然相同；不同时说明错在哪里");
    expect(help.stdout).toContain("选项：");
    vi.stubEnv("LC_ALL", "zh_CN.UTF-8");
    const model = join(FIXTURES, "internlm-tiny");
    const same = await runInProcess(["diff", model, join(FIXTURES, "safetensors-single")]);
    expect(same.stdout).toMatch(/^通过 {2}权重一致：42 个张量中 42 个相同\n/);
  });

  test("what a verdict covers, notes, and lines of every command are whole sentences in Chinese", async () => {
    const model = join(FIXTURES, "internlm-tiny");
    const golden = join(FIXTURES, "goldens/f16.safetensors");
    const verified = await runInProcess(
      ["verify", model, "--golden", golden, "--device", "wasm", "--lang", "zh"],
      FIXTURES,
    );
    expect(verified.stdout).toMatch(/覆盖：30 个词元、32 个位置、42 个张量；/);
    expect(verified.stdout).toMatch(/未触及：model\.embed_tokens\.weight 的 384 行中有 354 行：/);
    expect(verified.stderr).toMatch(/略去：.*：取用 pytorch_model\.bin；/);
    const ids = ["logits", model, "--input-ids", "1,2", "--device", "wasm", "--lang", "zh"];
    expect((await runInProcess(ids)).stdout).toMatch(
      /^提示词 0：2 个词元，2 个位置；在位置 1 之后：/,
    );
  });

  test("JSON is the same in every language", async () => {
    const words = ["inspect", "gone.bin", "--json"];
    const english = await runInProcess(words);
    const chinese = await runInProcess([...words, "--lang", "zh"]);
    expect(chinese.stdout).toBe(english.stdout);
  });

  test("a language that there is not is refused", async () => {
    const { status, stderr } = await runInProcess(["doctor", "--lang", "fr"]);
    expect(status).toBe(2);
    expect(stderr).toContain('--lang: expected one of en, zh, found "fr"');
  });
});
