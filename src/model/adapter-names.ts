/** What one tensor of an adapter is, by its name (peft v0.21, utils/save_and_load.py). */
export type AdapterPart =
  | {
      readonly kind: "factor";
      /** The path of the module that is changed. */
      readonly module: string;
      readonly factor: "a" | "b";
      readonly isEmbedding: boolean;
    }
  /** A tensor that takes the place of the base's (modules_to_save, biases, resized embeddings). */
  | { readonly kind: "whole"; readonly name: string }
  /** Factors of other methods. */
  | { readonly kind: "other" };

/** Where PEFT puts a model inside its own (peft v0.21, peft_model.py). */
export const PEFT_PREFIX = "base_model.model.";

/** What PEFT calls the file of settings beside an adapter's weights (utils/constants.py). */
export const ADAPTER_CONFIG = "adapter_config.json";

const FACTOR =
  /^(?<module>.+)\.(?:lora_(?<linear>[AB])(?:\.default)?\.weight|lora_embedding_(?<embedding>[AB])(?:\.default)?)$/;
/** Words that say that a tensor is of an adapter, and none that is merged by adding B · A. */
const OTHER =
  /(^|[._])(lora|magnitude_vector|ia3_l|hada|lokr|oft|boft|vera|prompt_embeddings|token_adapter|trainable_tokens)([._]|$)/;

export function adapterPart(stored: string): AdapterPart {
  const name = stored.startsWith(PEFT_PREFIX) ? stored.slice(PEFT_PREFIX.length) : stored;
  const groups = FACTOR.exec(name)?.groups;
  if (groups !== undefined) {
    const { module = "", linear, embedding } = groups;
    const factor = (linear ?? embedding) === "A" ? "a" : "b";
    return { kind: "factor", module, factor, isEmbedding: embedding !== undefined };
  }
  if (OTHER.test(name)) return { kind: "other" };
  return {
    kind: "whole",
    name: name.replaceAll(/\.(modules_to_save\.default|base_layer)\./g, "."),
  };
}

/** How PEFT, PaddleNLP and other trainers name factors of low rank. */
const ANY_FACTOR = /(^|[._])lora_(A|B|up|down|embedding_A|embedding_B|magnitude_vector)([._]|$)/;

export function isLowRankFactor(name: string): boolean {
  return ANY_FACTOR.test(name);
}

/** The base below factors, which PEFT saves beside those of embeddings. */
export function isBaseLayer(name: string): boolean {
  return name.includes(".base_layer.");
}

/** A module or a tensor of the head that gives tokens. */
export function isHeadName(name: string): boolean {
  return HEAD_NAME.test(name);
}

const HEAD_NAME = /(^|\.)lm_head(\.|$)/;

/** A table of tokens that was saved whole, by what the families call it. */
export function isSavedTable(name: string): boolean {
  return TABLE.test(name);
}

const TABLE =
  /(^|\.)(embed_tokens|wte|word_embeddings|tok_embeddings|embed_in)\.(modules_to_save\.default\.)?weight$/;
