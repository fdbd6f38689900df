/** What `weighbridge explain CODE` says about one error code. */
export interface CodeEntry {
  /** One short phrase. */
  readonly title: string;
  /** What it means and why weighbridge stops there; two or three sentences. */
  readonly meaning: string;
  /** What the user can do; also the default hint of the error. */
  readonly remedy: string;
}

/** `WB` and four digits; the first digit is the class that decides the exit code. */
export type CodeTable = Readonly<Record<`WB${number}`, CodeEntry>>;
