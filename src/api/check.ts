import { withOptionalParts } from "../mapping/optional-parts.ts";
import { heldAgainstDigests } from "./check-digests.ts";
import { surveyCheckpoint, type FileProblem } from "../formats/survey.ts";
import { WbError } from "../errors/wb-error.ts";
import { selectNames } from "../formats/names/select-names.ts";
import { canonicalize, type Canonical } from "../mapping/canonical.ts";
import { quantisedNote } from "../mapping/refuse-quantised.ts";
import { fitNames } from "../mapping/fit-names.ts";
import type { ModelConfig } from "../model/config/model-config.ts";
import type { Checkpoint } from "../tensor/table.ts";
import { asNamed, readConfig } from "../session/open-model.ts";
import { frequencyProblem } from "../session/stored-frequencies.ts";

/** How `check` looks at a checkpoint. */
export interface CheckOptions {
  /** "none" checks files only, and takes no notice of config.json. */
  readonly architecture?: string | undefined;
  /** Reads all weights, and holds them against every digest that somebody wrote down: manifest, archive, publisher. */
  readonly digests?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What `check` found; no problems where `ok` is true. */
export interface CheckResult {
  readonly problems: readonly FileProblem[];
  /** The class that config.json names, or "none" when names and shapes were not checked. */
  readonly architecture: string;
  readonly tensors: number;
  readonly notes: readonly string[];
}

/**
 * Holds a checkpoint against its own headers, its index and its config.json; reads no weights but stored rotary frequencies,
 * and all of them where their digests are asked for.
 * @throws WbError when the path is not there, or the content is unsafe or unsupported.
 */
export async function check(path: string, options: CheckOptions = {}): Promise<CheckResult> {
  const survey = await surveyCheckpoint(path);
  const notes = [...survey.notes];
  const problems = [...survey.problems];
  try {
    const named = survey.checkpoint === undefined ? undefined : selectNames(survey.checkpoint, {});
    notes.push(...(survey.checkpoint?.notes ?? []), ...(named?.notes ?? []));
    const config = await configFor(path, options, named?.checkpoint, problems, notes);
    const quantised = named === undefined ? undefined : quantisedNote(named.checkpoint);
    if (quantised !== undefined)
      notes.push(`${path}: ${quantised}; names and shapes are not checked`);
    else if (config !== undefined && named !== undefined) {
      const fitted = fitNames(asNamed(named.checkpoint, config), config);
      notes.push(...fitted.notes);
      for (const problem of modelProblems(fitted.checkpoint, config, notes)) problems.push(problem);
      const frequencies = await frequencyProblem(fitted.checkpoint, config);
      if (frequencies !== undefined) problems.push({ code: "WB3708", ...frequencies });
    }
    if (options.digests === true && survey.checkpoint !== undefined) {
      const held = await heldAgainstDigests(path, survey.checkpoint, options.signal);
      problems.push(...held.problems);
      notes.push(...held.notes);
    }
    return {
      problems,
      architecture: config?.architecture ?? "none",
      tensors: survey.checkpoint?.tensors.length ?? 0,
      notes,
    };
  } finally {
    await survey.checkpoint?.close();
  }
}

async function configFor(
  path: string,
  options: CheckOptions,
  checkpoint: Checkpoint | undefined,
  problems: FileProblem[],
  notes: string[],
): Promise<ModelConfig | undefined> {
  if (options.architecture === "none") return undefined;
  try {
    const found = await readConfig(path, options.architecture, checkpoint);
    const { config, configPath, configText } = found;
    notes.push(...found.notes);
    if (configText === undefined) {
      notes.push(`${configPath}: no such file; names and shapes are not checked`);
    }
    return config === undefined || checkpoint === undefined
      ? config
      : withOptionalParts(config, fitNames(checkpoint, config).checkpoint);
  } catch (error) {
    if (!(error instanceof WbError)) throw error;
    if (error.code === "WB3704") {
      problems.push({ code: error.code, message: error.message });
    } else if (error.code === "WB3714") {
      problems.push({ code: error.code, message: error.message, file: "config.json" });
    } else if (error.code === "WB3701") {
      const file = error.message.includes("params.json") ? "params.json" : "config.json";
      problems.push({ code: error.code, message: error.message, file });
    } else if (error.code === "WB4701" || error.code === "WB4702") {
      notes.push(`${error.message}; names and shapes are not checked`);
    } else throw error;
    return undefined;
  }
}

/** Missing and unexpected names, wrong shapes, contradicting layouts, incomplete ranks. */
function modelProblems(
  checkpoint: Checkpoint,
  config: ModelConfig,
  notes: string[],
): readonly FileProblem[] {
  try {
    return told(canonicalize(checkpoint, config, {}));
  } catch (error) {
    if (!(error instanceof WbError)) throw error;
    if (error.code === "WB2701") {
      notes.push(error.message);
      return told(canonicalize(checkpoint, config, { sourceLayout: "torch" }));
    }
    if (!error.code.startsWith("WB3")) throw error;
    return [{ code: error.code, message: error.message, file: checkpoint.path }];
  }
}

/** Each message once: a stored tensor may be several of the model's. */
function told({ problems }: Pick<Canonical, "problems">): readonly FileProblem[] {
  const byMessage = new Map(problems.map((problem) => [problem.message, problem]));
  return [...byMessage.values()].map(({ tensor, message }) => ({
    code: "WB3702",
    message,
    tensor,
  }));
}
