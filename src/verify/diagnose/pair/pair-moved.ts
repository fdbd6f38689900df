import { EMBEDDINGS, HEAD } from "../../../model/network.ts";
import { sameShape } from "../../../tensor/shape.ts";
import type { HostTensor } from "../../compare/model-runner.ts";
import { commonLayer, type Diagnosis } from "../diagnosis.ts";
import type { Pair } from "./pair.ts";
import { sameValues } from "../hypotheses/tensor-edits.ts";

const TABLES: ReadonlySet<string> = new Set([EMBEDDINGS, HEAD]);

/** Tensors that hold another tensor's values, and what stands in that one's own place; takes them out of `wrong`. */
export async function heldByOthers(pair: Pair, wrong: Set<string>): Promise<readonly Diagnosis[]> {
  const found: Diagnosis[] = [];
  for (const name of wrong) {
    if (!wrong.has(name)) continue;
    const other = await sourceOf(pair, name);
    if (other === undefined) continue;
    const isSwap = wrong.has(other) && (await sourceOf(pair, other)) === name;
    const isKept = !isSwap && !wrong.has(other) && (await isOwn(pair, other));
    const tensors = isSwap ? [name, other] : [name];
    for (const one of tensors) wrong.delete(one);
    const isTied = isKept && TABLES.has(name) && TABLES.has(other);
    found.push({
      cause: isTied ? "tied" : isKept ? "duplicated" : "swapped",
      tensors,
      ...commonLayer(tensors),
      evidence: isSwap
        ? "stored under each other's name: each holds the other side's values of the other"
        : `it holds the values of ${other}${isKept ? ", which stand in their own place, too" : ""}`,
      claims: isSwap
        ? [
            { tensor: name, of: other, kind: "equal" },
            { tensor: other, of: name, kind: "equal" },
          ]
        : [
            { tensor: name, of: other, kind: "equal" },
            ...(isKept ? [{ tensor: other, kind: "equal" } as const] : []),
          ],
      after: 0,
    });
  }
  return found;
}

/** A head of its own where the other side's is its embeddings. */
export async function untiedHead(pair: Pair, wrong: Set<string>): Promise<readonly Diagnosis[]> {
  if (!wrong.has(HEAD) || !pair.reference.has(EMBEDDINGS) || !pair.isReadable(HEAD)) return [];
  const [head, table] = [await pair.readReference(HEAD), await pair.readReference(EMBEDDINGS)];
  if (wrong.has(EMBEDDINGS) || !sameValues(head, table)) return [];
  wrong.delete(HEAD);
  return [
    {
      cause: "tied",
      tensors: [HEAD],
      evidence:
        "on the other side lm_head is the embeddings, here it is not; the embeddings are the same on both sides",
      claims: [{ tensor: EMBEDDINGS, of: HEAD, kind: "equal" }],
      after: 0,
    },
  ];
}

async function isOwn(pair: Pair, name: string): Promise<boolean> {
  return (
    pair.isReadable(name) && sameValues(await pair.readOurs(name), await pair.readReference(name))
  );
}

/** Another tensor of the reference whose values ours has under this name; the nearest name first. */
async function sourceOf(pair: Pair, name: string): Promise<string | undefined> {
  if (!pair.isReadable(name)) return undefined;
  const ours = await pair.readOurs(name);
  // One value throughout tells nothing about where it belongs.
  if (ours.data.every((value) => value === ours.data[0])) return undefined;
  for (const [other, { shape }] of pair.reference) {
    if (other === name || !sameShape(shape, ours.shape)) continue;
    // The first row tells nearly all others apart, and is read in no time.
    if (!startsWith(ours, await pair.firstRow(other))) continue;
    if (sameValues(ours, await pair.readReference(other))) return other;
  }
  return undefined;
}

function startsWith({ data }: HostTensor, beginning: HostTensor): boolean {
  return beginning.data.every((value, index) => Object.is(value, data[index]));
}
