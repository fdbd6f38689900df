import { WbError } from "../errors/wb-error.ts";
import { detectFormat, type DetectedFormat } from "./detect.ts";
import { readPaddle } from "./paddle/read.ts";
import { isAllowedGlobal } from "./pickle/allow.ts";
import type { PickleGlobal } from "./pickle/value.ts";
import { readPickle } from "./pickle/read.ts";
import { readLegacyPickles, readPytorchLegacy } from "./pytorch/legacy.ts";
import { readPytorchTar } from "./pytorch/tar.ts";
import { openArchive, readPytorchZip } from "./pytorch/zip.ts";
import { readSafetensors } from "./safetensors/read.ts";
import type { FileSource } from "../sources/file.ts";

/** A global that a pickle names. */
export interface ScannedGlobal {
  readonly module: string;
  readonly name: string;
  readonly file: string;
  /** Byte of the opcode that names it: in the file, or in the record of the zip or tar that holds the pickle. */
  readonly offset: number;
  /** Whether it is on the list of those that files of weights need. */
  readonly allowed: boolean;
}

/** Why a file is unsafe beyond the globals that it names. */
export interface ScanReason {
  readonly code: WbError["code"];
  readonly message: string;
  readonly file: string;
}

export interface FileScan {
  readonly format: DetectedFormat;
  readonly globals: readonly ScannedGlobal[];
  readonly reasons: readonly ScanReason[];
  /** Why the file, safe or not, could not be opened as weights. */
  readonly notes: readonly string[];
}

/** Allowed globals that are kept, and as many others; a file with more has shown what it is. */
const MAX_GLOBALS = 100_000;

/** Pickles one after another in a file that should hold one. */
const MAX_PICKLES = 1000;

/**
 * Reads every pickle of a file with the machine that conversion uses, runs nothing, and lists every global it names.
 * @throws WbError of class 3 or 4 when the file cannot be read to the end of its pickles and nothing unsafe was met before.
 */
export async function scanFile(source: FileSource, signal?: AbortSignal): Promise<FileScan> {
  const format = await detectFormat(source);
  const globals: ScannedGlobal[] = [];
  const reasons: ScanReason[] = [];
  const notes: string[] = [];
  const file = source.label;
  const kept = { allowed: 0, others: 0 };
  const collect = ({ module, name, offset }: PickleGlobal): void => {
    const allowed = isAllowedGlobal(module, name);
    // Counted apart, so that no crowd of harmless names can hide a harmful one.
    if (kept[allowed ? "allowed" : "others"]++ >= MAX_GLOBALS) return;
    globals.push({ module, name, file, offset, allowed });
  };
  const isUnsafe = (): boolean => reasons.length > 0 || globals.some(({ allowed }) => !allowed);
  try {
    await readPickles(source, format, collect, signal);
  } catch (error) {
    if (!(error instanceof WbError)) throw error;
    const { code, message } = error;
    if (isPayload(code)) reasons.push({ code, message, file });
    else if (!isUnsafe()) throw error;
    else notes.push(message);
    return { format, globals, reasons, notes };
  }
  if (!isUnsafe()) {
    const error = await openingError(source, format, signal);
    if (error !== undefined && isPayload(error.code)) {
      reasons.push({ code: error.code, message: error.message, file });
    } else if (error !== undefined) notes.push(error.message);
  }
  return { format, globals, reasons, notes };
}

/** What is unsafe by itself: class 5, and archives that hold a program. */
function isPayload(code: WbError["code"]): boolean {
  return code.startsWith("WB5") || code === "WB4302";
}

interface ScanningOptions {
  /** Everything: the machine goes on past globals that conversion would refuse, so that all are listed. */
  readonly allow: () => true;
  readonly onGlobal: (global: PickleGlobal) => void;
  readonly signal?: AbortSignal;
}

async function readPickles(
  source: FileSource,
  format: DetectedFormat,
  onGlobal: (global: PickleGlobal) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const options: ScanningOptions = {
    allow: () => true,
    onGlobal,
    ...(signal === undefined ? {} : { signal }),
  };
  switch (format) {
    case "pytorch-zip":
      await readPickle((await openArchive(source)).pickle, 0, options);
      break;
    case "pytorch-legacy":
      await readLegacyPickles(source, options);
      break;
    case "pytorch-tar":
      await readPytorchTar(source, options);
      break;
    case "paddle":
      await readAllPickles(source, options);
      break;
    case "safetensors":
      await readSafetensors(source);
      break;
    case "index":
      break;
    default:
      format satisfies never;
  }
}

/** Python loads the first pickle alone, but what follows it would be loaded by whoever loads on. */
async function readAllPickles(source: FileSource, options: ScanningOptions): Promise<void> {
  let { end } = await readPickle(source, 0, options);
  for (let count = 1; end < source.byteLength; count++) {
    if (count === MAX_PICKLES) {
      throw new WbError(
        "WB3401",
        `${source.label}: more than ${MAX_PICKLES} pickles, one after another`,
      );
    }
    ({ end } = await readPickle(source, end, options));
  }
}

/** What opening the file as conversion does would say; undefined when it would succeed. */
async function openingError(
  source: FileSource,
  format: DetectedFormat,
  signal: AbortSignal | undefined,
): Promise<WbError | undefined> {
  const options = signal === undefined ? {} : { signal };
  try {
    if (format === "pytorch-zip") await readPytorchZip(source, options);
    else if (format === "pytorch-legacy") await readPytorchLegacy(source, options);
    else if (format === "paddle") await readPaddle(source, options);
    return undefined;
  } catch (error) {
    if (error instanceof WbError) return error;
    throw error;
  }
}
