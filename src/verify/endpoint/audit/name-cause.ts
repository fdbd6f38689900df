import type { Diagnosis } from "../../diagnose/diagnosis.ts";
import type { AuditJudgement, Case, Fit } from "./judge.ts";
import { ALPHA } from "./judge.ts";

/** Standard deviations within which a rival's own tokens are. */
const FITS = 4;

/** Nats by which the best rival is ahead of any other that has its name. */
const AHEAD = 3;

/** Greedy tokens beyond noise that say something by themselves. */
const FEW = 2;

/**
 * What the server does, where its tokens are not ours: a rival that they fit and that leads every other that they fit. Where there is
 * none, the weights or settings are others.
 */
export function nameCause(judgement: AuditJudgement): Diagnosis {
  const { own, cases, drawn, greedy } = judgement;
  const against = `the tokens are not drawn from these weights: evidence e^${judgement.highest.toFixed(1)} at its highest over ${drawn} drawn and ${greedy} greedy tokens, of which an honest server reaches e^${judgement.threshold.toFixed(1)} with a chance of ${ALPHA} at most, whenever one stops`;
  const fitting = cases
    .filter(({ rival }) => rival.cause !== undefined)
    .filter(({ fit }) => isPlausible(fit) && isBetter(fit, own, judgement))
    .toSorted((left, right) => right.fit.log - left.fit.log);
  const [best, ...rest] = fitting;
  const near = rest.filter(({ fit }) => best !== undefined && fit.log > best.fit.log - AHEAD);
  if (best === undefined)
    return {
      cause: "other-weights",
      tensors: [],
      evidence: `${against}; other weights, or other settings of these; none of these explains the tokens: another temperature, ${[...new Set(cases.flatMap(({ rival }) => (rival.cause === undefined || rival.cause === "temperature" ? [] : [`that the server ${rival.what}`])))].join(", ")}`,
    };
  const isSame = near.every(({ rival }) => rival.cause === best.rival.cause);
  if (!isSame)
    return {
      cause: "undetermined",
      tensors: [],
      evidence: `${against}; several explain them as well, within ${AHEAD} nats: that the server ${[best, ...near].map(({ rival }) => rival.what).join(", or that it ")}`,
    };
  // Neighbouring temperatures are one cause; two sorts of weights are told together.
  const what =
    best.rival.cause === "temperature"
      ? best.rival.what
      : [best, ...near].map(({ rival }) => rival.what).join(", or ");
  return {
    cause: best.rival.cause ?? "undetermined",
    tensors: [],
    evidence: `${against}; the server ${what}: the tokens are ${(best.fit.log - own.log).toFixed(1)} nats likelier so${best.fit.beyond < own.beyond ? `, ${own.beyond - best.fit.beyond} of ${own.beyond} greedy ones that ours do not give are its own` : ""}, and as likely as its own are (${deviations(best)})`,
  };
}

const deviations = ({ fit }: Case): string =>
  `${fit.surprise.toFixed(1)} standard deviations from the mean`;

function isPlausible({ surprise, beyond }: Fit): boolean {
  return Math.abs(surprise) <= FITS && beyond === 0;
}

/** By drawn tokens, or by greedy ones that are its own and not ours. */
function isBetter(fit: Fit, own: Fit, { needed }: AuditJudgement): boolean {
  if (fit.log - own.log >= needed) return true;
  return own.beyond - fit.beyond >= FEW && fit.log >= own.log - AHEAD;
}
