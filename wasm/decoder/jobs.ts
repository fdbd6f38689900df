// Work that threads share.
import { attentionPart } from "./attention";
import { FAILED, INSIDE, KIND, NEXT, OPEN, PARTS, ROUND, setThread } from "./layout";
import { linearPart } from "./linear";

/** Kinds of work. */
export const LINEAR = 0;
export const ATTENTION = 1;

/** How often a worker looks for more work before it sleeps, some 200 µs: the operations of one token follow each other within it. */
const PATIENCE = 200000;

/** How often the caller looks whether the last worker is done before it sleeps. */
const CALLER_PATIENCE = 50000;

/** Nanoseconds of that sleep, after which it looks again. */
const NAP: i64 = 1000000;

let workers = 0;

/** Says how many threads beside the caller serve. */
export function setWorkers(count: i32): void {
  workers = count;
}

/** Shares the parts of the work that was described among the threads. @returns true when all are done, false when a worker failed. */
export function share(kind: i32, parts: usize): bool {
  store<u32>(PARTS, <u32>parts);
  store<i32>(KIND, kind);
  atomic.store<u32>(NEXT, 0);
  if (parts < 2 || workers == 0) {
    takeParts();
    return true;
  }
  // A worker takes part only while the work is open, and says so first: who comes late, since the system runs something
  // else in its place, is not waited for.
  atomic.store<i32>(OPEN, 1);
  atomic.add<i32>(ROUND, 1);
  atomic.notify(ROUND, -1);
  takeParts();
  atomic.store<i32>(OPEN, 0);
  let looked = 0;
  for (let inside = atomic.load<i32>(INSIDE); inside != 0; inside = atomic.load<i32>(INSIDE)) {
    if (looked > CALLER_PATIENCE) atomic.wait<i32>(INSIDE, inside, NAP);
    looked++;
  }
  return atomic.load<i32>(FAILED) == 0;
}

/** What the thread of worker `index`, from 1, runs until it is ended from outside. */
export function serve(index: usize): void {
  setThread(index);
  let seen = atomic.load<i32>(ROUND);
  for (;;) {
    for (let looked = 0; atomic.load<i32>(ROUND) == seen; looked++) {
      if (looked > PATIENCE) atomic.wait<i32>(ROUND, seen, -1);
    }
    seen = atomic.load<i32>(ROUND);
    atomic.add<i32>(INSIDE, 1);
    if (atomic.load<i32>(OPEN) != 0) takeParts();
    leave();
  }
}

/** Says that this worker broke off while it took part; no result counts from then on. */
export function fail(): void {
  atomic.store<i32>(FAILED, 1);
  leave();
}

function leave(): void {
  atomic.sub<i32>(INSIDE, 1);
  atomic.notify(INSIDE, -1);
}

function takeParts(): void {
  const parts = load<u32>(PARTS);
  const kind = load<i32>(KIND);
  for (;;) {
    const part = <usize>atomic.add<u32>(NEXT, 1);
    if (part >= <usize>parts) return;
    if (kind == LINEAR) linearPart(part);
    else attentionPart(part);
  }
}
