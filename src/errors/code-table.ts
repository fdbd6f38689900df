/** What a field of an error's details may hold: all of it is JSON. */
export interface KindsOfFacts {
  readonly string: string;
  readonly number: number;
  readonly "string[]": readonly string[];
  readonly "string | null": string | null;
  readonly "string | number": string | number;
  readonly "string | number | null": string | number | null;
}

/** The fields of one code's details; a name that ends in ? is not told by every error of the code. */
export type DetailFields = Readonly<Record<string, keyof KindsOfFacts>>;

/** The words about one error code, in one language. */
export interface Wording {
  /** One short phrase. */
  readonly title: string;
  /** What it means and why weighbridge stops there; two or three sentences. */
  readonly meaning: string;
  /** What the user can do; also the default hint of the error. */
  readonly remedy: string;
}

/** What `weighbridge explain CODE` says about one error code. */
export interface CodeEntry extends Wording {
  /** What programs are told beside the message: the fields of `details`, each with its type. */
  readonly details: DetailFields;
}

/** `WB` and four digits; the first digit is the class that decides the exit code. */
export type CodeTable = Readonly<Record<`WB${number}`, CodeEntry>>;
