import { WbError } from "../errors/wb-error.ts";
import { refuseUnmatched } from "../formats/names/select-names.ts";
import { openCheckpoint, type Selection } from "../formats/open.ts";
import type { LearnedStatement } from "../mapping/learned/statement.ts";
import { folderOf } from "../session/open-model.ts";
import { listPlace } from "../sources/places.ts";
import { shownName } from "../tensor/shown-name.ts";
import type { Checkpoint } from "../tensor/table.ts";
import { relateLike, type LikeResult } from "../verify/like/relate-like.ts";

/** How a checkpoint is brought to another one's form. */
export interface LearnedLike {
  readonly statements: readonly LearnedStatement[];
  readonly notes: readonly string[];
  /** Where config.json is that describes the form; undefined where the base has none. */
  readonly configFolder: string | undefined;
}

/**
 * Learns from a base in the wanted form how a model that was trained from it gets that form.
 * @throws WbError of the readers, WB2702 for parallel parts, WB2711, WB3713 where a tensor of either has no counterpart.
 */
export async function learnLike(
  sourcePath: string,
  basePath: string,
  options: {
    readonly selection?: Selection | undefined;
    readonly signal?: AbortSignal | undefined;
    /** No dtype was asked for. */
    readonly keepsDtypes: boolean;
  },
): Promise<LearnedLike> {
  const { selection, signal } = options;
  const source = await openCheckpoint(sourcePath, { selection, signal, lenient: true });
  try {
    // Names of the base are those that are wanted; only what is to be left out is left out of both.
    const wanted = { drop: selection?.drop };
    const base = await openCheckpoint(basePath, { selection: wanted, signal, lenient: true });
    try {
      for (const { checkpoint } of [source, base]) refuseRanks(checkpoint);
      refuseUnmatched(
        source.unmatched.filter(
          (option) => !option.startsWith("--drop") || base.unmatched.includes(option),
        ),
        sourcePath,
      );
      const found = await relateLike(source.checkpoint.tensors, base.checkpoint.tensors, {
        signal,
      });
      if (found.unexplained.length > 0) throw unexplained(sourcePath, basePath, found);
      const folder = await folderOf(basePath);
      const hasConfig = (await listPlace(folder)).includes("config.json");
      const notes = [
        `made as ${basePath} is, by values that go together`,
        ...found.notes,
        ...(options.keepsDtypes ? keptDtypes(found, source.checkpoint, base.checkpoint) : []),
      ];
      const configFolder = hasConfig ? folder : undefined;
      return { statements: found.statements, notes, configFolder };
    } finally {
      await base.checkpoint.close();
    }
  } finally {
    await source.checkpoint.close();
  }
}

/** Dtypes in which the base is otherwise: nobody asked for values to be rounded. */
function keptDtypes(
  { statements }: LikeResult,
  source: Checkpoint,
  base: Checkpoint,
): readonly string[] {
  const [own, wanted] = [source, base].map(
    ({ tensors }) => new Map(tensors.map(({ name, dtype }) => [name, dtype])),
  );
  const counts = new Map<string, { from: string; to: string; count: number }>();
  for (const { left, right } of statements) {
    const from = own?.get(left[0] ?? "");
    const to = wanted?.get(right);
    if (from === undefined || to === undefined || from === to) continue;
    const known = counts.get(`${from} ${to}`) ?? { from, to, count: 0 };
    counts.set(`${from} ${to}`, { ...known, count: known.count + 1 });
  }
  return [...counts.values()].map(
    ({ from, to, count }) =>
      `${count} of the tensors are ${from} here and ${to} in ${base.path}: they stay ${from}; --dtype casts them`,
  );
}

function refuseRanks({ tensors, path }: Checkpoint): void {
  if (tensors.every(({ rank }) => rank === undefined)) return;
  throw new WbError("WB2702", `${path}: --like takes models whose parallel parts were merged`, {
    details: { path },
    hint: "Convert it first, with its config.json.",
  });
}

const MAX_LISTED = 12;

function unexplained(source: string, base: string, { unexplained: all }: LikeResult): WbError {
  const lines = all.slice(0, MAX_LISTED).map(({ name, why }) => `  ${shownName(name)}: ${why}`);
  if (all.length > MAX_LISTED) lines.push(`  and ${all.length - MAX_LISTED} more`);
  return new WbError(
    "WB3713",
    `${source}: not every tensor goes with one of ${base}:\n${lines.join("\n")}`,
    { details: { path: source, tensors: all.map(({ name }) => name) } },
  );
}
