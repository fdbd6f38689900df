import { shownText } from "../tensor/shown-name.ts";
import { listed } from "../verify/listed.ts";
import type { Diagnosis } from "../verify/diagnose/diagnosis.ts";

/** Tensors that a line lists. */
const LISTED = 4;

/** One cause as one line, whatever the names in it are. */
export function renderDiagnosis({ cause, tensors, layer, evidence }: Diagnosis): string {
  const names = listed(tensors, LISTED);
  const place = names === "" ? "" : ` ${names}`;
  const where = layer === undefined ? "" : ` (layer ${layer})`;
  return shownText(`  cause: ${cause}${place}${where}: ${evidence}`);
}

/** Diagnoses as JSON has them: what they say as data is for a program that checks it, and as long as the tensors are. */
export function diagnosisJson(
  diagnoses: readonly Diagnosis[],
): readonly Omit<Diagnosis, "claims">[] {
  return diagnoses.map(({ claims: _claims, ...diagnosis }) => diagnosis);
}
