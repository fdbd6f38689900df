import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseCsv } from "../../src/evaluate/data/csv.ts";
import { drawn } from "../../src/evaluate/data/draw.ts";
import { readQuestions } from "../../src/evaluate/data/questions.ts";
import { fill } from "../../src/evaluate/prompts/fill.ts";
import { findTasks, shippedTasks } from "../../src/evaluate/tasks/find-tasks.ts";
import { parseTasks } from "../../src/evaluate/tasks/parse-task.ts";
import { caught } from "../support/caught.ts";
import { copiedData, DATA, scratchFolder } from "../support/evaluation.ts";

const folder = scratchFolder();

describe("CSV", () => {
  it("is read as it was written, whatever its fields hold", () => {
    const field = fc.string({
      unit: fc.constantFrom("a", ",", '"', "\n", "\r", "\t", " ", "{}", "é", "语"),
    });
    fc.assert(
      fc.property(fc.array(fc.array(field, { minLength: 2, maxLength: 4 })), (records) => {
        const text = records
          .map((record) => record.map((value) => `"${value.replaceAll('"', '""')}"`).join(","))
          .join("\r\n");
        const read = records.map((record) =>
          record.map((value) => value.replaceAll(/\r\n?/g, "\n")),
        );
        expect(parseCsv(text)).toEqual(read);
      }),
    );
  });

  it("leaves out empty lines and keeps empty fields", () => {
    expect(parseCsv('a,,\n\n"x""y",b\n')).toEqual([
      ["a", "", ""],
      ['x"y', "b"],
    ]);
  });

  it("has line ends as Python's text files give them, also inside quotes", () => {
    expect(parseCsv('"a\r\nb\rc",d\r"e\n",f\r\n')).toEqual([
      ["a\nb\nc", "d"],
      ["e\n", "f"],
    ]);
  });
});

describe("templates", () => {
  it("are filled column by column, so that a value's own braces count for later columns", () => {
    const columns = new Map([
      ["question", String.raw`\mathrm{A} of {x} and {{B}}`],
      ["A", "one"],
      ["B", "$&"],
    ]);
    expect(fill("{question}|{A}", columns)).toBe(String.raw`\mathrmone of {x} and {$&}|one`);
  });
});

describe("the tasks that are shipped", () => {
  it("are those of the model page, each with both ways of asking", async () => {
    const tasks = await shippedTasks();
    const count = (group: string): number => tasks.filter((task) => task.group === group).length;
    expect([count("mmlu"), count("ceval"), count("agieval")]).toEqual([57, 52, 21]);
    expect(tasks.filter(({ base, chat }) => base === undefined || chat === undefined)).toEqual([]);
    expect(new Set(tasks.map(({ name }) => name)).size).toBe(tasks.length);
  });

  it("are found by name, group and family, each once, and a name that is none is answered with the near ones", async () => {
    const names = (await findTasks(["bustm", "agieval/math", "agieval/math", "gsm8k"])).map(
      ({ name }) => name,
    );
    expect(names).toEqual(["bustm/dev", "bustm/test", "agieval/math", "gsm8k"]);
    const error = await caught(() => findTasks(["ceval/magic"]));
    expect([error.code, error.message]).toEqual(["WB2922", expect.stringContaining("ceval/law")]);
  });
});

