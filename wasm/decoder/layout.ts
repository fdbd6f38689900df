// Where things are in the first page, which no array takes. Threads tell each other by it: each has an instance of this module
// on one memory, and a module's own data would be written anew by every instance. Words that several threads write at the same
// time have a cache line of their own.

/** The part that is taken next. */
export const NEXT: usize = 64;
/** How many workers take part. */
export const INSIDE: usize = 128;
/** 1 while workers may take part. */
export const OPEN: usize = 192;
/** Counts the pieces of work. */
export const ROUND: usize = 256;
/** 1 once a worker has broken off. */
export const FAILED: usize = 316;
/** How many parts there are, and of what. */
export const PARTS: usize = 320;
export const KIND: usize = 324;
/** Memory that threads work in: where the first one's begins, and how much each has. */
const SCRATCH: usize = 328;
const SCRATCH_STEP: usize = 332;
/** What a kind of work takes, word by word. */
const ARGUMENTS: usize = 384;

let thread: usize = 0;

/** Says which thread this instance is, from 0, the caller. */
export function setThread(index: usize): void {
  thread = index;
}

export function setScratch(begin: usize, step: usize): void {
  store<u32>(SCRATCH, <u32>begin);
  store<u32>(SCRATCH_STEP, <u32>step);
}

/** Memory of this thread's own while it works on a part. */
export function scratch(): usize {
  return <usize>load<u32>(SCRATCH) + thread * <usize>load<u32>(SCRATCH_STEP);
}

export function setArgument(index: usize, value: usize): void {
  store<u32>(ARGUMENTS + 4 * index, <u32>value);
}

export function argument(index: usize): usize {
  return <usize>load<u32>(ARGUMENTS + 4 * index);
}
