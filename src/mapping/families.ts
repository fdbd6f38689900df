import { DECODER } from "./families/decoder.ts";
import type { Family } from "./family.ts";
import type { FamilyName } from "./model-config.ts";

const FAMILIES: Readonly<Record<FamilyName, Family>> = {
  internlm: DECODER,
  llama: DECODER,
};

export function familyOf(name: FamilyName): Family {
  return FAMILIES[name];
}
