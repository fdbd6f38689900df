import { WbError } from "../../errors/wb-error.ts";
import { PickleCursor } from "../../formats/pickle/cursor.ts";
import { PICKLE_LIMITS } from "../../formats/pickle/limits.ts";
import { opcodeOfByte, PICKLE_OPCODES } from "../../formats/pickle/opcodes.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import { LOOKAHEAD_BYTES, traceArgument } from "./argument.ts";
import { TraceMachine, type TraceListener } from "./machine.ts";

/** How far an unpickler comes with what stands at a byte of a file. */
export interface PickleTrace {
  /** Byte behind STOP, or of the opcode that no unpickler goes beyond. */
  readonly end: number;
  /** Why it does not come to STOP; undefined where it does. */
  readonly broken: WbError | undefined;
  /** Whether it calls anything on the way. */
  readonly calls: boolean;
  /** Where the last FRAME says that it ends, when that is behind STOP: Lib/pickle.py reads on from there. */
  readonly frameEnd: number | undefined;
}

/** Opcodes between two looks at the event loop and the AbortSignal. */
const OPCODES_PER_TURN = 200_000;

/**
 * Follows an unpickler through the opcodes from a byte on, tells every name that it would import, and runs nothing. Where
 * CPython's C and Python unpicklers differ, it goes as far as the one that goes further.
 */
export async function tracePickle(
  source: ByteSource,
  begin: number,
  listener: TraceListener,
  signal?: AbortSignal,
): Promise<PickleTrace> {
  const cursor = new PickleCursor(source, begin);
  const machine = new TraceMachine(source.label, listener);
  let end = begin;
  try {
    for (let count = 1; ; count++) {
      if (count > PICKLE_LIMITS.opcodes) {
        const limit = `more than ${PICKLE_LIMITS.opcodes} opcodes`;
        throw new WbError("WB5204", `${source.label}: the pickle at byte ${begin} has ${limit}`, {
          details: { where: source.label },
        });
      }
      if (count % OPCODES_PER_TURN === 0) await nextTurn(signal);
      if (!cursor.has(LOOKAHEAD_BYTES)) await cursor.fill(LOOKAHEAD_BYTES);
      end = cursor.position;
      if (!cursor.has(1)) await cursor.need(1, "the next pickle opcode");
      const byte = cursor.u8();
      const opcode = opcodeOfByte(byte);
      if (opcode === undefined) {
        const found = `0x${byte.toString(16).padStart(2, "0")}`;
        throw new WbError(
          "WB3202",
          `${source.label}: byte ${end} is ${found}, expected a pickle opcode`,
          { details: { path: source.label } },
        );
      }
      if (PICKLE_OPCODES[opcode].argument === "none") machine.run(opcode, end);
      else {
        const argument = traceArgument(opcode, cursor, source.label);
        machine.runWith(
          opcode,
          argument instanceof Promise ? await argument : argument,
          end,
          cursor.position,
        );
      }
      if (opcode === "STOP") return outcome(machine, cursor.position, undefined);
    }
  } catch (error) {
    if (error instanceof WbError) return outcome(machine, end, error);
    throw error;
  }
}

function outcome(machine: TraceMachine, end: number, broken: WbError | undefined): PickleTrace {
  const frameEnd = machine.frameEnd > end ? machine.frameEnd : undefined;
  return { end, broken, calls: machine.calls, frameEnd };
}

async function nextTurn(signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}