describe("a task file", () => {
  const task = {
    task: "mine",
    rows: { file: "mine.jsonl", format: "jsonl" },
    answer: "{right}",
    base: { kind: "ppl", prompt: "{question} {choice}", choices: { yes: "Yes", no: "No" } },
  };

  const examples = { file: "x.jsonl", first: 1, text: "{question}" };
  const shown = { ...examples, text: "{question} {choice}" };
  const turns = [{ human: "{question}" }, { bot: "{choice}" }];
  const gen = {
    kind: "gen",
    prompt: "{question}",
    maxNewTokens: 1,
    answerFrom: "whole",
    metric: "equal",
  };

  it.each([
    [{ ...task, rwos: 1 }, "rwos"],
    [{ ...task, answer: 5 }, "answer"],
    [{ ...task, base: undefined }, "base"],
    [{ ...task, rows: { file: "x", format: "xml" } }, "rows.format"],
    [{ ...task, base: { ...task.base, choices: { yes: "Yes" } } }, "base.choices"],
    [{ ...task, base: { ...task.base, kind: "gen" } }, "base.maxNewTokens"],
    [{ ...task, base: { ...task.base, prompt: [{ user: "x" }] } }, "base.prompt"],
    [{ ...task, subsets: [{ title: "x" }] }, "subsets"],
    [{ ...task, subsets: ["a", "b"] }, "subsets"],
    [{ ...task, subsets: ["a", "a"], answer: "{name}" }, "subsets"],
    [{ ...task, subsets: ["a\nb"], answer: "{name}" }, "subsets.name"],
    [{ ...task, task: " " }, "task"],
    [{ ...task, task: "a\nPASS" }, "task"],
    [{ ...task, rows: { ...task.rows, file: "" } }, "rows.file"],
    [{ ...task, rows: { ...task.rows, file: "a\0b" } }, "rows.file"],
    [{ ...task, rows: { ...task.rows, columns: ["a"] } }, "rows.columns"],
    [{ ...task, rows: { file: "x", format: "csv", columns: ["a", "a"] } }, "rows.columns"],
    [{ ...task, base: { ...task.base, prompt: 3 } }, "base.prompt"],
    [{ ...task, base: { ...task.base, prompt: "{question}" } }, "base.prompt"],
    [{ ...task, base: { ...task.base, prompt: [{ human: "{question}" }] } }, "base.prompt"],
    [{ ...task, base: { ...task.base, choices: { yes: "Yes", no: "Yes" } } }, "base.choices"],
    [{ ...task, base: { ...task.base, examples } }, "base.prompt"],
    [{ ...task, base: { ...task.base, prompt: "{examples}{choice}" } }, "base.examples"],
    [{ ...task, base: { ...task.base, prompt: [{ bot: "{examples}{choice}" }] } }, "base.prompt"],
    [
      { ...task, base: { ...task.base, prompt: "{examples}{choice}", examples: shown } },
      "base.examples",
    ],
    [
      { ...task, base: { ...task.base, continuation: { context: "Q", by: "sum" } } },
      "base.continuation.context",
    ],
    [
      { ...task, base: { ...task.base, continuation: { context: "", by: "sum" }, prompt: turns } },
      "base.continuation.context",
    ],
    [{ ...task, base: { ...gen, prompt: "{question}{choice}" } }, "base.prompt"],
    [{ ...task, base: { ...gen, stop: ["x", ""] } }, "base.stop"],
    [[task], ""],
  ])("is refused with the field that is wrong: %j", async (value, field) => {
    const error = await caught(() => parseTasks(value, "mine.json"));
    expect([error.code, error.details]).toEqual(["WB2921", { path: "mine.json", field }]);
  });

  it("tells of a field that there is not, with those that there are", async () => {
    const value = { ...task, base: { ...task.base, examples: { ...examples, texts: "x" } } };
    const { message } = await caught(() => parseTasks(value, "mine.json"));
    const known = "file, format, columns, first, turns, text, after, end, optional";
    expect(message).toBe(
      `mine.json: base.examples.texts: there is no such field; known here: ${known}`,
    );
  });

  it("puts a subset's texts into every template", () => {
    const fields = { said: { template: "{title}: {question}" } };
    const value = {
      ...task,
      subsets: [{ name: "a", title: "A" }],
      fields,
      id: "{name}",
      answer: "{title}",
    };
    const [own] = parseTasks(value, "mine.json");
    expect([own?.name, own?.id, own?.answer, own?.fields.get("said")]).toEqual([
      "mine/a",
      "a",
      "A",
      { template: "A: {question}" },
    ]);
  });

  it("may not have the name of another one that is asked", async () => {
    const paths = ["one.json", "other.json"].map((name) => join(folder, name));
    for (const path of paths) writeFileSync(path, JSON.stringify(task));
    expect((await findTasks([paths[0] ?? "", paths[0] ?? ""])).length).toBe(1);
    const error = await caught(() => findTasks(paths));
    expect([error.code, error.message]).toEqual([
      "WB2922",
      expect.stringMatching(/other\.json: expected tasks of different names, found another mine$/),
    ]);
  });

  it("is read from where it is, and a missing one is named", async () => {
    const path = join(folder, "mine.json");
    writeFileSync(path, JSON.stringify(task));
    expect((await findTasks([path])).map(({ name }) => name)).toEqual(["mine"]);
    expect((await caught(() => findTasks([`${path}.json`]))).code).toBe("WB3921");
    writeFileSync(path, "{");
    expect((await caught(() => findTasks([path]))).code).toBe("WB2921");
  });
});

