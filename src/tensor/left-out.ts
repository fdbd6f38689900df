/** How notes begin that tell of weights that are there and were not taken: they are shown under --quiet, too. */
const LEFT_OUT = "left out: ";

export function leftOut(what: string): string {
  return `${LEFT_OUT}${what}`;
}

export function isLeftOut(note: string): boolean {
  return note.includes(LEFT_OUT);
}
