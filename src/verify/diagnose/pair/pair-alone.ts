import { inLayer, layerOf } from "../../../model/layer-number.ts";
import { nearness, type Claim, type Statement } from "../../relate/claim.ts";
import { commonLayer, type Diagnosis } from "../diagnosis.ts";
import { castBetween } from "./pair-cast.ts";
import { describeCorruption } from "./pair-corruption.ts";
import type { HostTensor } from "../../compare/model-runner.ts";
import { isDamage, isRearranged, keptPart, shareOf } from "./pair-kept.ts";
import type { Pair } from "./pair.ts";
import { drawnBeside } from "../values/fresh.ts";
import { percent } from "../percent.ts";
import { sizeOf } from "../hypotheses/tensor-edits.ts";

/** Share of their size that values of another version are off by at most: training moves weights by some percent. */
const SAME_TENSOR = 0.5;

/** What one tensor shows beside its reference when nothing was merely moved or related. */
export async function judgeAlone(pair: Pair, name: string): Promise<Diagnosis> {
  const [ours, reference] = [await pair.readOurs(name), await pair.readReference(name)];
  const say = (
    cause: Diagnosis["cause"],
    evidence: string,
    statement?: Statement,
    of?: string,
  ): Diagnosis => ({
    cause,
    tensors: [name],
    ...commonLayer([name]),
    evidence,
    ...(statement === undefined ? {} : { claims: [claimOf(name, statement, of)] }),
  });
  const nonFinite = ours.data.reduce((count, value) => count + (Number.isFinite(value) ? 0 : 1), 0);
  if (nonFinite > 0)
    return say("non-finite", `${nonFinite} elements are NaN or infinite`, {
      kind: "non-finite",
      count: nonFinite,
    });
  const rounding = castBetween(ours, reference, pair.dtypeOf(name));
  if (rounding !== undefined) return say("cast", rounding);
  const share = shareOf(ours, reference);
  const damage = describeCorruption(ours, reference);
  if (damage !== undefined && isStretch(damage.statement)) {
    // One part of it in another order, scaled or of another version is no damage.
    if (isRearranged(ours, reference))
      return say(
        "undetermined",
        `${damage.text}; the values are the other side's, each once, in an order that is not known`,
        damage.statement,
      );
    if (!isDamage(share))
      return say(
        "undetermined",
        `${damage.text}; their correlation with the other side's is ${share.correlation.toFixed(2)}`,
        damage.statement,
      );
  }
  if (damage !== undefined) {
    const { statement } = damage;
    const source = isStretch(statement) ? await sourceOf(pair, name, ours, statement) : undefined;
    return source === undefined
      ? say("corrupt", damage.text, statement)
      : say("corrupt", `${damage.text}; they are those of ${source}`, statement);
  }
  const kept = isDamage(share) ? keptPart(share) : undefined;
  if (kept !== undefined) return say("corrupt", kept.text, kept.statement);
  const near = nearness(ours, reference);
  const statement: Statement = { kind: "near", ...near };
  if (near.share <= SAME_TENSOR)
    return say(
      "other-version",
      `${percent(near.share)} off, all over, as no known mistake makes them: another version of the other side's`,
      statement,
    );
  if (isRearranged(ours, reference))
    return say(
      "undetermined",
      `its values are the other side's, each once, in an order that is not known; ${percent(share.equal / ours.data.length)} of them stand in their own place`,
      statement,
    );
  const drawn = drawnBeside(ours, reference);
  if (drawn !== undefined)
    return say(
      "corrupt",
      `its values are as independent normal draws of size ${drawn.toPrecision(2)} are, alike in all rows and columns, which those of the other side are not: as before anything was loaded`,
      { kind: "drawn", size: drawn },
    );
  const equal =
    share.equal === 0 ? "none is equal" : `${percent(share.equal / ours.data.length)} are equal`;
  return say(
    "undetermined",
    `its values are not the other side's, in no way that is known: ${equal}, and their correlation is ${near.correlation.toFixed(2)}`,
    statement,
  );
}

type Stretch = Extract<Statement, { kind: "stretch" }>;

/** Whether damage is a stretch of any values, as many relations that are not known leave one. */
function isStretch(statement: Statement): statement is Stretch {
  return statement.kind === "stretch" && statement.value === undefined;
}

function claimOf(tensor: string, statement: Statement, of: string | undefined): Claim {
  return { tensor, ...(of === undefined ? {} : { of }), ...statement };
}

/** The same tensor of another layer that has these elements at the same place. */
async function sourceOf(
  pair: Pair,
  name: string,
  ours: HostTensor,
  { begin, end }: { readonly begin: number; readonly end: number },
): Promise<string | undefined> {
  const layer = layerOf(name);
  const { rows } = sizeOf(ours);
  const width = ours.data.length / rows;
  if (layer === undefined) return undefined;
  const [first, last] = [Math.floor(begin / width), Math.ceil(end / width)];
  for (const other of pair.reference.keys()) {
    if (other === name || inLayer(other, layer) !== name) continue;
    const assembly = pair.reference.get(other);
    if (assembly?.shape.join() !== ours.shape.join()) continue;
    const { data } = await pair.referenceRows(other, first, last);
    const offset = first * width;
    let index = begin;
    while (index < end && ours.data[index] === data[index - offset]) index++;
    if (index === end) return other;
  }
  return undefined;
}
