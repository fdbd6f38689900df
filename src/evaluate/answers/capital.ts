/** The first upper-case letter of any script; "" without one. */
export function firstCapital(text: string): string {
  return /\p{Uppercase}/u.exec(text)?.[0] ?? "";
}

/** The first run of the letters A to D, for questions with several right options; "" without one. */
export function firstCapitalsAToD(text: string): string {
  return /[A-D]+/.exec(text)?.[0] ?? "";
}
