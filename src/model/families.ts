import { WbError } from "../errors/wb-error.ts";
import { BAICHUAN } from "./families/baichuan.ts";
import { CHATGLM2, GLM } from "./families/chatglm2.ts";
import { INTERNLM } from "./families/internlm.ts";
import { LLAMA } from "./families/llama.ts";
import { QWEN2 } from "./families/qwen2.ts";
import type { Family } from "./family.ts";

/** Every family that there is a description of. */
export const FAMILIES: readonly Family[] = [INTERNLM, LLAMA, BAICHUAN, CHATGLM2, GLM, QWEN2];

const BY_NAME: ReadonlyMap<string, Family> = new Map(
  FAMILIES.map((family) => [family.name, family]),
);

/** The family that a configuration was read by. */
export function familyOf(name: string): Family {
  const family = BY_NAME.get(name);
  if (family !== undefined) return family;
  throw new WbError("WB7001", `there is no family ${name}`);
}
