import { expect, it } from "vitest";
import {
  TokenFinder,
  type PipelineToken,
} from "../../../src/runtime/tokenizer/pipeline/added-tokens.ts";

/** Two spaces that swallow white space behind them and, where asked for, before them. */
function spaces(lstrip: boolean): TokenFinder {
  const token: PipelineToken = {
    content: "  ",
    id: 7,
    special: false,
    lstrip,
    rstrip: true,
    singleWord: false,
    normalized: false,
  };
  return new TokenFinder([[token.content, token]]);
}

// As tokenizers 0.23.3 cuts "a    b" with `AddedToken("  ", rstrip=True, lstrip=…)`.
it.each([
  [true, ["a", 7, "b"]],
  [false, ["a", 7, 7, "b"]],
])("a token that another one swallowed is gone where it strips on its left: %s", (lstrip, cut) => {
  const found = spaces(lstrip).cut("a    b", () => false);
  expect(found.map((one) => (one.kind === "token" ? one.id : one.text))).toEqual(cut);
});
