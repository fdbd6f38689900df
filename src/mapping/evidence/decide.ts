import { WbError } from "../../errors/wb-error.ts";
import type { LinearLayout } from "../../model/parameter.ts";
import { quantisedTensors } from "../../model/quantised.ts";
import { shownName } from "../../tensor/shown-name.ts";
import type { Checkpoint, StoredTensor } from "../../tensor/table.ts";
import type { LayoutEvidence } from "../layout.ts";
import { fileLayout, judge, type Judgement } from "./judge.ts";
import { splitName, type ModuleTensors } from "./modules.ts";
import type { Told } from "./told.ts";

export interface EvidenceOptions {
  readonly target: LinearLayout;
  readonly sourceLayout: LinearLayout | undefined;
  readonly told: Told;
}

/** Whether a tensor is transposed on its way, with the reason. */
export interface Decision {
  readonly transposed: boolean;
  readonly why: string;
}

/** What every Linear weight is, by itself or by the others. @throws WbError WB2713. */
export function decide(
  checkpoint: Checkpoint,
  modules: ReadonlyMap<string, ModuleTensors>,
  { target, sourceLayout: believed, told }: EvidenceOptions,
): {
  readonly layouts: ReadonlyMap<string, Decision>;
  readonly sourceLayout: LinearLayout | "unknown";
  readonly evidence: readonly LayoutEvidence[];
} {
  const quantised = quantisedTensors(checkpoint.tensors.map(({ name }) => name));
  const judged = checkpoint.tensors.map((tensor): readonly [StoredTensor, Judgement] => [
    tensor,
    quantised.has(tensor.name)
      ? { kind: "same", why: "codes and scales of a quantised matrix stay as stored" }
      : judge(tensor, modules.get(splitName(tensor.name).module) ?? new Map()),
  ]);
  const shown = judged.flatMap(([, one]) => (one.kind === "linear" ? [one.evidence] : []));
  const agreed = new Set(shown.map(({ layout }) => layout));
  const [only] = agreed;
  const linears = judged.flatMap(([tensor, { kind }]) => (kind === "same" ? [] : [tensor]));
  const ofFile =
    agreed.size > 0
      ? undefined
      : fileLayout(linears, checkpoint.format, checkpoint.metadata.get("format"));
  const others = believed ?? (agreed.size === 1 ? only : ofFile?.layout);
  const evidence = ofFile === undefined ? shown : [ofFile];
  const layouts = new Map<string, Decision>();
  const undecided: string[] = [];
  for (const [tensor, judgement] of judged) {
    const option = told.of(tensor.name);
    if (option !== undefined) {
      layouts.set(tensor.name, { transposed: option.transposed, why: `as asked (${option.text})` });
      continue;
    }
    switch (judgement.kind) {
      case "same":
        layouts.set(tensor.name, { transposed: false, why: judgement.why });
        break;
      case "linear":
        layouts.set(
          tensor.name,
          decision(believedOr(judgement.evidence), target, judgement.evidence.why),
        );
        break;
      case "likeOthers":
        if (others === undefined) undecided.push(`${shownName(tensor.name)}: ${judgement.why}`);
        else layouts.set(tensor.name, decision(others, target, `${judgement.why}; ${reason()}`));
        break;
      case "undecided":
        undecided.push(`${shownName(tensor.name)}: ${judgement.why}`);
        break;
      default:
        judgement satisfies never;
    }
  }
  if (undecided.length > 0) throw undecidedError(checkpoint.path, undecided, agreed.size);
  return {
    layouts,
    sourceLayout: believed ?? (agreed.size === 1 ? only : ofFile?.layout) ?? "unknown",
    evidence: believed === undefined ? evidence : [],
  };

  /** A shape that can only be one of the two is believed more than anybody. */
  function believedOr({ shape, layout }: LayoutEvidence): LinearLayout {
    return shape[0] === shape[1] ? (believed ?? layout) : layout;
  }

  function reason(): string {
    if (believed !== undefined) return `--source-layout ${believed}`;
    const [first] = evidence;
    return first === undefined ? "" : `${shownName(first.tensor)} tells: ${first.why}`;
  }
}

function decision(stored: LinearLayout, target: LinearLayout, why: string): Decision {
  const order = target === "torch" ? "[out, in]" : "[in, out]";
  return stored === target
    ? { transposed: false, why: `stored as ${order} already (${why})` }
    : { transposed: true, why: `to ${order} (${why})` };
}

/** Tensors that a message lists; the rest are counted. */
const MAX_LISTED = 10;

function undecidedError(path: string, undecided: readonly string[], layouts: number): WbError {
  const more = undecided.length - MAX_LISTED;
  const lines = undecided.slice(0, MAX_LISTED).map((line) => `  ${line}`);
  if (more > 0) lines.push(`  and ${more} more`);
  const others =
    layouts === 0
      ? "no other weight of the file shows a layout"
      : layouts > 1
        ? "others of the file show both layouts"
        : "others of the file do not decide it";
  return new WbError(
    "WB2713",
    `${path}: whether these are to be transposed cannot be told, and ${others}:\n${lines.join("\n")}`,
    { details: { path, tensors: undecided.map((line) => line.slice(0, line.indexOf(": "))) } },
  );
}
