import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { delimiter, join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Questions } from "../../src/evaluate/data/questions.ts";
import type { Item } from "../../src/evaluate/item.ts";
import { runAnswers, sandboxFor } from "../../src/evaluate/sandbox/run-answers.ts";
import { openSandbox } from "../../src/evaluate/sandbox/sandbox.ts";
import { caught } from "../support/caught.ts";
import { runInProcess } from "../support/cli-in-process.ts";
import { DATA, longModel, questionsOf, scratchFolder } from "../support/evaluation.ts";

const folder = scratchFolder();
const PATH = process.env["PATH"] ?? "";
afterEach(() => vi.unstubAllEnvs());

const COLUMNS = new Map([
  ["prompt", "def double(x):\n"],
  ["test", "def check(f):\n    assert f(2) == 4\n    assert f(-1) == -2\n"],
  ["entry_point", "double"],
]);

/** Bodies of a function, and whether they pass. */
const BODIES: readonly (readonly [string, boolean])[] = [
  ["    return 2 * x", true],
  ["    print('noise')\n    return x + x", true],
  ["    return x", false],
  ["    return )", false],
  ["    import sys\n    sys.exit(0)", false],
  ["    import os\n    os._exit(0)", false],
  ["    while True: pass", false],
  ["    with open('/tmp/x', 'w') as f: f.write('1')\n    return 2 * x", false],
  ["    import os\n    return 2 * x if os.path.exists('/etc/passwd') else x", false],
  [
    "    import socket\n    socket.create_connection(('127.0.0.1', 22), 1)\n    return 2 * x",
    false,
  ],
];

function questions(): Questions {
  const way = {
    kind: "gen",
    answer: undefined,
    examples: undefined,
    prompt: "{prompt}",
    maxNewTokens: 1,
    answerFrom: "humaneval",
    metric: "code",
    stop: [],
  } as const;
  const asked = BODIES.map((_body, index) => ({ index, columns: COLUMNS, answer: "", id: "" }));
  return questionsOf("code", way, asked);
}

const answers = (): readonly Item[] =>
  BODIES.map(([prediction], index) => ({
    task: "code",
    index,
    prediction,
    answer: "",
    correct: null,
  }));

const none = { tokens: { computed: 0, whole: 0 }, seconds: 0 };

/** A folder with programs of these names, alone on the PATH. */
function onlyOnPath(programs: Readonly<Record<string, string>>): string {
  const bin = mkdtempSync(join(folder, "bin-"));
  for (const [name, body] of Object.entries(programs)) {
    writeFileSync(join(bin, name), `#!/bin/bash\n${body}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  vi.stubEnv("PATH", bin);
  return bin;
}

const python = PATH.split(delimiter)
  .map((place) => join(place, "python3"))
  .find((path) => existsSync(path));

describe("eval --execute", () => {
  it("refuses where there is no sandbox, naming what is missing, before anything is computed", async () => {
    onlyOnPath({});
    expect(await caught(openSandbox)).toMatchObject({
      code: "WB6921",
      details: { missing: expect.stringContaining("bwrap") as unknown },
    });
    onlyOnPath({ bwrap: "exit 1" });
    expect((await caught(openSandbox)).message).toContain("python3");
    onlyOnPath({
      bwrap: "echo 'No permissions to create a new namespace' >&2; exit 1",
      python3: `PATH=/usr/bin:/bin exec ${python} "$@"`,
    });
    expect((await caught(openSandbox)).message).toContain("No permissions");
    onlyOnPath({ bwrap: "echo 'seen: eth0'", python3: `PATH=/usr/bin:/bin exec ${python} "$@"` });
    expect((await caught(openSandbox)).message).toContain("seen: eth0");
    onlyOnPath({});
    const model = longModel(folder, "pytorch_model.bin", 512);
    const row = { task_id: "HumanEval/0", ...Object.fromEntries(COLUMNS) };
    mkdirSync(join(folder, "humaneval"));
    writeFileSync(join(folder, "humaneval/human-eval-v2-20210705.jsonl"), JSON.stringify(row));
    const args = ["eval", model, "--data", folder, "--tasks", "humaneval", "--execute"];
    expect((await runInProcess(args)).status).toBe(6);
    const choices = ["eval", model, "--data", DATA, "--tasks", "race/high", "--execute"];
    expect((await runInProcess(choices)).status).toBe(2);
  });

  it("gives bubblewrap new namespaces, an empty root and limits, and takes no exit code for a pass", async () => {
    const log = join(folder, "bwrap.log");
    // Stands in for bubblewrap: notes how it was called and runs nothing.
    onlyOnPath({
      bwrap: `echo "$@" >> ${log}\ncase "$*" in *.ssh*) echo closed ;; esac`,
      python3: `PATH=/usr/bin:/bin exec ${python} "$@"`,
    });
    const sandbox = await openSandbox();
    const [done] = await runAnswers([questions()], [{ items: answers(), ...none }], sandbox);
    expect(done?.items.every(({ correct }) => correct === false)).toBe(true);
    const calls = readFileSync(log, "utf8").trim().split("\n");
    expect(calls.length).toBe(1 + BODIES.length);
    for (const call of calls) {
      expect(call).toMatch(/^--unshare-all --die-with-parent --new-session --clearenv /);
      expect(call).toMatch(/--ro-bind \/usr \/usr .*--tmpfs \/tmp --chdir \/tmp --cap-drop ALL/);
      expect(call).not.toMatch(/ --bind | --share-net|--ro-bind \/ /);
      expect(call).toContain(
        "ulimit -v 4194304 && ulimit -f 0 && ulimit -c 0 && ulimit -t 60 && exec",
      );
    }
  });

  it.skipIf(!PATH.split(delimiter).some((place) => existsSync(join(place, "bwrap"))))(
    "runs answers in bubblewrap without network, files or time (skipped where it is not there)",
    async () => {
      const sandbox = await openSandbox();
      const [done] = await runAnswers([questions()], [{ items: answers(), ...none }], sandbox);
      expect(done?.items.map(({ correct }) => correct)).toEqual(BODIES.map(([, passes]) => passes));
    },
  );
});

it("looks for what a program needs before anything is asked", async () => {
  const { task, way, questions: rows } = questions();
  const [first] = rows;
  if (first === undefined) throw new Error("no rows");
  const columns = new Map([...COLUMNS].filter(([name]) => name !== "test"));
  const asked = { ...questionsOf(task.name, way, [first, { ...first, index: 4, columns }]) };
  const error = await caught(() => sandboxFor([asked], true));
  expect([error.code, error.message]).toEqual([
    "WB3923",
    expect.stringMatching(/^code: row 4: expected the columns .*, found no test$/),
  ]);
  expect(await sandboxFor([asked], undefined)).toBeUndefined();
});
