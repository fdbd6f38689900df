import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Diagnosis } from "../../../src/verify/diagnose/diagnosis.ts";
import { diff } from "../../../src/verify/diff.ts";
import { verify } from "../../../src/verify/run.ts";
import { BASE_NAMES, baseOf, type Base, type BaseName } from "./bases.ts";
import { EMBED, HEAD } from "./edits.ts";
import type { Fault, Harmless, Mode } from "./fault.ts";
import { readEditable } from "../editable-model.ts";
import { isTrue } from "./claims.ts";
import { isOfEither, wrongOfEither } from "./either.ts";
import { writePlainGolden } from "./plain-golden.ts";

/** How a fault was judged: right is the right cause first, at tensors that are to blame. */
export type State = "right" | "place" | "undetermined" | "accused" | "undetected";

export interface Finding {
  readonly fault: Fault;
  readonly mode: Mode;
  readonly state: State;
  readonly seconds: number;
  readonly diagnosis: readonly Diagnosis[];
  /** Where both sides are, for what looks the sentences up. */
  readonly ours: string;
  readonly reference: string;
}

/** The bases on disk, their goldens, and one folder for what is wrong. */
export class FaultBench {
  readonly #folder: string;
  readonly #bases = new Map<BaseName, Base>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  async open(names: readonly BaseName[] = BASE_NAMES): Promise<void> {
    for (const name of names) {
      const base = baseOf(name);
      this.#bases.set(name, base);
      await base.model.write(this.reference(name));
      await this.#writeGoldens(base, base.spec, name);
    }
  }

  base(name: BaseName): Base {
    const base = this.#bases.get(name);
    if (base === undefined) throw new Error(`${name} is not open`);
    return base;
  }

  reference(name: BaseName): string {
    return join(this.#folder, name);
  }

  golden(name: string, mode: Mode): string {
    return join(this.#folder, "goldens", `${name}-${mode}.safetensors`);
  }

  async #writeGoldens(base: Base, spec: Base["spec"], name: string): Promise<void> {
    mkdirSync(join(this.#folder, "goldens"), { recursive: true });
    for (const mode of ["states", "logits"] as const)
      await writePlainGolden(this.golden(name, mode), base, spec, mode === "states");
  }

  /** Makes the fault, looks for it, and judges what is said of it. The folder of the faulty model stays until the next. */
  async find(fault: Fault, mode: Mode): Promise<Finding> {
    const base = this.base(fault.base);
    const model = base.model.copy();
    const made = fault.make(model, base);
    // The embeddings serve as the head, too.
    const damaged = base.spec.tied && made.includes(EMBED) ? [...made, HEAD] : made;
    const ours = join(this.#folder, "faulty");
    rmSync(ours, { recursive: true, force: true });
    await model.write(ours);
    const golden = fault.golden === undefined ? base.name : "computed";
    if (fault.golden !== undefined) await this.#writeGoldens(base, fault.golden(base.spec), golden);
    const begin = performance.now();
    const { isDetected, diagnosis } = await this.#run(ours, fault, mode, golden);
    return {
      fault,
      mode,
      state: judge(fault, damaged, isDetected, diagnosis),
      seconds: (performance.now() - begin) / 1000,
      diagnosis,
      ours,
      reference: this.reference(fault.base),
    };
  }

  /** Claims that are not so, of a finding whose folder still stands. */
  async untrue({ fault, mode, diagnosis, ours }: Finding): Promise<readonly string[]> {
    const bare = diagnosis.flatMap((one) =>
      isBare(one, mode) ? [`nothing shown: ${one.evidence}`] : [],
    );
    const claims = diagnosis.flatMap((one) => one.claims ?? []);
    const either = diagnosis.filter(isOfEither);
    if (claims.length + either.length === 0) return bare;
    const config = readFileSync(join(ours, "config.json"), "utf8");
    const sides = {
      ours: await readEditable(join(ours, "model.safetensors"), config),
      reference: this.base(fault.base).model,
    };
    const wrong = claims.filter((claim) => !isTrue(claim, sides));
    return [
      ...bare,
      ...wrong.map(({ tensor, kind }) => `${kind} of ${tensor}`),
      ...either.flatMap((one) => wrongOfEither(one, sides)),
    ];
  }

  async #run(
    ours: string,
    { base }: Fault,
    mode: Mode,
    golden: string,
  ): Promise<{ readonly isDetected: boolean; readonly diagnosis: readonly Diagnosis[] }> {
    if (mode === "diff") {
      const { same, diagnosis } = await diff(ours, this.reference(base));
      return { isDetected: !same, diagnosis };
    }
    const against =
      mode === "pair" ? { other: this.reference(base) } : { golden: this.golden(golden, mode) };
    const { verdict, diagnosis } = await verify(ours, {
      ...against,
      device: "wasm",
      calibrate: false,
    });
    return { isDetected: verdict === "fail", diagnosis };
  }

  /** What is held against a harmless change; empty where nothing is. */
  async excuse(harmless: Harmless, mode: Mode): Promise<string> {
    const base = this.base(harmless.base);
    const model = base.model.copy();
    harmless.make(model, base);
    const ours = join(this.#folder, "harmless");
    rmSync(ours, { recursive: true, force: true });
    await model.write(ours);
    await harmless.files?.(ours);
    if (mode === "diff") {
      const { same, diagnosis } = await diff(ours, this.reference(base.name));
      return same ? "" : `differs: ${diagnosis.map(({ evidence }) => evidence).join("; ")}`;
    }
    const against =
      mode === "pair"
        ? { other: this.reference(base.name) }
        : { golden: this.golden(base.name, mode) };
    const result = await verify(ours, { ...against, device: "wasm", calibrate: false });
    const failures = result.comparisons.flatMap((comparison) => comparison.failures);
    return result.verdict === "pass" ? "" : failures.join("; ");
  }
}

/** Causes that are measured on the golden's numbers alone, or in files beside the weights. */
const MEASURED: ReadonlySet<string> = new Set([
  "undetermined",
  "config-mismatch",
  "tokenizer",
  "other-version",
]);

/** What names alone show, of tensors that are not there. */
const OF_NAMES = "config.json asks for biases";

/** Whether a cause is named, of a golden, without anything that can be looked up in the tensors. */
function isBare(diagnosis: Diagnosis, mode: Mode): boolean {
  const { cause, tensors, evidence, claims = [] } = diagnosis;
  if (isOfEither(diagnosis)) return false;
  const isOfGolden = (mode === "states" || mode === "logits") && !evidence.startsWith(OF_NAMES);
  return isOfGolden && !MEASURED.has(cause) && tensors.length > 0 && claims.length === 0;
}

/** Share of the blamed tensors that must be damaged. */
const NEARLY = 0.9;

function judge(
  { causes }: Fault,
  damaged: readonly string[],
  isDetected: boolean,
  [first]: readonly Diagnosis[],
): State {
  if (!isDetected) return "undetected";
  if (first === undefined || first.cause === "undetermined") return "undetermined";
  if (!causes.some((cause) => cause === first.cause)) return "accused";
  const { tensors } = first;
  if (damaged.length === 0 || tensors.length === 0) return "right";
  // Two values may happen to be alike: nearly all that is blamed was damaged.
  const blamed = tensors.filter((name) => damaged.includes(name)).length;
  return blamed >= NEARLY * tensors.length ? "right" : "place";
}

/** One line of a finding. */
export function lineOf({ fault, mode, state, seconds, diagnosis }: Finding): string {
  const [first] = diagnosis;
  const shown =
    first === undefined
      ? "nothing"
      : `${first.cause} [${first.tensors.length}: ${first.tensors[0] ?? ""}] ${first.evidence}`;
  return `${state.padEnd(12)} ${mode.padEnd(6)} ${seconds.toFixed(1).padStart(5)} s  ${fault.base}: ${fault.name} -> ${shown}`;
}

/** How many of each kind were judged how, a column a mode. */
export function tableOf(findings: readonly Finding[]): string {
  const kinds = [...new Set(findings.map(({ fault }) => fault.kind))];
  const modes = [...new Set(findings.map(({ mode }) => mode))];
  const cell = (own: readonly Finding[]): string => {
    const of = (state: State): number => own.filter((finding) => finding.state === state).length;
    const rest = own.length - of("undetected");
    const others = `${of("undetermined")}u ${of("accused") + of("place")}w`;
    return own.length === 0 ? "" : `${rest}/${own.length} found ${of("right")} right ${others}`;
  };
  const line = (name: string, own: readonly Finding[]): string =>
    `${name.padEnd(20)}${modes.map((mode) => cell(own.filter((one) => one.mode === mode)).padEnd(32)).join("")}`;
  return [
    `${"".padEnd(20)}${modes.map((mode) => mode.padEnd(32)).join("")}`,
    ...kinds.map((kind) =>
      line(
        kind,
        findings.filter(({ fault }) => fault.kind === kind),
      ),
    ),
    line("all", findings),
  ].join("\n");
}
