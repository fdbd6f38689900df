import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { WbError } from "../../errors/wb-error.ts";
import { readSmall } from "../../sources/places.ts";
import { parseTasks } from "./parse-task.ts";
import type { Task } from "./task.ts";

/** The tasks that weighbridge brings, beside the sources and the build alike. */
const SHIPPED = fileURLToPath(new URL("../../../tasks/", import.meta.url));

const MAX_TASK_BYTES = 64 * 2 ** 20;

/**
 * The tasks that names, groups and files stand for, in the order given, each once.
 * @throws WbError WB2001 for no name, WB2922 for a name that there is not, WB2921 for a file that is no task, WB3921 for one that is missing.
 */
export async function findTasks(names: readonly string[]): Promise<readonly Task[]> {
  const shipped = await shippedTasks();
  const found = new Map<string, { readonly task: Task; readonly origin: string }>();
  for (const name of new Set(names)) {
    const isFile = name.endsWith(".json");
    const origin = isFile ? name : SHIPPED;
    const tasks = isFile ? await readTaskFile(name) : tasksCalled(shipped, name);
    for (const task of tasks) {
      const before = found.get(task.name);
      if (before !== undefined && before.origin !== origin) throw twoOf(name, task.name);
      found.set(task.name, { task, origin });
    }
  }
  if (found.size > 0) return [...found.values()].map(({ task }) => task);
  throw new WbError("WB2001", "--tasks: expected a task, a group or a task file, found none", {
    details: { option: "--tasks", found: "nothing" },
  });
}

/** Items are told apart by their task's name. */
function twoOf(name: string, task: string): WbError {
  return new WbError(
    "WB2922",
    `--tasks ${name}: expected tasks of different names, found another ${task}`,
    {
      details: { found: name },
      hint: "Change the name in the task file, or leave one of them out.",
    },
  );
}

/** Every task that weighbridge brings. */
export async function shippedTasks(): Promise<readonly Task[]> {
  const files = (await readdir(SHIPPED)).filter((name) => name.endsWith(".json")).sort();
  const tasks = await Promise.all(
    files.map(async (name) => {
      const path = join(SHIPPED, name);
      return parseTasks(JSON.parse(await readFile(path, "utf8")), path);
    }),
  );
  return tasks.flat();
}

function tasksCalled(shipped: readonly Task[], name: string): readonly Task[] {
  const tasks = shipped.filter((task) => task.name === name || familyOf(task) === name);
  if (tasks.length > 0) return tasks;
  const known = [...new Set(shipped.map(familyOf))];
  const [before] = name.split("/");
  const near = shipped.filter((task) => familyOf(task) === before).map((task) => task.name);
  const list = near.length > 0 ? near : known;
  throw new WbError("WB2922", `--tasks ${name}: no such task; there are ${list.join(", ")}`, {
    details: { found: name },
  });
}

/** "mmlu" of mmlu/anatomy: what stands for all of its tasks. */
function familyOf({ name }: Task): string {
  return name.split("/")[0] ?? name;
}

async function readTaskFile(path: string): Promise<readonly Task[]> {
  const bytes = await readSmall(path, MAX_TASK_BYTES);
  if (bytes === undefined)
    throw new WbError("WB3921", `${path}: no such file`, { details: { path } });
  return parseTasks(parsed(new TextDecoder().decode(bytes), path), path);
}

function parsed(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new WbError("WB2921", `${path}: expected JSON`, { details: { path, field: "" }, cause });
  }
}
