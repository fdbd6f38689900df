import { WbError } from "../errors/wb-error.ts";
import type { ModelConfig } from "../model/config/model-config.ts";
import { lengthWithOneTable } from "../model/config/rope.ts";
import { HOST_ROWS } from "../runtime/model/token-entropies.ts";
import type { Tokenizer } from "../runtime/tokenizer/tokenizer.ts";
import { openTokenizer } from "../runtime/tokenizer/tokenizer.ts";
import { readGenerationDefaults, type GenerationDefaults } from "../session/generation-config.ts";
import {
  openSource,
  planning,
  startRuntime,
  type Runtime,
  type RuntimeOptions,
} from "../session/open-runtime.ts";
import type { TextEncoder } from "./prompts/encode.ts";
import { PASS_TOKENS } from "./scores/score-texts.ts";

/** OpenCompass's `max_seq_len` of the model page's table. */
const PAGE_LENGTH = 2048;

/** A model that is ready to be asked. */
export interface Evaluation {
  readonly runtime: Runtime;
  readonly tokenizer: Tokenizer;
  readonly encoder: TextEncoder;
  readonly defaults: GenerationDefaults;
  /** Ids that end an answer. */
  readonly stopIds: readonly number[];
  /** The token that scores leave out. */
  readonly padId: number | undefined;
  /** Tokens of a text at most. */
  readonly maxLength: number;
  /** Whether tokens have the same bits in whatever parts their text passes, so that prefixes can be shared. */
  readonly keepsBits: boolean;
  readonly notes: readonly string[];
}

export interface OpenEvaluationOptions extends RuntimeOptions {
  /** Tokens of a text at most; 2048 when left out, or the model's context where that is shorter. */
  readonly maxLength?: number | undefined;
  /** Told as layers are loaded. */
  readonly onLoad?: ((done: number, total: number) => void) | undefined;
}

/**
 * Opens weights, tokenizer and device, and loads what stays on it.
 * @throws WbError of the readers and the runtime; WB3801 without a tokenizer; WB2923 for a length beyond the model's context.
 */
export async function openEvaluation(
  path: string,
  options: OpenEvaluationOptions,
): Promise<Evaluation> {
  const source = await openSource(path, options);
  const { config, model } = source;
  const known = await planning(source, async () => ({
    maxLength: lengthOf(config, options.maxLength),
    tokenizer: await openTokenizer(model.folder, options.tokenizer),
    defaults: await readGenerationDefaults(model.folder),
  }));
  const { maxLength, tokenizer, defaults } = known;
  const isDynamic = maxLength > lengthWithOneTable(config.rope, config.maxPositions);
  const runtime = await startRuntime(
    source,
    {
      passes: "many",
      batch: 1,
      // Prompts of generated answers pass at once, and so do all texts where parts would have other bits.
      tokens: Math.max(PASS_TOKENS, maxLength),
      cachedTokens: maxLength,
      hostTokens: 0,
      logitRows: HOST_ROWS,
    },
    options,
  );
  try {
    await runtime.decoder.load({ signal: options.signal, onLayer: options.onLoad });
  } catch (error) {
    await runtime.close();
    throw error;
  }
  const keepsBits = runtime.decoder.keepsRows && !isDynamic;
  return {
    runtime,
    tokenizer,
    encoder: encoderOf(tokenizer),
    defaults,
    stopIds: defaults.endIds.length > 0 ? defaults.endIds : config.eosTokenIds,
    padId: tokenizer.settings.padId ?? tokenizer.settings.eosId ?? config.padTokenId,
    maxLength,
    keepsBits,
    notes: [...runtime.notes, ...notesOf(tokenizer, defaults, keepsBits)],
  };
}

function lengthOf({ maxPositions, rope }: ModelConfig, asked: number | undefined): number {
  if (asked === undefined) return Math.min(PAGE_LENGTH, maxPositions);
  if (asked <= maxPositions || rope.scaling.kind === "dynamic-ntk") return asked;
  throw new WbError(
    "WB2923",
    `--max-seq-len ${asked}: the model's context has ${maxPositions} tokens`,
    { details: { asked, context: maxPositions } },
  );
}

function encoderOf(tokenizer: Tokenizer): TextEncoder {
  const { addEos, eosId, bosId } = tokenizer.settings;
  const around = tokenizer.encode("");
  const behind = addEos && around.at(-1) === eosId ? 1 : 0;
  return {
    encode: (text) => tokenizer.encode(text),
    before: Math.max(0, around.length - behind),
    first: bosId ?? eosId,
  };
}

function notesOf(
  tokenizer: Tokenizer,
  defaults: GenerationDefaults,
  keepsBits: boolean,
): readonly string[] {
  const notes: string[] = [];
  if (!tokenizer.encode("").includes(tokenizer.settings.bosId ?? -1))
    notes.push(
      "the tokenizer puts no begin-of-sequence token before a text: a text's first token is not scored, as in OpenCompass",
    );
  if (defaults.doSample === true)
    notes.push(
      "generation_config.json draws answers at random; they are greedy here, so that they can be compared",
    );
  if (!keepsBits)
    notes.push(
      "prefixes are not shared, since this device or this model's rotary would give other bits",
    );
  return notes;
}
