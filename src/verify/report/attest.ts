import { WbError } from "../../errors/wb-error.ts";
import { readSmall } from "../../sources/places.ts";
import { fileDigest } from "./evidence.ts";
import { testStatement, type Descriptor, type Statement } from "./statement.ts";
import { readVerifyDocument, type VerifyDocument } from "./verify-document.ts";

/** Largest document of `verify --json` that is read, in bytes. */
const MAX_DOCUMENT_BYTES = 256 * 2 ** 20;

/**
 * The verdict of a verification as an in-toto statement over the digests of what was verified.
 * @param path The document that `verify --json` printed.
 * @throws WbError WB3915 when it is no such document or names a file without a digest; WB3916 when a file is no longer what was
 *   verified.
 */
export async function attest(path: string, signal?: AbortSignal): Promise<Statement> {
  const bytes = await readSmall(path, MAX_DOCUMENT_BYTES);
  if (bytes === undefined)
    throw new WbError("WB3001", `${path}: no such file or folder`, { details: { path } });
  const document = readVerifyDocument(new TextDecoder().decode(bytes), path);
  for (const file of document.files) await requireSame(file, signal);
  return statementOf(document);
}

async function requireSame(
  { path, sha256 }: VerifyDocument["files"][number],
  signal: AbortSignal | undefined,
): Promise<void> {
  const found = await fileDigest(path, signal);
  if (found.sha256 === sha256) return;
  throw new WbError(
    "WB3916",
    `${path}: expected SHA-256 ${sha256}, as when it was verified, found ${found.sha256}`,
    { details: { path, expected: sha256, found: found.sha256 } },
  );
}

type VerifiedFile = VerifyDocument["files"][number];

const describe = ({ path, sha256 }: VerifiedFile): Descriptor => ({
  name: path,
  digest: { sha256 },
});

/** What the verdict is about; the rest is what it was held against. */
const isSubject = ({ role }: VerifiedFile): boolean =>
  role === "weights" || role === "config" || role === "tokenizer";

function statementOf({ files, comparisons, tool, facts, verdict }: VerifyDocument): Statement {
  const namesOf = (wanted: "pass" | "fail"): readonly string[] =>
    comparisons.filter((one) => one.verdict === wanted).map((one) => `verify against ${one.path}`);
  return testStatement({
    subject: files.filter(isSubject).map(describe),
    passes: verdict === "pass",
    tool,
    annotations: facts,
    against: files.filter((file) => !isSubject(file)).map(describe),
    passedTests: namesOf("pass"),
    failedTests: namesOf("fail"),
  });
}
