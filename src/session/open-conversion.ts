import { WbError } from "../errors/wb-error.ts";
import { carriedFrom } from "../formats/model-home.ts";
import { parseMap } from "../mapping/learned/map-file.ts";
import type { LearnedStatement } from "../mapping/learned/statement.ts";
import { readSmall } from "../sources/places.ts";
import { planConversion, type Plan, type PlanOptions } from "../mapping/plan.ts";
import { refuseOtherCopies } from "../mapping/same-values.ts";
import type { Checkpoint } from "../tensor/table.ts";
import { frequencyProblem } from "./stored-frequencies.ts";
import { withAdapter } from "./open-adapter.ts";
import { openDelta, type DeltaChoice, type OpenedDelta } from "./open-delta.ts";
import {
  asStoredNote,
  openModel,
  type FoundConfig,
  type OpenedModel,
  type OpenModelOptions,
} from "./open-model.ts";

/** What is opened, and how it is to be converted. */
interface ConversionChoice extends OpenModelOptions, PlanOptions {
  readonly delta?: DeltaChoice | undefined;
  /** A file of statements by which every tensor is made. */
  readonly map?: string | undefined;
  /** The checkpoint from which such statements were learned. */
  readonly like?: string | undefined;
  /** An adapter to merge into the source. */
  readonly lora?: string | undefined;
}

/** A source, opened and planned, with what is added to it. */
export interface OpenedConversion {
  readonly base: Checkpoint;
  readonly plan: Plan;
  readonly added: OpenedDelta | undefined;
  /** What describes the result, and where its tokenizer comes from. */
  readonly found: FoundConfig;
  readonly tokenizerFolder: string;
  /** What the user should know; one sentence each. */
  readonly notes: readonly string[];
  close(): Promise<void>;
}

/** Opens the source of a conversion and plans it; headers only. @throws WbError of the readers, WB27xx, WB37xx. */
export async function openConversion(
  source: string,
  choice: ConversionChoice,
): Promise<OpenedConversion> {
  const { map, like } = choice;
  if (map !== undefined) refuseOthers(`--map ${map}`, choice);
  if (like !== undefined) refuseOthers(`--like ${like}`, choice);
  const learned = choice.learned ?? (map === undefined ? undefined : await readMap(map));
  const how = learned === undefined ? choice : { ...choice, architecture: "none" };
  const opened = await openModel(source, how);
  let adapter: Checkpoint | undefined;
  try {
    const adapted =
      choice.lora === undefined ? undefined : await withAdapter(opened, choice.lora, choice.signal);
    adapter = adapted?.adapter;
    const model = adapted?.model ?? opened;
    const planned =
      choice.delta === undefined
        ? await planAlone(model, { ...choice, learned })
        : await planSum(model, choice.delta, choice);
    const { checkpoint: base } = model;
    const close = async (): Promise<void> => {
      await planned.added?.delta.checkpoint.close();
      await adapted?.adapter.close();
      await base.close();
    };
    return { base, ...planned, close };
  } catch (error) {
    await adapter?.close();
    await opened.checkpoint.close();
    throw error;
  }
}

type Planned = Omit<OpenedConversion, "base" | "close">;

async function planAlone(
  model: OpenedModel,
  choice: PlanOptions & Pick<OpenModelOptions, "signal">,
): Promise<Planned> {
  const { checkpoint, config } = model;
  const carried = await carriedFrom(model.folder);
  const plan = planConversion(checkpoint, config, choice);
  if (plan.copies !== undefined) await refuseOtherCopies(plan.copies, choice.signal);
  const frequencies = config === undefined ? undefined : await frequencyProblem(checkpoint, config);
  const notes = [
    ...notesOf(model, plan),
    ...(frequencies === undefined ? [] : [frequencies.message]),
    ...carried.notes,
  ];
  return { plan, added: undefined, found: model, tokenizerFolder: carried.home, notes };
}

async function planSum(
  model: OpenedModel,
  delta: DeltaChoice,
  choice: ConversionChoice,
): Promise<Planned> {
  const { architecture, signal } = choice;
  const added = await openDelta(model, delta, choice, { architecture, signal });
  const { plan, found, tokenizerFolder } = added;
  return { plan, added, found, tokenizerFolder, notes: [...notesOf(model, plan), ...added.notes] };
}

/** What opening said, and what was decided without a description of the model. */
function notesOf(model: OpenedModel, plan: Plan): readonly string[] {
  if (plan.notes === undefined) return model.notes;
  const notes = model.notes.filter((note) => note !== asStoredNote(model.folder));
  return [
    ...notes,
    `the model is not known: brought to ${plan.targetLayout === "paddle" ? "Paddle" : "torch"}'s layout by what shapes, names and biases show (--architecture none takes it as stored)`,
    ...plan.notes,
  ];
}

/** Bytes of a map at most; one of a model with 100 000 tensors has about 10 MB. */
const MAX_MAP_BYTES = 64 * 2 ** 20;

/** @throws WbError WB2702 beside options that say otherwise than a map. */
function refuseOthers(
  given: string,
  { layout, sourceLayout, delta, dequantize, like, transpose = [], keep = [] }: ConversionChoice,
): void {
  const others = {
    layout,
    "source-layout": sourceLayout,
    delta,
    dequantize: like === undefined ? undefined : dequantize,
    transpose: transpose[0],
    keep: keep[0],
  };
  const other = Object.entries(others).find(([, value]) => value !== undefined);
  if (other === undefined) return;
  throw new WbError("WB2702", `${given}: it says all of it; --${other[0]} is one too many`);
}

/** @throws WbError WB3001 where it is not there, WB3711. */
async function readMap(path: string): Promise<readonly LearnedStatement[]> {
  const bytes = await readSmall(path, MAX_MAP_BYTES);
  if (bytes === undefined)
    throw new WbError("WB3001", `${path}: no such file`, { details: { path } });
  return parseMap(Buffer.from(bytes).toString("utf8"), path);
}
