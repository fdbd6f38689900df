import { WbError } from "../../errors/wb-error.ts";
import type { OutputFile } from "../staging/file-system.ts";
import type { WriteNow, Writing } from "./tensor.ts";

/**
 * Writes a tensor's pieces from `begin` of a file on. Each is read back from there and compared while it still is in the
 * processor's cache, which costs a third of a checksum over the whole tensor and leaves none of its bits to chance.
 * @throws WbError WB1901 where other bytes come back, and those of reading and writing.
 */
export function checkedWriter(
  name: string,
  output: OutputFile,
  begin: number,
  { settings, onVerified }: Writing,
): WriteNow {
  const check = settings.verify ? pieceCheck(output, name) : undefined;
  return (piece, offset) => {
    output.writeNow(piece, begin + offset);
    if (check === undefined) return;
    check(piece, begin + offset);
    onVerified(piece.byteLength, name);
  };
}

/** Compares pieces with what stands at their place in the file. */
function pieceCheck(output: OutputFile, name: string): (piece: Uint8Array, at: number) => void {
  let buffer = Buffer.allocUnsafeSlow(0);
  return (piece, at) => {
    if (buffer.byteLength < piece.byteLength) buffer = Buffer.allocUnsafeSlow(piece.byteLength);
    const found = buffer.subarray(0, output.readNow(buffer.subarray(0, piece.byteLength), at));
    if (found.equals(piece)) return;
    const first = piece.findIndex((byte, index) => byte !== found[index]);
    throw new WbError(
      "WB1901",
      `${output.path}: tensor ${name} was read back otherwise than it was written, from byte ${at + first} of the file on`,
      { details: { path: output.path, tensor: name } },
    );
  };
}
