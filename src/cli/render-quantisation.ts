import type { QuantisationSummary } from "../verify/quantised/summary.ts";
import { plural } from "./plural.ts";
import { otherScalesLines } from "./render-blocks.ts";
import { matrixLines } from "./render-matrix.ts";

/** Layers that the text lists; --json has all. */
const LISTED = 6;

/** What of a quantised model rounding explains, and what it costs. */
export function quantisationLines(summary: QuantisationSummary): readonly string[] {
  const { blocks, tensors, layers, settings, positions, kl, top1Agreement } = summary;
  const worst = tensors.reduce((most, tensor) => Math.max(most, tensor.worst ?? Infinity), 0);
  const shown = layers
    .toSorted((left, right) => (right.loss ?? Infinity) - (left.loss ?? Infinity))
    .slice(0, LISTED)
    .map(
      ({ layer, types, loss }) =>
        `${layer === null ? "no layer" : `layer ${layer}`} ${percent(loss)} (${types.join(", ")})`,
    );
  return [
    `    quantised: ${plural(tensors.length, "tensor")}, ${plural(blocks.total, "block")}: ${blocks.identical} with the very bytes of quantising the original, ${blocks.rounded} explained by rounding, ${blocks.unexplained} not explained`,
    ...[...otherScalesLines(summary.otherScales), ...matrixLines(summary)].map(
      (line) => `    ${line}`,
    ),
    `    largest error: ${worst.toPrecision(3)} half steps of its block; lost of the weights: ${shown.join(", ")}`,
    ...(settings === null
      ? []
      : [
          `    settings: the original's weights under them ${settings.passes ? "compute the same" : "compute something else"}, largest difference ${(settings.maxAbs ?? Number.NaN).toPrecision(2)}`,
        ]),
    ...(kl === null || top1Agreement === null
      ? []
      : [
          `    cost in logits: ${plural(positions.length, "position")}, KL ${kl.toPrecision(2)} nats, the same likeliest token at ${percent(top1Agreement)}`,
        ]),
  ];
}

function percent(share: number | null): string {
  return share === null ? "unknown" : `${(100 * share).toPrecision(3)} %`;
}
