import type { ReportDocument } from "../report/document.ts";
import { shippedTasks } from "../tasks/find-tasks.ts";
import { PAGE_ROWS } from "./page-rows.ts";
import type { ScoredModel } from "./read-result.ts";
import { WORDS, type Language, type TableWords } from "./words.ts";

/** The model page's table with columns for these models, and the page's own figures beside; then the tasks that the page has not. */
export async function tableOf(
  models: readonly ScoredModel[],
  language: Language,
): Promise<ReportDocument> {
  const words = WORDS[language];
  const sizes = await groupSizes();
  const others = [...new Set(models.flatMap(ownRows))].filter(
    (name) => !PAGE_ROWS.some((row) => row.name === name),
  );
  const cells = (name: string): readonly string[] =>
    models.map((model) => cellOf(model, name, sizes, words));
  return {
    language,
    title: words.title,
    verdict: undefined,
    failures: [],
    sheets: [
      {
        title: words.title,
        heads: [
          words.dataSet,
          ...headsOf(models),
          `InternLM-7B (${words.page})`,
          `InternLM-Chat-7B (${words.page})`,
        ],
        rows: [
          ...PAGE_ROWS.map(({ title, name, base, chat }) => [
            title,
            ...cells(name),
            base.toFixed(1),
            chat.toFixed(1),
          ]),
          ...others.map((name) => [name, ...cells(name), words.none, words.none]),
        ],
      },
    ],
    notes: words.notes,
  };
}

/** A model's path, with what tells apart two columns of the same one. */
function headsOf(models: readonly ScoredModel[]): readonly string[] {
  return models.map(({ model, variant, compute, activations }) => {
    const rounded = activations === "int8" ? ", activations int8" : "";
    return `${model} (${variant}, ${compute}${rounded})`;
  });
}

/** Tasks that are no part of a group, and groups. */
function ownRows({ tasks, groups }: ScoredModel): readonly string[] {
  return [
    ...tasks.filter(({ group }) => group === null).map(({ name }) => name),
    ...groups.map(({ name }) => name),
  ];
}

/** How many tasks each group has in all, of those that are shipped. */
async function groupSizes(): Promise<ReadonlyMap<string, number>> {
  const sizes = new Map<string, number>();
  for (const { group } of await shippedTasks())
    if (group !== undefined) sizes.set(group, (sizes.get(group) ?? 0) + 1);
  return sizes;
}

function cellOf(
  { tasks, groups }: ScoredModel,
  name: string,
  sizes: ReadonlyMap<string, number>,
  words: TableWords,
): string {
  const group = groups.find((each) => each.name === name);
  const own = tasks.filter((task) => (group === undefined ? task.name : task.group) === name);
  const found = group ?? own[0];
  if (found === undefined) return words.none;
  if (found.score === null) return words.notRun;
  const items = own.reduce((sum, task) => sum + task.items, 0);
  const all = sizes.get(name);
  const isSome = group !== undefined && all !== undefined && group.tasks < all;
  const some = isSome ? `; ${words.some(group.tasks, all)}` : "";
  return `${found.score.toFixed(1)} (${items}${some})`;
}
