import type { Language } from "./language.ts";
import { ENGLISH, type Speech } from "./speech.ts";

/** The catalogue of a language is loaded where it is used. */
export async function speechIn(language: Language): Promise<Speech> {
  if (language === "en") return ENGLISH;
  const { CHINESE } = await import("./chinese.ts");
  return CHINESE;
}
