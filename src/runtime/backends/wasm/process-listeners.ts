/** What the module's start-up code of emscripten adds to the process, by its own text. Both throw again what they are given. */
const ADDED: ReadonlyMap<string, RegExp> = new Map([
  ["uncaughtException", /instanceof ExitStatus/],
  ["unhandledRejection", /\{\s*throw reason;?\s*\}/],
]);

/** The process as any emitter: its own types name each event. */
const EVENTS: NodeJS.EventEmitter = process;

/**
 * Runs what starts a module of emscripten's, and takes away the listeners that this puts on the process: they end an
 * application that handles these events itself. Listeners of others that come meanwhile stay.
 */
export async function withoutItsListeners<T>(start: () => Promise<T>): Promise<T> {
  const before = new Map([...ADDED.keys()].map((event) => [event, listenersOf(event)]));
  try {
    return await start();
  } finally {
    for (const [event, text] of ADDED) {
      for (const listener of listenersOf(event)) {
        const isNew = before.get(event)?.includes(listener) !== true;
        if (isNew && text.test(String(listener))) EVENTS.removeListener(event, listener);
      }
    }
  }
}

function listenersOf(event: string): ((...args: unknown[]) => void)[] {
  return EVENTS.listeners(event).filter(
    (listener): listener is (...args: unknown[]) => void => typeof listener === "function",
  );
}
