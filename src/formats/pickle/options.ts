import type { PickleGlobal, PickleReduce } from "./value.ts";

export interface PickleOptions {
  /**
   * Which globals may occur, by exact module and name. One that may not ends the reading with WB5201, wherever in the
   * stream it stands and whatever becomes of it.
   */
  readonly allow: (module: string, name: string) => boolean;
  /** Told of every global as it is met, allowed or not, before `allow` decides. */
  readonly onGlobal?: (global: PickleGlobal) => void;
  readonly signal?: AbortSignal;
  /**
   * How many bytes behind BUILD are no opcodes, where an unpickler of its own reads them otherwise.
   * @param position Byte of the source behind the opcode.
   */
  readonly bytesBehind?: (built: PickleReduce, position: number) => number | Promise<number>;
  /** Takes calls of anything, and objects made with keywords, as opaque values; nothing is called either way. */
  readonly opaque?: boolean;
}
