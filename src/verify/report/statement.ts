/** A file with its digest, as in-toto describes one. */
export interface Descriptor {
  readonly name: string;
  readonly uri?: string;
  readonly digest?: { readonly sha256: string };
  readonly annotations?: Readonly<Record<string, unknown>>;
}

/** An in-toto statement (https://in-toto.io/Statement/v1) with a test result as its predicate; not signed. */
export interface Statement {
  readonly _type: "https://in-toto.io/Statement/v1";
  readonly subject: readonly Descriptor[];
  readonly predicateType: "https://in-toto.io/attestation/test-result/v0.1";
  readonly predicate: {
    readonly result: "PASSED" | "FAILED";
    readonly configuration: readonly Descriptor[];
    readonly passedTests: readonly string[];
    readonly failedTests: readonly string[];
  };
}

interface TestFacts {
  readonly subject: readonly Descriptor[];
  readonly passes: boolean;
  readonly tool: { readonly name: string; readonly version: string };
  /** What was found, and under which bounds. */
  readonly annotations: Readonly<Record<string, unknown>>;
  /** What the subject was held against. */
  readonly against: readonly Descriptor[];
  readonly passedTests: readonly string[];
  readonly failedTests: readonly string[];
}

/** A verdict of ours as such a statement. */
export function testStatement(facts: TestFacts): Statement {
  const { subject, passes, tool, annotations, against, passedTests, failedTests } = facts;
  return {
    _type: "https://in-toto.io/Statement/v1",
    subject,
    predicateType: "https://in-toto.io/attestation/test-result/v0.1",
    predicate: {
      result: passes ? "PASSED" : "FAILED",
      configuration: [
        { name: tool.name, uri: `pkg:npm/${tool.name}@${tool.version}`, annotations },
        ...against,
      ],
      passedTests,
      failedTests,
    },
  };
}
