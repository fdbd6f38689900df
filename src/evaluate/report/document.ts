/** What a report says, whatever it is written as. */
export interface ReportDocument {
  readonly language: "en" | "zh";
  readonly title: string;
  readonly verdict: "pass" | "fail" | "error" | undefined;
  /** Why it fails. */
  readonly failures: readonly string[];
  readonly sheets: readonly Sheet[];
  readonly notes: readonly string[];
}

/** A table; its first column names the rows. */
export interface Sheet {
  readonly title: string;
  readonly heads: readonly string[];
  readonly rows: readonly (readonly string[])[];
}
