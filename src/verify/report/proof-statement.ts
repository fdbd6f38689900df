import { WbError } from "../../errors/wb-error.ts";
import type { ProofResult } from "../prove.ts";
import type { Evidence, FileDigest } from "./evidence.ts";
import { testStatement, type Descriptor, type Statement } from "./statement.ts";

/**
 * The verdict of a proof as an in-toto statement: its subject is the quantised file, its configuration what it was held against.
 * @throws WbError WB3915 for a file that was read from afar and has no digest.
 */
export function proofStatement(result: ProofResult, { tool, time, files }: Evidence): Statement {
  const { verdict, blocks, importanceMatrix, failures, tensors } = result;
  const tests = [
    {
      name: "every block is explained by the original",
      passes: blocks.unexplained === 0,
    },
    {
      name: "tensors, settings and tokenizer are the original's",
      passes: failures.length === 0 || (blocks.unexplained > 0 && result.diagnosis.length === 0),
    },
  ];
  return testStatement({
    subject: files.filter(isSubject).map(describe),
    passes: verdict === "pass",
    tool,
    annotations: {
      time,
      blocks,
      importanceMatrix,
      types: [...new Set(tensors.map(({ type }) => type))],
      failures,
    },
    against: files.filter((file) => !isSubject(file)).map(describe),
    passedTests: tests.filter(({ passes }) => passes).map(({ name }) => name),
    failedTests: tests.filter(({ passes }) => !passes).map(({ name }) => name),
  });
}

const isSubject = ({ role }: FileDigest): boolean => role === "weights";

function describe({ path, sha256 }: FileDigest): Descriptor {
  if (sha256 !== null) return { name: path, digest: { sha256 } };
  throw new WbError(
    "WB3915",
    `${path} was read from afar and has no digest: prove a copy on this machine`,
    { details: { path } },
  );
}
