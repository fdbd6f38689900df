import type { LinearLayout } from "../model/parameter.ts";
import { WbError } from "../errors/wb-error.ts";
import { canonicalize } from "../mapping/canonical.ts";
import { familyOf } from "../model/families.ts";
import { surveyLayout, type LayoutSurvey } from "../mapping/survey-layout.ts";
import { byteCount, elementCount } from "../tensor/shape.ts";
import type { CheckpointFormat, StoredTensor } from "../tensor/table.ts";
import type { Selection } from "../formats/open.ts";
import { openModel, type OpenedModel } from "../session/open-model.ts";

/** How `inspect` looks at a checkpoint. */
export interface InspectOptions {
  /** "none" takes no notice of config.json. */
  readonly architecture?: string | undefined;
  /** Which of the file's tensors are meant, and under what names. */
  readonly selection?: Selection | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What can be done with a family. */
export interface FamilySupport {
  readonly convert: true;
  readonly verify: true;
  readonly run: true;
  /** The implementation whose logits ours were held against. */
  readonly checkedAgainst: string;
}

/** One tensor as stored. */
export interface InspectedTensor {
  readonly name: string;
  /** As safetensors spells it; `C128` for complex128; as llama.cpp spells it where the file holds it quantised. */
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: number;
  /** Where the set is split by rank. */
  readonly rank?: { readonly tp: number; readonly pp: number };
}

/** What the headers of a checkpoint say. */
export interface Inspection {
  readonly format: CheckpointFormat;
  readonly files: readonly string[];
  /** The class that config.json names, or "none". */
  readonly architecture: string;
  /** What can be done with the family and what it was checked against; undefined where it is not known. */
  readonly support?: FamilySupport;
  /** Elements of the model's tensors, each once; of all stored tensors where the architecture is not known. */
  readonly parameters: number;
  /** Bytes of all stored tensors. */
  readonly bytes: number;
  readonly tensors: readonly InspectedTensor[];
  /** The layout of Linear weights. */
  readonly layout: LinearLayout | "unknown";
  readonly layoutEvidence: LayoutSurvey["evidence"];
  /** Groups of names that share storage. */
  readonly tied: readonly (readonly string[])[];
  /** Entries of the file that are no tensors. */
  readonly skipped: readonly { readonly name: string; readonly why: string }[];
  /** `__metadata__` of safetensors; GGUF's metadata but for its arrays; empty elsewhere. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly notes: readonly string[];
}

/**
 * What a checkpoint holds; reads headers only.
 * @throws WbError of the readers.
 */
export async function inspect(path: string, options: InspectOptions = {}): Promise<Inspection> {
  const { model, architecture, notes } = await openTolerantly(path, options);
  const { checkpoint, config } = model;
  try {
    const survey = surveyLayout(checkpoint, config);
    return {
      format: checkpoint.format,
      files: checkpoint.files,
      architecture,
      ...(config === undefined
        ? {}
        : {
            support: {
              convert: true,
              verify: true,
              run: true,
              checkedAgainst: familyOf(config.family).checkedAgainst.replaceAll("`", ""),
            },
          }),
      parameters: countParameters(model, survey),
      bytes: checkpoint.tensors.reduce((sum, tensor) => sum + storedBytes(tensor), 0),
      tensors: checkpoint.tensors.map((tensor) => ({
        name: tensor.storedName ?? tensor.name,
        dtype: tensor.quantised?.type ?? tensor.dtype,
        shape: tensor.shape,
        bytes: storedBytes(tensor),
        ...(tensor.rank === undefined ? {} : { rank: tensor.rank }),
      })),
      layout: survey.layout,
      layoutEvidence: survey.evidence,
      tied: tiedNames(checkpoint.tensors),
      skipped: checkpoint.skipped,
      metadata: Object.fromEntries(checkpoint.metadata),
      notes: [...notes, ...layoutNotes(survey)],
    };
  } finally {
    await checkpoint.close();
  }
}

interface Tolerant {
  readonly model: OpenedModel;
  readonly architecture: string;
  readonly notes: readonly string[];
}

/** A config.json that is damaged or of an unknown architecture is no reason not to look at the tensors. */
async function openTolerantly(path: string, options: InspectOptions): Promise<Tolerant> {
  try {
    const model = await openModel(path, { ...options, headersOnly: true });
    return { model, architecture: model.config?.architecture ?? "none", notes: model.notes };
  } catch (error) {
    if (!(error instanceof WbError) || !CONFIG_CODES.has(error.code)) throw error;
    if (options.architecture !== undefined) throw error;
    const model = await openModel(path, {
      ...options,
      architecture: "none",
      headersOnly: true,
    });
    const named = error.code === "WB4701" ? error.details.architecture : "none";
    return {
      model,
      architecture: named,
      notes: [...model.notes, error.message],
    };
  }
}

const CONFIG_CODES: ReadonlySet<string> = new Set([
  "WB3701",
  "WB3704",
  "WB4701",
  "WB4702",
  "WB4703",
]);

function storedBytes({ shape, dtype, quantised }: StoredTensor): number {
  return quantised?.byteLength ?? byteCount(shape, dtype) ?? 0;
}

function countParameters({ checkpoint, config }: OpenedModel, survey: LayoutSurvey): number {
  if (config === undefined || survey.problem !== undefined) {
    return checkpoint.tensors.reduce((sum, { shape }) => sum + (elementCount(shape) ?? 0), 0);
  }
  // Where every matrix is square, either layout counts the same.
  const sourceLayout = survey.layout === "unknown" ? "torch" : survey.layout;
  const { tensors } = canonicalize(checkpoint, config, { sourceLayout });
  return [...tensors.values()].reduce(
    (sum, { assembly }) => sum + (elementCount(assembly.shape) ?? 0),
    0,
  );
}

function tiedNames(tensors: readonly StoredTensor[]): readonly (readonly string[])[] {
  const byStorage = new Map<string, string[]>();
  for (const { storage, name, storedName } of tensors) {
    const names = byStorage.get(storage) ?? [];
    byStorage.set(storage, names);
    names.push(storedName ?? name);
  }
  return [...byStorage.values()].filter((names) => names.length > 1);
}

/** A contradiction of layouts, and a head that is stored otherwise than the Linears. */
function layoutNotes({ problem, headEvidence: head }: LayoutSurvey): readonly string[] {
  if (problem !== undefined) return [problem.message];
  if (head === undefined) return [];
  return [
    `the head is stored as ${head.layout} does, unlike the other Linears: ${head.tensor}: ${head.why}`,
  ];
}
