import { commonLayer, type Diagnosis } from "./diagnosis.ts";

/**
 * Diagnoses of one cause as one, its tensors joined, in order of first mention; those whose undoing was seen to help come
 * first, then those that the values show, then what is not decided.
 */
export function mergeDiagnoses(diagnoses: readonly Diagnosis[]): readonly Diagnosis[] {
  const byCause = new Map<string, Diagnosis[]>();
  for (const diagnosis of diagnoses) {
    // What is harmless is not joined with what is not.
    const key = `${diagnosis.cause} ${String(diagnosis.harmless ?? false)}`;
    const same = byCause.get(key) ?? [];
    byCause.set(key, same);
    same.push(diagnosis);
  }
  return [...byCause.values()].map(joined).toSorted((left, right) => weight(left) - weight(right));
}

function joined(same: readonly Diagnosis[]): Diagnosis {
  const [first] = same;
  if (first === undefined || same.length === 1)
    return first ?? { cause: "undetermined", tensors: [], evidence: "" };
  const tensors = [...new Set(same.flatMap((diagnosis) => diagnosis.tensors))];
  const { layer: _layer, relation: _relation, ...facts } = first;
  const relation = joinedRelation(same);
  const claims = same.flatMap((diagnosis) => diagnosis.claims ?? []);
  return {
    ...facts,
    tensors,
    ...(claims.length === 0 ? {} : { claims }),
    ...commonLayer(tensors),
    evidence: joinedEvidence(same),
    ...(relation === undefined ? {} : { relation }),
  };
}

/** The relation that all have; else each of the first with the tensor that has it. */
function joinedRelation(same: readonly Diagnosis[]): string | undefined {
  const relations = new Map<string, string>();
  for (const { relation, tensors } of same)
    if (relation !== undefined && !relations.has(relation))
      relations.set(relation, tensors[0] ?? "");
  const [[only] = [undefined]] = relations;
  if (relations.size < 2 && same.every(({ relation }) => relation !== undefined)) return only;
  if (relations.size === 0) return undefined;
  const shown = [...relations]
    .slice(0, MOST_SENTENCES)
    .map(([relation, name]) => `${name}: ${relation}`);
  return shown.join("; ") + (relations.size > MOST_SENTENCES ? "; and others" : "");
}

/** Different sentences that are told of one cause. */
const MOST_SENTENCES = 3;

/** Each sentence is said of the tensors that it was found for, and of no others. */
function joinedEvidence(same: readonly Diagnosis[]): string {
  const tensorsOf = new Map<string, Set<string>>();
  for (const { evidence, tensors } of same) {
    const all = tensorsOf.get(evidence) ?? new Set();
    tensorsOf.set(evidence, all);
    for (const name of tensors) all.add(name);
  }
  const sentences = [...tensorsOf];
  if (sentences.length === 1) return `${sentences[0]?.[0] ?? ""}, in each of them`;
  const shown = sentences.slice(0, MOST_SENTENCES).map(([evidence, tensors]) => {
    const [name, ...others] = tensors;
    const rest = others.length === 0 ? "" : ` and ${others.length} more`;
    return name === undefined ? evidence : `${name}${rest}: ${evidence}`;
  });
  const left = sentences.length - shown.length;
  return shown.join("; ") + (left === 0 ? "" : `; and ${left} more of this cause`);
}

function weight({ cause, after, harmless }: Diagnosis): number {
  if (harmless === true) return 4;
  if (cause === "non-finite") return 0;
  if (cause === "undetermined") return 3;
  if (after !== undefined) return 1;
  // What a cast rounds is seldom what is wrong.
  return cause === "cast" ? 2.5 : 2;
}
