import { WbError } from "../../errors/wb-error.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import { PickleCursor } from "./cursor.ts";
import { PICKLE_LIMITS } from "./limits.ts";
import { PickleMachine } from "./machine.ts";
import { opcodeOfByte } from "./opcodes.ts";
import type { PickleOptions } from "./options.ts";
import type { PickleValue } from "./value.ts";

export interface PickleDocument {
  readonly value: PickleValue;
  /** Byte of the source behind STOP. */
  readonly end: number;
}

/** Opcodes between two looks at the clock of others: the event loop and the AbortSignal. */
const OPCODES_PER_TURN = 200_000;

/** Longest fixed argument and opcode, in bytes: so much is made readable before each opcode, where it is there. */
const LOOKAHEAD_BYTES = 9;

/**
 * Reads one pickle from byte `begin` of a source, as inert data. Opcodes and small arguments are read; byte strings and
 * long texts stay ranges of the source.
 * @throws WbError WB32xx for what is broken, WB4201 for what is not supported, WB52xx for what is unsafe.
 */
export async function readPickle(
  source: ByteSource,
  begin: number,
  options: PickleOptions,
): Promise<PickleDocument> {
  const cursor = new PickleCursor(source, begin);
  const machine = new PickleMachine(cursor, source.label, options);
  for (let count = 1; ; count++) {
    if (count > PICKLE_LIMITS.opcodes) {
      throw new WbError(
        "WB5204",
        `${source.label}: the pickle at byte ${begin} has more than ${PICKLE_LIMITS.opcodes} opcodes`,
        { details: { where: source.label } },
      );
    }
    if (count % OPCODES_PER_TURN === 0) await yieldTurn(options.signal);
    if (!cursor.has(LOOKAHEAD_BYTES)) await cursor.fill(LOOKAHEAD_BYTES);
    const offset = cursor.position;
    await cursor.need(1, "the next pickle opcode");
    const byte = cursor.u8();
    const opcode = opcodeOfByte(byte);
    if (opcode === undefined) {
      throw new WbError(
        "WB3202",
        `${source.label}: byte ${offset} is 0x${byte.toString(16).padStart(2, "0")}, expected a pickle opcode`,
        { details: { path: source.label, offset, byte } },
      );
    }
    const pending = machine.step(opcode, offset);
    if (pending !== undefined) await pending;
    if (opcode === "STOP") return { value: machine.result(), end: cursor.position };
  }
}

async function yieldTurn(signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}
