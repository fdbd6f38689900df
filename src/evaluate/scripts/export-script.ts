import { WbError } from "../../errors/wb-error.ts";
import { EXPORT_FRAMEWORKS } from "../../options/choices.ts";

/** The Python that exports a framework's data sets as task files. @throws WbError WB2001 for another framework. */
export async function exportScript(framework: string): Promise<string> {
  switch (framework) {
    case "opencompass":
      return (await import("./opencompass.ts")).OPENCOMPASS_SCRIPT;
    case "lm-eval":
      return (await import("./lm-eval.ts")).LM_EVAL_SCRIPT;
    default:
      throw new WbError(
        "WB2001",
        `--framework: expected one of ${EXPORT_FRAMEWORKS.join(", ")}, found ${JSON.stringify(framework)}`,
        { details: { option: "--framework", found: JSON.stringify(framework) } },
      );
  }
}
