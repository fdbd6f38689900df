/** Which part of a parallel checkpoint a file holds. */
export interface Rank {
  /** Tensor-parallel rank. */
  readonly tp: number;
  /** Pipeline stage. */
  readonly pp: number;
}

/**
 * PaddleNLP: `model_state.tp00.pdparams`, `model_state.tp01_pp02.pdparams` (v2.8.1, transformers/utils.py,
 * `weight_name_suffix`). InternLM's training: `model_tp0_pp1.pt`, possibly with `_zo0` or more after it. Meta's LLaMA:
 * `consolidated.00.pth`.
 */
const RANK_FILES: readonly RegExp[] = [
  /^[\w-]+\.tp(?<tp>\d{2})(?:_pp(?<pp>\d{2}))?\.(?:pdparams|safetensors)$/,
  /^[\w-]+\.pp(?<pp>\d{2})\.(?:pdparams|safetensors)$/,
  /^model_tp(?<tp>\d{1,4})_pp(?<pp>\d{1,4})\.pt$/,
  /^consolidated\.(?<tp>\d{2})\.pth$/,
];

/** The part that a file's name says it holds; undefined for files of checkpoints that are not split. */
export function rankOfFile(name: string): Rank | undefined {
  for (const pattern of RANK_FILES) {
    const groups = pattern.exec(name)?.groups;
    if (groups !== undefined) {
      return { tp: Number(groups["tp"] ?? 0), pp: Number(groups["pp"] ?? 0) };
    }
  }
  return undefined;
}
