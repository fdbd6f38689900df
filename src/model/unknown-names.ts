/** What names say where no family describes the model: the last words of modules, and buffers that many models store. */

/** Modules that hold tables of rows, which every framework stores as [rows, width]. */
const TABLE = /(^|_)(embed|embeds|embedding|embeddings|emb|wte|wpe|embed_tokens|lookup_table)\d*$/;

/** Modules that are Linears in the models of every framework. */
const LINEAR =
  /(^|_)(proj|projection|linear|fc|dense|head|classifier|query|key|value|qkv|kv|q|k|v|o|out|gate|gate_up|up|down|logits|score|w1|w2|w3|wq|wk|wv|wo)_?\d*$/;

/** Modules that Paddle gives other names of parameters than torch: PReLU and InstanceNorm. */
const SLOPES = /prelu\d*$/i;
const INSTANCE_NORM = /(^|_)(instance_?norm|inorm)\d*[a-z]?$/i;

const BILINEAR = /(^|_)bil(inear)?_?\d*$/i;

/** Rotary frequencies that a model's code computed once and saved beside the weights. */
const FREQUENCIES = /(^|\.)(rotary_emb|rotary_pos_emb)\.inv_freq$/;

/** Paddle's recurrent networks list their cells' parameters again, under the cells' own names. */
const CELL =
  /^(?<stack>.*?)(?<layer>\d+)\.cell(?<way>_fw|_bw)?\.(?<key>(?:weight|bias)_(?:ih|hh))$/;

/** The name that a recurrent network has for what its cell calls so; undefined for other names. */
export function recurrentFirstName(name: string): string | undefined {
  const groups = CELL.exec(name)?.groups;
  if (groups === undefined) return undefined;
  const { stack = "", layer = "", way = "", key = "" } = groups;
  return `${stack}${key}_l${layer}${way === "_bw" ? "_reverse" : ""}`;
}

/** @param word The last word of a module's path. */
export function isTableWord(word: string): boolean {
  return TABLE.test(word);
}

/** @param word The last word of a module's path. */
export function isLinearWord(word: string): boolean {
  return LINEAR.test(word);
}

export function isSlopesWord(word: string): boolean {
  return SLOPES.test(word);
}

export function isInstanceNormWord(word: string): boolean {
  return INSTANCE_NORM.test(word);
}

export function isBilinearWord(word: string): boolean {
  return BILINEAR.test(word);
}

export function isStoredFrequencies(name: string): boolean {
  return FREQUENCIES.test(name);
}
