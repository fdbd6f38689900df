// Prints the path of the schema of SARIF 2.1.0, which a pinned package of Microsoft's carries: it is fetched once.
import { join } from "node:path";
import { cachedPackage } from "./cached-package.mjs";

const PACKAGE = "@microsoft/jest-sarif@1.0.0-beta.0";
const SHA512 =
  "A1fOhPd6Ic5iDk4F9YPw1qNB4XF+7+IviR7xl8r2F6QzQkx5cpY9LsGk2rExiFIEcBbjpVnSmwWGBukASkiQ9A==";
const SCHEMA = "package/lib/schemas/sarif-2.1.0-rtm.5.json";

const folder = cachedPackage({
  spec: PACKAGE,
  sha512: SHA512,
  folderName: "sarif-schema-1.0.0-beta.0",
  ready: SCHEMA,
});
console.log(join(folder, SCHEMA));
