import { WbError } from "../../errors/wb-error.ts";
import { recordIn } from "../../model/config/fields.ts";

/** What a document of `verify --json` says that a statement is made of. */
export interface VerifyDocument {
  readonly verdict: "pass" | "fail";
  readonly tool: { readonly name: string; readonly version: string };
  readonly files: readonly {
    readonly role: string;
    readonly path: string;
    readonly sha256: string;
  }[];
  readonly comparisons: readonly { readonly path: string; readonly verdict: "pass" | "fail" }[];
  /** Time, device, compute dtype, coverage, thresholds and weakened checks, as they stand there. */
  readonly facts: Readonly<Record<string, unknown>>;
}

type Fields = Readonly<Record<string, unknown>>;

/** @throws WbError WB3915. */
export function readVerifyDocument(text: string, path: string): VerifyDocument {
  const refuse = (why: string): WbError =>
    new WbError("WB3915", `${path}: ${why}`, { details: { path } });
  const document = recordIn(text);
  if (document?.["command"] !== "verify" || document["schemaVersion"] !== 1)
    throw refuse("expected what `weighbridge verify --json` printed");
  const { error, verdict, evidence } = document;
  if (error !== undefined) throw refuse("the verification ended in an error, and has no verdict");
  const { tool, files, time } = fieldsOf(evidence);
  const { name, version } = fieldsOf(tool);
  if (!isVerdict(verdict) || typeof name !== "string" || typeof version !== "string")
    throw refuse("it has no evidence: it was printed by a version that records none");
  const comparisons = listOf(document["comparisons"]).map((one) => {
    const { path: reference, verdict: own } = one;
    if (typeof reference !== "string" || !isVerdict(own))
      throw refuse("a comparison lacks its verdict");
    return { path: reference, verdict: own, parity: one["parity"] };
  });
  const { device, backend, compute, coverage, weakened } = document;
  return {
    verdict,
    tool: { name, version },
    files: listOf(files).map((file) => {
      const { role, path: place, sha256 } = file;
      if (typeof role !== "string" || typeof place !== "string")
        throw refuse("a file lacks its path");
      if (typeof sha256 !== "string")
        throw refuse(
          `${place} was read from afar and has no digest: verify a copy on this machine`,
        );
      return { role, path: place, sha256 };
    }),
    comparisons,
    facts: {
      time,
      device,
      backend,
      compute,
      coverage,
      weakened,
      thresholds: comparisons.map(({ path: reference, parity }) => ({
        against: reference,
        gate: fieldsOf(parity)["gate"] ?? null,
      })),
    },
  };
}

const isVerdict = (value: unknown): value is "pass" | "fail" =>
  value === "pass" || value === "fail";

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null
    ? Object.fromEntries(Object.entries(value))
    : {};
}

function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(fieldsOf) : [];
}
