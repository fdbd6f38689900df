import { layerNames } from "../hypotheses/hypotheses.ts";
import { layerOf } from "../../../model/layer-number.ts";
import type { Diagnosis } from "../diagnosis.ts";
import type { LocalLab } from "../golden/local-lab.ts";

/** Share of what a layer adds that another version of it is off by at most: another mistake changes more. */
const NEAR = 0.25;

/** Layers that a sentence lists. */
const LISTED = 8;

/**
 * Layers that no known mistake explains and that are a little off each: another version of them, where the embeddings are another
 * version, too, or all other layers are right. Where every layer is off, an adapter or a setting does the same, and only the measure is
 * told.
 * @param departing How many parts of the model depart, embeddings and head among them.
 * @param isCut Whether the search for known mistakes ended before all were tried.
 */
export async function nearVersions(
  lab: LocalLab,
  diagnoses: readonly Diagnosis[],
  departing: number,
  isCut: boolean,
): Promise<readonly Diagnosis[]> {
  const open = diagnoses.filter(
    ({ cause, layer }) => cause === "undetermined" && layer !== undefined,
  );
  // Nothing tells another version of one layer from an adapter or damage in it; that all else is right is known.
  if (departing === 1 && lab.laboratory.config.layers > 1)
    return diagnoses.map((diagnosis) =>
      open.includes(diagnosis)
        ? {
            ...diagnosis,
            evidence: `${diagnosis.evidence}; all other layers, the embeddings and the head are right`,
          }
        : diagnosis,
    );
  const shares: number[] = [];
  for (const { layer = 0 } of open) shares.push(await lab.share(layer));
  if (open.length < 2 || !shares.every((share) => share <= NEAR)) return diagnoses;
  const { config } = lab.laboratory;
  const isTable = diagnoses.some(({ cause }) => cause === "other-version");
  const isSome = open.length < config.layers;
  const layers = open.flatMap(({ layer }) => layer ?? []);
  const [least, most] = [Math.min(...shares), Math.max(...shares)].map((share) =>
    (100 * share).toPrecision(2),
  );
  const listed = layers.slice(0, LISTED).join(", ") + (layers.length > LISTED ? " and more" : "");
  const measured = `what layers ${listed} add is ${String(least)} to ${String(most)} % off`;
  const isRestRight = diagnoses.every(
    ({ layer, cause, tensors }) =>
      cause === "undetermined" ||
      (layer === undefined && tensors.every((name) => layerOf(name) === undefined)),
  );
  const rest = isSome && isRestRight ? ", and what the other layers add is right" : "";
  const [first] = open;
  const isTableRight = diagnoses.length === open.length ? ", and all else is right" : "";
  const known = diagnoses.filter((diagnosis) => !open.includes(diagnosis));
  // Beside another mistake in other layers, these may have it, too, where it was not found.
  if (!isTable && !(isSome && isRestRight))
    return [
      ...known,
      {
        cause: "undetermined",
        tensors: [],
        evidence: `${measured}${isSome ? "" : ", in every layer"}${isTableRight}; ${first?.evidence ?? ""}`,
      },
    ];
  return [
    ...known,
    {
      cause: "other-version",
      tensors: layers.flatMap((layer) => layerNames(layer, lab.laboratory.names())),
      evidence: `${measured}${rest}; no known mistake explains it${isCut ? ", as far as the search went" : ""}: another version of them`,
    },
  ];
}
