import { basename } from "node:path";
import type { ErrorCode } from "../errors/codes.ts";
import { WbError } from "../errors/wb-error.ts";
import { isOfTable } from "../formats/dcp/allow.ts";
import { isAllowedModule } from "../formats/pickle/allow.ts";
import { isScriptModule } from "../formats/pytorch/script.ts";
import { isOfZero } from "../formats/zero/allow.ts";
import { DCP_TABLE, isDeepSpeedStates } from "../formats/sets/training-folder.ts";
import { isKnownModule, standingOf, type Standing } from "./names.ts";
import type { TraceListener } from "./pickle/machine.ts";
import type { TracedGlobal } from "./pickle/stack.ts";

/** A global that a pickle names. */
export interface ScannedGlobal {
  readonly module: string;
  readonly name: string;
  readonly file: string;
  /** Byte of the opcode that names it: in the file, or in the member of the archive that holds the pickle. */
  readonly offset: number;
  /** Whether it is on the list of those that make values and do nothing else. */
  readonly allowed: boolean;
  /** Where it is not allowed: a class of a known library, whose effect was not examined. */
  readonly library?: true;
  /** The pickle's name inside of the file, where the file is an archive or compressed. */
  readonly member?: string;
}

/** Why a file is unsafe beyond the globals that it names. */
export interface ScanReason {
  readonly code: ErrorCode;
  readonly message: string;
  readonly file: string;
}

/** In which member of the file a pickle is, and whether of TorchScript. */
interface Where {
  readonly member: string;
  readonly isScript: boolean;
}

/** Allowed globals that are kept, and as many others; a file with more has shown what it is. */
const MAX_GLOBALS = 100_000;

/** What was found in one file of the place. */
export class Findings {
  readonly file: string;
  readonly globals: ScannedGlobal[] = [];
  readonly reasons: ScanReason[] = [];
  readonly #kept: Record<Standing, number> = { allowed: 0, library: 0, other: 0 };
  /** Whether torch's distributed checkpoint reads it as its table, whose classes hold facts and do nothing. */
  readonly isTable: boolean;

  /** Whether DeepSpeed reads it as its states, which name classes of its own that hold numbers and do nothing. */
  readonly #isZero: boolean;

  constructor(file: string) {
    this.file = file;
    this.isTable = basename(file) === DCP_TABLE;
    this.#isZero = isDeepSpeedStates(basename(file));
  }

  get isUnsafe(): boolean {
    return this.#kept.other > 0 || this.reasons.length > 0;
  }

  /** The first name of a known library that was not examined for what it does. */
  get libraryName(): string | undefined {
    const found = this.globals.find(({ library }) => library === true);
    return found === undefined ? undefined : `${found.module}.${found.name}`;
  }

  /** Whether a reader goes on at a global: what is not known is refused, and told of. */
  allows(module: string, name: string): boolean {
    return (this.#isZero && isOfZero(module, name)) || standingOf(module, name) !== "other";
  }

  /** @throws WbError WB5204 where there are so many that the file has shown what it is. */
  add(global: Omit<TracedGlobal, "kind">, { member, isScript }: Where): void {
    const { module, name, offset, isWhole } = global;
    const standing = this.#standingOf(module, isWhole ? name : undefined, isScript);
    // Counted apart, so that no crowd of harmless names can hide a harmful one.
    if (this.#kept[standing]++ >= MAX_GLOBALS) {
      if (standing !== "other") return;
      // What more there is changes no verdict, and to follow it takes a stranger's time.
      throw new WbError(
        "WB5204",
        `${this.file}: names more than ${MAX_GLOBALS} globals that are not allowed`,
        {
          details: { where: this.file },
        },
      );
    }
    const inside = member === "" ? {} : { member };
    const allowed = standing === "allowed";
    const library = standing === "library" ? { library: true as const } : {};
    this.globals.push({ module, name, file: this.file, offset, allowed, ...library, ...inside });
  }

  /** Of a name that the end of the file cuts off, only the module is imported. */
  #standingOf(module: string, name: string | undefined, isScript: boolean): Standing {
    if (name === undefined)
      return isAllowedModule(module) || isKnownModule(module) ? "allowed" : "other";
    const isOfKind =
      (this.#isZero && isOfZero(module, name)) ||
      (this.isTable && isOfTable(module, name)) ||
      (isScript && isScriptModule(module));
    return isOfKind ? "allowed" : standingOf(module, name);
  }

  reason(code: ErrorCode, message: string): void {
    if (this.reasons.some((known) => known.code === code && known.message === message)) return;
    if (this.reasons.length < MAX_GLOBALS) this.reasons.push({ code, message, file: this.file });
  }

  /** Takes an error as a reason where its code says that the input is unsafe. */
  takeUnsafe(error: WbError): boolean {
    if (!error.code.startsWith("WB5")) return false;
    this.reason(error.code, error.message);
    return true;
  }

  listener(where: Where): TraceListener {
    return {
      onGlobal: (global) => this.add(global, where),
      onHidden: (code, message) => this.reason(code, message),
    };
  }
}
