import { WbError } from "../../errors/wb-error.ts";

/** @throws WbError WB2801 for an empty stop text, which every text would hold. */
export function checkStops(stops: readonly string[]): void {
  if (stops.includes(""))
    throw new WbError("WB2801", "stop: expected a text, found an empty one", {
      details: { setting: "stop" },
    });
}

/** Watches text as it grows for the first of several stop strings. */
export interface StopWatcher {
  /** The text that may be shown now; `stopped` once a stop string was completed (it is not shown). */
  push(text: string): { readonly text: string; readonly stopped: boolean };
  /** What was held back because it could have begun a stop string. */
  end(): string;
}

/** Holds back the end of the text while it could be the beginning of a stop string. @throws WbError WB2801. */
export function stopWatcher(stops: readonly string[]): StopWatcher {
  checkStops(stops);
  let held = "";
  return {
    push(text) {
      held += text;
      const first = stops
        .map((stop) => held.indexOf(stop))
        .filter((index) => index >= 0)
        .reduce((least, index) => Math.min(least, index), Number.POSITIVE_INFINITY);
      if (first < Number.POSITIVE_INFINITY) {
        const shown = held.slice(0, first);
        held = "";
        return { text: shown, stopped: true };
      }
      const open = stops.reduce((longest, stop) => Math.max(longest, openPrefix(held, stop)), 0);
      const shown = held.slice(0, held.length - open);
      held = held.slice(held.length - open);
      return { text: shown, stopped: false };
    },
    end() {
      const rest = held;
      held = "";
      return rest;
    },
  };
}

/** Length of the longest end of `text` that begins `stop` without being all of it. */
function openPrefix(text: string, stop: string): number {
  for (let length = Math.min(text.length, stop.length - 1); length > 0; length--) {
    if (text.endsWith(stop.slice(0, length))) return length;
  }
  return 0;
}
