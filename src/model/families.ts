import { WbError } from "../errors/wb-error.ts";
import { BAICHUAN } from "./families/baichuan.ts";
import { BLOOM } from "./families/bloom.ts";
import { CHATGLM2, GLM } from "./families/chatglm2.ts";
import { DEEPSEEK_V2, DEEPSEEK_V3 } from "./families/deepseek.ts";
import { BERT, ERNIE, ROBERTA } from "./families/encoders.ts";
import { ERNIE4_5_MOE } from "./families/ernie4-5-moe.ts";
import { ERNIE4_5 } from "./families/ernie4-5.ts";
import { GEMMA, GEMMA2 } from "./families/gemma.ts";
import { GEMMA3 } from "./families/gemma3.ts";
import { GLM4_MOE } from "./families/glm4-moe.ts";
import { GLM4 } from "./families/glm4.ts";
import { GPT2 } from "./families/gpt2.ts";
import { INTERNLM } from "./families/internlm.ts";
import { INTERNLM2 } from "./families/internlm2.ts";
import { INTERNLM3 } from "./families/internlm3.ts";
import { LLAMA } from "./families/llama.ts";
import { MISTRAL } from "./families/mistral.ts";
import { MIXTRAL } from "./families/mixtral.ts";
import { OPT } from "./families/opt.ts";
import { PHI3 } from "./families/phi3.ts";
import { QWEN2_MOE, QWEN3_MOE } from "./families/qwen-moe.ts";
import { QWEN2 } from "./families/qwen2.ts";
import { QWEN3 } from "./families/qwen3.ts";
import { SEED_OSS } from "./families/seed-oss.ts";
import type { Family } from "./family.ts";

/** Every family that there is a description of. */
export const FAMILIES: readonly Family[] = [
  INTERNLM,
  INTERNLM2,
  INTERNLM3,
  LLAMA,
  BAICHUAN,
  CHATGLM2,
  GLM,
  GLM4,
  QWEN2,
  QWEN3,
  MISTRAL,
  ERNIE4_5,
  SEED_OSS,
  PHI3,
  GEMMA,
  GEMMA2,
  GEMMA3,
  MIXTRAL,
  QWEN2_MOE,
  QWEN3_MOE,
  ERNIE4_5_MOE,
  GLM4_MOE,
  DEEPSEEK_V2,
  DEEPSEEK_V3,
  GPT2,
  OPT,
  BLOOM,
  BERT,
  ROBERTA,
  ERNIE,
];

const BY_NAME: ReadonlyMap<string, Family> = new Map(
  FAMILIES.map((family) => [family.name, family]),
);

/** The family that a configuration was read by. */
export function familyOf(name: string): Family {
  const family = BY_NAME.get(name);
  if (family !== undefined) return family;
  throw new WbError("WB7001", `there is no family ${name}`);
}
