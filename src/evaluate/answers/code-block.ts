/** What the first closed fence holds that names nothing but a language; all of the text where there is none. */
export function codeBlock(text: string): string {
  return /```[\p{L}\p{N}_]*\n([^]*?)```/u.exec(text)?.[1] ?? text;
}
