/** A pattern over whole names: `*` stands for any characters, dots included, `?` for one; all else is itself. */
export interface NamePattern {
  readonly text: string;
  /** What each `*` stands for in a name that fits; undefined for a name that does not. */
  match(name: string): readonly string[] | undefined;
}

/**
 * Parses a pattern. It is matched from the left, each `*` as short as the rest allows, in time proportional to the product of
 * the lengths: no pattern makes it slow.
 */
export function namePattern(text: string): NamePattern {
  return { text, match: (name) => matchFrom(text, name) };
}

/** For each place of the pattern and the name, from the right: whether the rests fit. */
function matchFrom(pattern: string, name: string): readonly string[] | undefined {
  const width = name.length + 1;
  const fits = new Uint8Array((pattern.length + 1) * width);
  fits[pattern.length * width + name.length] = 1;
  for (let at = pattern.length - 1; at >= 0; at--) {
    for (let place = name.length; place >= 0; place--) {
      const sign = pattern.charAt(at);
      const next = place < name.length && fits[(at + 1) * width + place + 1] === 1;
      const isFit =
        sign === "*"
          ? fits[(at + 1) * width + place] === 1 ||
            (place < name.length && fits[at * width + place + 1] === 1)
          : next && (sign === "?" || sign === name.charAt(place));
      if (isFit) fits[at * width + place] = 1;
    }
  }
  return fits[0] === 1 ? starsOf(pattern, name, fits, width) : undefined;
}

function starsOf(
  pattern: string,
  name: string,
  fits: Uint8Array,
  width: number,
): readonly string[] {
  const stars: string[] = [];
  let place = 0;
  for (let at = 0; at < pattern.length; at++) {
    if (pattern.charAt(at) !== "*") {
      place++;
      continue;
    }
    const begin = place;
    while (fits[(at + 1) * width + place] !== 1) place++;
    stars.push(name.slice(begin, place));
  }
  return stars;
}
