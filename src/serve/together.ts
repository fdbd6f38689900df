/**
 * Runs several generators at the same time and gives what they give as it comes.
 * @param most How many at a time; each of the rest begins when one has ended.
 */
export async function* together<T>(
  starts: readonly (() => AsyncGenerator<T, void, undefined>)[],
  most: number,
): AsyncGenerator<T, void, undefined> {
  const waiting = [...starts];
  const running = new Map<
    AsyncGenerator<T, void, undefined>,
    Promise<{
      readonly of: AsyncGenerator<T, void, undefined>;
      readonly result: IteratorResult<T, void>;
    }>
  >();
  const ask = (of: AsyncGenerator<T, void, undefined>): void => {
    const next = of.next().then((result) => ({ of, result }));
    // A request that waits for another one first is told of this failure later.
    next.catch(() => undefined);
    running.set(of, next);
  };
  try {
    for (;;) {
      while (running.size < most) {
        const start = waiting.shift();
        if (start === undefined) break;
        ask(start());
      }
      if (running.size === 0) return;
      const { of, result } = await Promise.race(running.values());
      if (result.done === true) running.delete(of);
      else {
        ask(of);
        yield result.value;
      }
    }
  } finally {
    await Promise.allSettled([...running.keys()].map((of) => of.return(undefined)));
  }
}
