import type { ModelConfig } from "../../../model/config/model-config.ts";
import type { LocalLab } from "./local-lab.ts";
import { SearchBudget, triesFor } from "./search.ts";
import type { MeasuredPart } from "./suspects.ts";
import { parametersIn } from "../../compare/model-runner.ts";

/** Families whose config.json has a window. */
const WINDOWED: ReadonlySet<string> = new Set([
  "gemma2",
  "gemma3_text",
  "mistral",
  "mixtral",
  "phi3",
  "qwen2",
  "qwen2_moe",
  "qwen3",
  "qwen3_moe",
]);

/** Another window, and how it is said. */
interface FoundWindow {
  readonly config: ModelConfig;
  readonly text: string;
}

/**
 * A window that the layers that depart have and the reference has not, or the other way round, or one of another size. Queries that see all
 * keys either way are right: the shortest prefix that departs tells the smaller of the two sizes, and each size is tried.
 */
export async function windowSetting(
  lab: LocalLab,
  layers: readonly MeasuredPart[],
  signal: AbortSignal | undefined,
): Promise<FoundWindow | undefined> {
  const { laboratory, prompts } = lab;
  const { config } = laboratory;
  if (!WINDOWED.has(config.family)) return undefined;
  const departing = new Set(
    layers.flatMap(({ part }) => (part.kind === "layer" ? [part.index] : [])),
  );
  const tokens = prompts.reduce((sum, { ids }) => sum + ids.length, 0);
  const budget = new SearchBudget(
    triesFor((tokens * parametersIn(laboratory)) / config.layers),
    signal,
  );
  for (const { part, noise } of layers)
    if (!((await lab.firstDifference(part)) <= noise)) return undefined;
  const isRight = async (changed: ModelConfig): Promise<boolean> => {
    for (const { part, noise } of layers) {
      if (!(await budget.spend())) return false;
      if (!((await lab.difference(part, undefined, changed, noise)) <= noise)) return false;
    }
    return true;
  };
  const had = config.window;
  const list = [...departing];
  const where = `layer${list.length === 1 ? "" : "s"} ${list.join(", ")}`;
  const own = list.every((layer) => had?.layers[layer] === true) ? had : undefined;
  const text = (theirs: string): string =>
    `the attention window of ${where} is ${own === undefined ? "none" : String(own.size)}; with ${theirs}`;
  const others = Array.from(
    { length: config.layers },
    (_unused, layer) => had?.layers[layer] === true && !departing.has(layer),
  );
  const { window: _unused, ...plain } = config;
  if (own !== undefined) {
    const changed = others.includes(true)
      ? { ...config, window: { size: own.size, layers: others } }
      : plain;
    if (await isRight(changed)) return { config: changed, text: text("none") };
  }
  // One size for all layers that have a window.
  const longest = prompts.reduce((most, { ids }) => Math.max(most, ids.length), 0);
  const sizes = others.includes(true)
    ? [had?.size ?? 0]
    : Array.from({ length: longest }, (_none, index) => index + 1);
  for (const size of sizes) {
    if (size === own?.size) continue;
    const layersOf = others.map((is, layer) => is || departing.has(layer));
    const changed = { ...config, window: { size, layers: layersOf } };
    if (await isRight(changed)) return { config: changed, text: text(String(size)) };
  }
  return undefined;
}
