/**
 * Fails the run where a file's handle was left to the garbage collector: Node closes it then, says so once (DEP0137), and will end the
 * program in a later version. Files share a process, so that it may show while another file's tests run; the warning names the
 * descriptor alone.
 */
const GUARDED = Symbol.for("weighbridge.leaked-handles");

if (!Object.hasOwn(globalThis, GUARDED)) {
  Object.defineProperty(globalThis, GUARDED, { value: true });
  process.on("warning", (warning) => {
    if (!("code" in warning) || warning.code !== "DEP0137") return;
    void Promise.reject(new Error(`a file was opened and never closed: ${warning.message}`));
  });
}
