import { fill } from "../prompts/fill.ts";
import { Checked } from "./checked.ts";
import { promptOf, turnsOf } from "./parse-prompt.ts";
import {
  ANSWERS,
  CONTINUATION_SCORES,
  METRICS,
  ROW_FORMATS,
  TAKES,
  mapTurn,
  type Continuation,
  type Examples,
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
  const name = file.text("task");
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
  return subsets.map((subset) => ofSubset(whole, subset));
}

type Subset = ReadonlyMap<string, string>;

/** Each a name, or an object with a name and other texts that templates may use. */
function subsetsOf(file: Checked): readonly Subset[] | undefined {
  if (!file.has("subsets")) return undefined;
  return file.list("subsets").map((item) => {
    if (typeof item === "string") return new Map([["name", item]]);
    if (typeof item === "object" && item !== null && "name" in item) {
      const texts = Object.entries(item).map(([key, text]): [string, string] => {
        if (typeof text === "string") return [key, text];
        throw file.error(`subsets.${key}`, "a text", text);
      });
      return new Map(texts);
    }
    throw file.error("subsets", "names, or objects with a name", item);
  });
}

/** The task with the subset's texts in its templates. */
function ofSubset(task: Task, subset: Subset): Task {
  const own = (text: string): string => fill(text, subset);
  const file = (rows: RowsFile): RowsFile => ({ ...rows, file: own(rows.file) });
  const turn = (each: Turn): Turn => mapTurn(each, own);
  const way = (each: Way | undefined): Way | undefined => {
    if (each === undefined) return undefined;
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
    if (each.kind === "gen") return { ...each, prompt, examples };
    const choices = new Map([...each.choices].map(([label, text]) => [label, own(text)]));
    const continuation = each.continuation && {
      ...each.continuation,
      context: own(each.continuation.context),
    };
    return { ...each, prompt, examples, choices, continuation };
  };
  return {
    ...task,
    name: `${task.name}/${subset.get("name")}`,
    rows: file(task.rows),
    base: way(task.base),
    chat: way(task.chat),
  };
}

function rowsFile(fields: Checked): RowsFile {
  const rows = {
    file: fields.text("file"),
    format: fields.choice("format", ROW_FORMATS),
    columns: fields.has("columns") ? fields.texts("columns") : undefined,
  };
  fields.end();
  return rows;
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
          stop: way.has("stop") ? way.texts("stop") : [],
        };
  if (result.kind === "ppl" && result.choices.size < 2)
    throw way.error("choices", "at least two labels", [...result.choices.keys()]);
  way.end();
  return result;
}

function continuationOf(fields: Checked): Continuation {
  const result = {
    context: fields.text("context"),
    by: fields.choice("by", CONTINUATION_SCORES),
  };
  fields.end();
  return result;
}

function examplesOf(fields: Checked, rows: RowsFile): Examples {
  const result: Examples = {
    rows: {
      file: fields.text("file"),
      format: fields.has("format") ? fields.choice("format", ROW_FORMATS) : rows.format,
      columns: fields.has("columns") ? fields.texts("columns") : rows.columns,
    },
    first: fields.count("first"),
    template: fields.has("turns") ? turnsOf(fields, "turns") : fields.text("text"),
    after: fields.optionalText("after") ?? "",
    end: fields.optionalText("end") ?? "",
    optional: fields.truth("optional"),
  };
  fields.end();
  return result;
}
