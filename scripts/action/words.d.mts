/** The words of a text as a shell would split it. @throws Error for a quote that is not closed. */
export function splitWords(text: string): string[];