/** Questions of one task of the fixture's data after a change of one of its files. */
async function questionsAfter(
  name: string,
  file: string,
  change: (text: string) => string,
  skipBad = false,
): ReturnType<typeof readQuestions> {
  const data = copiedData(folder);
  const path = join(data, file);
  writeFileSync(path, change(readFileSync(path, "utf8")));
  const [task] = await findTasks([name]);
  const way = task?.base;
  if (task === undefined || way === undefined) throw new Error("no such task");
  return readQuestions(task, way, { data, skipBad });
}

describe("rows", () => {
  const MMLU = "mmlu/test/anatomy_test.csv";
  const RACE = "race/test/high.jsonl";

  it.each([
    [
      "a column is missing",
      "mmlu/anatomy",
      MMLU,
      (text: string) => text.replace(",15", ""),
      "expected 6 columns",
    ],
    [
      "there is one too many",
      "mmlu/anatomy",
      MMLU,
      (text: string) => text.replace(",15", ",15,x"),
      "found 7",
    ],
    [
      "the answer is no label",
      "mmlu/anatomy",
      MMLU,
      (text: string) => text.replace(/,[A-D]\n/, ",E\n"),
      "found E",
    ],
    [
      "the answer is empty",
      "mmlu/anatomy",
      MMLU,
      (text: string) => text.replace(/,[A-D]\n/, ",\n"),
      "expected a right answer",
    ],
    [
      "a column has another name",
      "race/high",
      RACE,
      (text: string) => text.replaceAll('"article"', '"text"'),
      "expected the column article",
    ],
    [
      "an option is missing",
      "race/high",
      RACE,
      (text: string) => text.replace(', "none"]', "]"),
      "expected the column options.3",
    ],
    [
      "a column is null",
      "race/high",
      RACE,
      (text: string) => text.replace(/"article": "[^"]*"/, '"article": null'),
      "line 1: expected a text in article, found null",
    ],
    [
      "a line is no JSON",
      "race/high",
      RACE,
      (text: string) => `${text}{"article"\n`,
      "line 4: expected a JSON object",
    ],
    [
      "a header is missing",
      "ceval/logic",
      "ceval/formal_ceval/val/logic_val.csv",
      (text: string) => text.replace("question", "frage"),
      "expected the column question",
    ],
  ])("are refused where %s", async (_what, name, file, change, message) => {
    const error = await caught(() => questionsAfter(name, file, change));
    expect([error.code, error.message]).toEqual(["WB3923", expect.stringContaining(message)]);
  });

  it("that stand there twice are asked twice, counted and named", async () => {
    const { questions, notes } = await questionsAfter("race/high", RACE, (text) => {
      const [first = "", second = ""] = text.split("\n");
      return `\uFEFF${[first, second, first, "", first].join("\r\n")}`;
    });
    expect(questions.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    expect(notes).toEqual([
      expect.stringMatching(
        /^race\/high: 2 rows repeat others, and each is asked and counted: .*high\.jsonl: line 3 repeats .*: line 1; .*: line 5 repeats .*: line 1$/,
      ),
    ]);
  });

  it("of C-Eval have cells as pandas takes them, and line ends in them as they are", async () => {
    const { questions } = await questionsAfter(
      "ceval/logic",
      "ceval/formal_ceval/val/logic_val.csv",
      () =>
        `\uFEFF"id",question,A,B,C,D,answer\r\n0,"q\r\nr",1,NA,2.50,"null",B\r\n   \r\n1,NA,2,x,3,y,A\r\n`,
    );
    expect(
      questions.map(({ columns }) => [...columns].slice(0, 6).map(([, text]) => text)),
    ).toEqual([
      ["0", "q\r\nr", "1", "None", "2.5", "None"],
      ["1", "None", "2", "x", "3.0", "y"],
    ]);
  });

  it("without a header keep a byte order mark, as OpenCompass reads MMLU", async () => {
    const { questions } = await questionsAfter(
      "mmlu/anatomy",
      MMLU,
      () => "\uFEFFq,1,2,3,4,A\nr,1,2,3,4,B\n",
    );
    expect(questions.map(({ columns }) => columns.get("input"))).toEqual(["\uFEFFq", "r"]);
  });

  it("that cannot be asked are left out on demand, counted and named", async () => {
    const asked = await questionsAfter(
      "mmlu/anatomy",
      MMLU,
      (text) => text.replace(",15", ""),
      true,
    );
    expect(asked.questions.map(({ index }) => index)).toEqual([1, 2]);
    expect(asked.skipped).toEqual([
      expect.stringContaining("anatomy_test.csv: row 1: expected 6 columns"),
    ]);
  });

  it.each([
    ["mmlu/anatomy", MMLU, 'r,1,2,3,4,A\r\n"q,1,2,3,4,A\r\nr,1,2,3,4,B\r\n'],
    [
      "ceval/logic",
      "ceval/formal_ceval/val/logic_val.csv",
      'id,question,A,B,C,D,answer\n0,"q,1,2,3,4,A\n1,r,1,2,3,4,B\n',
    ],
  ])(
    "behind a quote that is not closed are refused, and cannot be left out: %s",
    async (name, file, text) => {
      const error = await caught(() => questionsAfter(name, file, () => text, true));
      expect([error.code, error.message]).toEqual([
        "WB3922",
        expect.stringMatching(/: line 2: expected the end of a field in quotes, /),
      ]);
    },
  );

  it.each([
    ["are not text", (_text: string) => "\uD800", "WB3922"],
    ["are none", (_text: string) => "\n\n", "WB3922"],
  ])("are refused where they %s", async (_what, change, code) => {
    const write = (text: string): string => change(text);
    expect((await caught(() => questionsAfter("race/high", RACE, write))).code).toBe(
      code === "WB3922" && write("") === "\uD800" ? "WB3923" : code,
    );
  });

  it("of a worked example must be whole, and there must be enough of them", async () => {
    const DEV = "mmlu/dev/anatomy_dev.csv";
    const few = await caught(() =>
      questionsAfter("mmlu/anatomy", DEV, (text) => text.split("\n").slice(0, 3).join("\n")),
    );
    expect([few.code, few.message]).toEqual(["WB3922", expect.stringContaining("found 3")]);
    const bad = await caught(() =>
      questionsAfter("mmlu/anatomy", DEV, (text) => text.replace(",6", "")),
    );
    expect([bad.code, bad.message]).toEqual(["WB3923", expect.stringContaining("row 1")]);
  });

  it("are asked without examples only where the task allows it, and that is said", async () => {
    const [task] = await findTasks(["mmlu/virology"]);
    const error = await caught(async () => {
      if (task?.base !== undefined)
        await readQuestions(task, task.base, { data: DATA, skipBad: false });
    });
    expect([error.code, error.message]).toEqual([
      "WB3921",
      expect.stringContaining("virology_test.csv"),
    ]);
    const data = copiedData(folder);
    const [commonsense] = await findTasks(["commonsenseqa"]);
    if (commonsense?.base?.examples === undefined) throw new Error("a task with examples");
    const rows = { ...commonsense.base.examples.rows, file: "nowhere.jsonl" };
    const way = { ...commonsense.base, examples: { ...commonsense.base.examples, rows } };
    const asked = await readQuestions(commonsense, way, { data, skipBad: false });
    expect(asked.notes).toEqual([expect.stringContaining("asked without worked examples")]);
  });

  it("are the first of a limit, or drawn by a seed, in their order and the same each time", () => {
    const rows = Array.from({ length: 50 }, (_, index) => index);
    expect(drawn(rows, 3, undefined)).toEqual([0, 1, 2]);
    const [once, again, other] = [drawn(rows, 10, 1), drawn(rows, 10, 1), drawn(rows, 10, 2)];
    expect(once).toEqual(again);
    expect(once).not.toEqual(other);
    expect(once).toEqual(once.toSorted((left, right) => left - right));
    expect(new Set(once).size).toBe(10);
  });
});
