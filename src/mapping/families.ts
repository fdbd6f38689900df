import { BAICHUAN } from "./families/baichuan.ts";
import { CHATGLM2, GLM } from "./families/chatglm2.ts";
import { INTERNLM } from "./families/internlm.ts";
import { LLAMA } from "./families/llama.ts";
import type { Family } from "./family.ts";
import type { FamilyName } from "../model/config/model-config.ts";

const BY_NAME: Readonly<Record<FamilyName, Family>> = {
  internlm: INTERNLM,
  llama: LLAMA,
  baichuan: BAICHUAN,
  chatglm2: CHATGLM2,
  glm: GLM,
};

/** Every family that there is a description of. */
export const FAMILIES: readonly Family[] = Object.values(BY_NAME);

export function familyOf(name: FamilyName): Family {
  return BY_NAME[name];
}
