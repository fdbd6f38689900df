import type { ImportanceMatrix } from "../formats/gguf/importance/importance-matrix.ts";
import type { Assembly } from "../mapping/assembly.ts";
import type { ModelConfig } from "../model/config/model-config.ts";
import type { LinearLayout } from "../model/parameter.ts";
import type { Backend } from "../runtime/backends/backend.ts";
import type { TokenizerForm } from "../runtime/tokenizer/tokenizer-form.ts";
import type { Diagnosis } from "./diagnose/diagnosis.ts";
import { structureOf } from "./diagnose/structure.ts";
import type { Laboratory } from "./compare/model-runner.ts";
import type { ParityOptions } from "./compare/parity.ts";
import { openLaboratory } from "./laboratory.ts";
import type { Selection } from "../formats/open.ts";
import { NOTHING_COMPARED, type TokenizerFindings } from "./tokenizers/folder.ts";
import { openModel, requireConfig, type OpenedModel } from "../session/open-model.ts";
import { withoutZeroBiases } from "./zero-biases.ts";

/** What all of one verification's parts share. */
export interface BenchOptions {
  readonly parity: ParityOptions;
  /** Looks for the cause of a failure. */
  readonly diagnose: boolean;
  readonly sourceLayout?: LinearLayout | undefined;
  /** Which class LLaMA's SentencePiece model is read as. */
  readonly tokenizer?: TokenizerForm | undefined;
  readonly selection?: Selection | undefined;
  /** The importance matrix that the quantised side is said to be made with. */
  readonly matrix?: ImportanceMatrix | undefined;
  /** Set where a second checkpoint is opened with the same selection. */
  readonly lenient?: boolean | undefined;
}

/** A model that is ready to be verified. */
export interface Bench {
  readonly path: string;
  readonly folder: string;
  readonly model: OpenedModel;
  readonly backend: Backend;
  readonly laboratory: Laboratory;
  readonly tensors: ReadonlyMap<string, Assembly>;
  /** What names and shapes show to be wrong; the tensors are put right. */
  readonly structure: readonly Diagnosis[];
  /** False when tensors are missing, so that it cannot run. */
  readonly isComplete: boolean;
  readonly notes: readonly string[];
  /** Stored tensors that the model has not and that change nothing. */
  readonly passedOver: readonly string[];
  /** What came of comparing the tokenizers that the folder's files are; nothing on the other side of a comparison. */
  readonly tokenizers: TokenizerFindings;
  /** Records of its archives whose checksums do not hold; looked for on the side that is judged. */
  readonly damaged: readonly Diagnosis[];
  readonly options: BenchOptions;
  close(): Promise<void>;
}

/**
 * Opens a model for verification; its names and shapes may be wrong in ways that have a name.
 * @param fallback What a file without config.json is taken to be.
 * @throws WbError of the readers, WB3702, WB3705.
 */
export async function openBench(
  path: string,
  backend: Backend,
  options: BenchOptions,
  fallback?: ModelConfig,
): Promise<Bench> {
  const model = await openModel(path, {
    signal: options.parity.signal,
    selection: options.selection,
    lenient: options.lenient,
  });
  try {
    const config = model.config ?? fallback ?? requireConfig(model);
    const { sourceLayout } = options;
    const { signal } = options.parity;
    const fitting = await withoutZeroBiases(model.checkpoint, config, sourceLayout, signal);
    const { tensors, diagnoses, isComplete } = structureOf(
      fitting.found,
      config,
      model.checkpoint.path,
    );
    return {
      path,
      folder: model.folder,
      model,
      backend,
      laboratory: openLaboratory(path, config, tensors, backend, options.parity.signal),
      tensors,
      structure: diagnoses,
      isComplete,
      notes: model.notes,
      passedOver: fitting.notes,
      tokenizers: NOTHING_COMPARED,
      damaged: [],
      options,
      close: () => model.checkpoint.close(),
    };
  } catch (error) {
    await model.checkpoint.close();
    throw error;
  }
}
