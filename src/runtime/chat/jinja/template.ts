import type { Statement } from "./syntax/ast.ts";
import { Budget, type BudgetLimits } from "./budget.ts";
import { Execution } from "./run/execute.ts";
import { fromJson } from "./values/from-json.ts";
import { hiddenNames, type HiddenNames } from "./syntax/hidden-names.ts";
import { globalsAt } from "./library/globals.ts";
import { parseTemplate } from "./syntax/parse-statement.ts";
import { JinjaError } from "./problem.ts";
import { Scope } from "./run/scope.ts";

/** A parsed chat template. */
export interface JinjaTemplate {
  /**
   * The text for variables, which are values of JSON. Everything that it does counts against a budget.
   * @throws JinjaError.
   */
  render(variables: Readonly<Record<string, unknown>>, options?: RenderOptions): string;
}

export interface RenderOptions {
  readonly limits?: BudgetLimits | undefined;
  /** What `strftime_now` calls now. */
  readonly now?: Date | undefined;
}

/**
 * Parses a template as jinja2 3.1 does in the environment of transformers' `apply_chat_template`: blocks take the newline
 * behind them and the blanks before them, `{% break %}` and `{% generation %}` are known, nothing is escaped, and nothing that
 * is passed in can be changed.
 * @throws JinjaError "syntax" or "unsupported".
 */
export function parseJinja(source: string): JinjaTemplate {
  const parsed = guarded(() => {
    const body = parseTemplate(source);
    return { body, hidden: hiddenNames(body) };
  });
  return { render: (variables, options = {}) => guarded(() => render(parsed, variables, options)) };
}

interface Parsed {
  readonly body: readonly Statement[];
  readonly hidden: HiddenNames;
}

function render(
  { body, hidden }: Parsed,
  variables: Readonly<Record<string, unknown>>,
  { limits, now }: RenderOptions,
): string {
  const globals = new Scope(undefined, globalsAt(now ?? new Date()));
  const given = Object.entries(variables).filter(([, value]) => value !== undefined);
  const scope = new Scope(
    globals,
    given.map(([name, value]) => [name, fromJson(value)]),
  );
  return new Execution(new Budget(limits), hidden).textOf(body, new Scope(scope));
}

/** JavaScript's own stack may end before the limit of nesting, where the caller's is deep already. */
function guarded<Result>(run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    if (error instanceof RangeError)
      throw new JinjaError("budget", `takes more than the machine has: ${error.message}`);
    throw error;
  }
}
