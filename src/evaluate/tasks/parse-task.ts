import { fill } from "../prompts/fill.ts";
import { checkWay } from "./check-way.ts";
import { Checked, isName } from "./checked.ts";
import { promptOf } from "./parse-prompt.ts";
import { examplesOf, rowsFile } from "./parse-rows.ts";
import {
  ANSWERS,
  CONTINUATION_SCORES,
  METRICS,
  TAKES,
  mapTurn,
  type Continuation,
  type Field,
  type PromptTemplate,
  type RowsFile,
  type Task,
  type Turn,
  type Way,
} from "./task.ts";

/**
 * The tasks of one file: one, or one for each of its subsets.
 * @param path What messages call the file.
 * @throws WbError WB2921 naming the field, what was expected and what was found.
 */
export function parseTasks(value: unknown, path: string): readonly Task[] {
  const file = new Checked(value, path, "");
  const name = file.name("task");
  file.optionalText("about");
  const group = file.optionalText("group");
  const subsets = subsetsOf(file);
  const rows = rowsFile(file.child("rows"));
  const fields = file.has("fields") ? fieldsOf(file.children("fields")) : new Map<string, Field>();
  const answer = file.text("answer");
  const id = file.optionalText("id");
  const [base, chat] = (["base", "chat"] as const).map((variant) =>
    file.has(variant) ? wayOf(file.child(variant), rows) : undefined,
  );
  if (base === undefined && chat === undefined)
    throw file.error("base", "base, chat or both", undefined);
  file.end();
  const whole: Task = { name, group, rows, fields, answer, id, base, chat };
  if (subsets === undefined) return [whole];
  const tasks = subsets.map((subset) => ofSubset(whole, subset, file));
  const twice = tasks.find(
    ({ name: own }, at) => tasks.findIndex((task) => task.name === own) < at,
  );
  if (twice !== undefined) throw file.error("subsets", "different names", twice.name);
  return tasks;
}

type Subset = ReadonlyMap<string, string>;

/** Each a name, or an object with a name and other texts that templates may use. */
function subsetsOf(file: Checked): readonly Subset[] | undefined {
  if (!file.has("subsets")) return undefined;
  return file.list("subsets").map((item) => {
    if (typeof item === "string") {
      checkName(file, item);
      return new Map([["name", item]]);
    }
    if (typeof item === "object" && item !== null && "name" in item) {
      const texts = Object.entries(item).map(([key, text]): [string, string] => {
        if (typeof text === "string") return [key, text];
        throw file.error(`subsets.${key}`, "a text", text);
      });
      const subset = new Map(texts);
      checkName(file, subset.get("name") ?? "");
      return subset;
    }
    throw file.error("subsets", "names, or objects with a name", item);
  });
}

function checkName(file: Checked, name: string): void {
  if (!isName(name)) throw file.error("subsets.name", "a name in one line", name);
}

/** The task with the subset's texts in its templates. */
function ofSubset(task: Task, subset: Subset, fields: Checked): Task {
  let isUsed = false;
  const own = (text: string): string => {
    const filled = fill(text, subset);
    isUsed ||= filled !== text;
    return filled;
  };
  const file = (rows: RowsFile): RowsFile => ({ ...rows, file: own(rows.file) });
  const turn = (each: Turn): Turn => mapTurn(each, own);
  const way = (each: Way | undefined): Way | undefined => {
    if (each === undefined) return undefined;
    const answer = each.answer === undefined ? undefined : own(each.answer);
    const prompt: PromptTemplate =
      typeof each.prompt === "string"
        ? own(each.prompt)
        : each.prompt.map((part) => (part === "{examples}" ? part : turn(part)));
    const examples = each.examples && {
      ...each.examples,
      rows: file(each.examples.rows),
      template:
        typeof each.examples.template === "string"
          ? own(each.examples.template)
          : each.examples.template.map(turn),
    };
    if (each.kind === "gen") return { ...each, answer, prompt, examples };
    const choices = new Map([...each.choices].map(([label, text]) => [label, own(text)]));
    const continuation = each.continuation && {
      ...each.continuation,
      context: own(each.continuation.context),
    };
    return { ...each, answer, prompt, examples, choices, continuation };
  };
  const field = (each: Field): Field =>
    "template" in each ? { template: own(each.template) } : each;
  const filled = {
    rows: file(task.rows),
    fields: new Map([...task.fields].map(([name, each]) => [name, field(each)])),
    answer: own(task.answer),
    id: task.id === undefined ? undefined : own(task.id),
    base: way(task.base),
    chat: way(task.chat),
  };
  // They would all ask the same.
  if (!isUsed) throw fields.error("subsets", "{name} in a file or a template", [...subset.keys()]);
  return { ...task, ...filled, name: `${task.name}/${subset.get("name")}` };
}

function fieldsOf(children: ReadonlyMap<string, Checked>): ReadonlyMap<string, Field> {
  return new Map([...children].map(([name, field]) => [name, fieldOf(field)]));
}

function fieldOf(field: Checked): Field {
  const result: Field = field.has("template")
    ? { template: field.text("template") }
    : field.has("named")
      ? { named: field.text("named") }
      : {
          from: field.texts("from"),
          join: field.optionalText("join") ?? "",
          map: field.has("map") ? field.map("map") : undefined,
          take: field.has("take") ? field.choice("take", TAKES) : undefined,
          otherwise: field.optionalText("otherwise"),
        };
  field.end();
  return result;
}

function wayOf(way: Checked, rows: RowsFile): Way {
  const kind = way.choice("kind", ["ppl", "gen"]);
  const examples = way.has("examples") ? examplesOf(way.child("examples"), rows) : undefined;
  const prompt = promptOf(way);
  const answer = way.optionalText("answer");
  const result: Way =
    kind === "ppl"
      ? {
          kind,
          answer,
          examples,
          prompt,
          choices: way.map("choices"),
          continuation: way.has("continuation")
            ? continuationOf(way.child("continuation"))
            : undefined,
        }
      : {
          kind,
          answer,
          examples,
          prompt,
          maxNewTokens: way.count("maxNewTokens"),
          answerFrom: way.choice("answerFrom", ANSWERS),
          metric: way.choice("metric", METRICS),
          stop: way.has("stop") ? stopOf(way) : [],
        };
  if (result.kind === "ppl" && result.choices.size < 2)
    throw way.error("choices", "at least two labels", [...result.choices.keys()]);
  way.end();
  checkWay(result, way);
  return result;
}

function stopOf(way: Checked): readonly string[] {
  const stop = way.texts("stop");
  if (!stop.includes("")) return stop;
  throw way.error("stop", "texts that are not empty", stop);
}

function continuationOf(fields: Checked): Continuation {
  const result = {
    context: fields.text("context"),
    by: fields.choice("by", CONTINUATION_SCORES),
  };
  fields.end();
  return result;
}
