import { WbError } from "../../errors/wb-error.ts";
import { readDcpTable } from "../../formats/dcp/metadata.ts";
import { readPaddle } from "../../formats/paddle/read.ts";
import type { PickleOptions } from "../../formats/pickle/options.ts";
import { isLegacyHead, legacyEnd, readPytorchLegacy } from "../../formats/pytorch/legacy.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import type { Examination } from "../context.ts";
import { examined, notUnderstood, type Judgement } from "../judgement.ts";
import { findNested } from "../pickle/nested.ts";
import { tracePickle, type PickleTrace } from "../pickle/trace.ts";

/** Pickles one after another in a file that should hold one. */
const MAX_PICKLES = 1000;

/** Pickles at the head of torch.save's older format: two constants, the system, the object, the keys. */
const LEGACY_PICKLES = 5;

/** Bytes that tell the older format. */
const HEAD_BYTES = 64;

/**
 * Judges a file that begins with a pickle, whose trace is given. Python loads the first alone, but what follows it would be
 * loaded by a program that loads on, so all of the file must be pickles, or storages whose places the pickles tell.
 */
export async function examinePickle(
  source: ByteSource,
  first: PickleTrace,
  context: Examination,
): Promise<Judgement> {
  const head = await source.read(0, Math.min(HEAD_BYTES, source.byteLength));
  const isLegacy = isLegacyHead(head);
  const listener = context.findings.listener(context);
  let trace = first;
  let count = 1;
  while (trace.broken === undefined) {
    if (trace.frameEnd !== undefined) {
      return notUnderstood(
        `a pickle whose frame ends at byte ${trace.frameEnd}, not with it at byte ${trace.end}: CPython's readers go on at different places`,
      );
    }
    if (trace.end >= source.byteLength) break;
    if (isLegacy && count === LEGACY_PICKLES) return legacy(source, context);
    if (count === MAX_PICKLES)
      return notUnderstood(`more than ${MAX_PICKLES} pickles, one after another`);
    trace = await tracePickle(source, trace.end, listener, context.signal);
    count++;
  }
  if (trace.broken !== undefined) {
    context.findings.takeUnsafe(trace.broken);
    const behind = count > 1 ? `${count - 1} pickles, and bytes behind them: ` : "a pickle: ";
    return notUnderstood(behind + trace.broken.message);
  }
  if (isLegacy && count === LEGACY_PICKLES) return legacy(source, context);
  await findNested(source, context.findings, context.signal);
  await takeDanger(context, () =>
    context.findings.isTable ? readDcpTable(source) : readPaddle(source, optionsOf(context)),
  );
  return examined(count === 1 ? "a pickle" : `${count} pickles, one after another`);
}

/** Behind the pickles of the older format come storages, which torch reads as numbers, to the end of the file. */
async function legacy(source: ByteSource, context: Examination): Promise<Judgement> {
  const what = "torch.save's format before 1.6: five pickles, then the numbers of its storages";
  // What names are allowed is judged already.
  let end = 0;
  const problem = await takeDanger(context, async () => {
    end = await legacyEnd(source, { ...optionsOf(context), allow: () => true });
  });
  if (problem !== undefined) return notUnderstood(`${what}: ${problem.message}`);
  // Unsafe already: where it ends was not looked for.
  if (end === 0) return examined(what);
  if (end < source.byteLength) {
    const listener = context.findings.listener(context);
    await tracePickle(source, end, listener, context.signal);
    return notUnderstood(
      `${what}; ${source.byteLength - end} bytes behind them, which a program that reads on would take`,
    );
  }
  const error = await takeDanger(context, () => readPytorchLegacy(source, optionsOf(context)));
  return examined(error === undefined ? what : `${what}; not opened as weights: ${error.message}`);
}

/** How readers read what is examined: they refuse the names that this file's weights have no use for. */
export function optionsOf({ findings, signal }: Examination): Partial<PickleOptions> {
  const allow = findings.allows.bind(findings);
  return signal === undefined ? { allow } : { allow, signal };
}

/**
 * Opens what was traced as conversion does, for what only its reader sees: bombs, and calls of what is no name.
 * Gives what kept it from being opened.
 */
export async function takeDanger(
  { findings, isScript }: Examination,
  open: () => Promise<unknown>,
): Promise<WbError | undefined> {
  if (findings.isUnsafe || isScript) return undefined;
  try {
    await open();
    return undefined;
  } catch (error) {
    if (!(error instanceof WbError)) throw error;
    findings.takeUnsafe(error);
    return error;
  }
}
