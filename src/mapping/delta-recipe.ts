import { WbError } from "../errors/wb-error.ts";
import type { Dtype } from "../tensor/dtype.ts";
import type { CastDtype, NewRows } from "./step.ts";

/** The arithmetic of the script that a delta was published with. */
export interface DeltaRecipe {
  readonly name: RecipeName;
  /** Base and delta are cast to it before they are added. */
  readonly dtype: CastDtype;
  readonly newRows: NewRows;
  /** How it was chosen. */
  readonly why: string;
}

/**
 * - fastchat: both models are loaded as float16; v0 sets the rows of new words to zero, v1.1 has none
 *   (lm-sys/FastChat v0.1.9 and v0.2.36, fastchat/model/apply_delta.py, `apply_delta`).
 * - alpaca: both are loaded as float32; new rows are the mean of the old ones (tatsu-lab/stanford_alpaca, weight_diff.py,
 *   `recover`, and train.py, `smart_tokenizer_and_embedding_resize`).
 */
const RECIPES = {
  fastchat: { dtype: "F16", newRows: "zero" },
  alpaca: { dtype: "F32", newRows: "mean" },
} as const satisfies Record<string, { dtype: CastDtype; newRows: NewRows }>;

export type RecipeName = keyof typeof RECIPES;

export interface RecipeChoice {
  /** Told from the delta's dtypes when left out. */
  readonly recipe?: RecipeName | undefined;
  /** The recipe's own when left out. */
  readonly dtype?: CastDtype | undefined;
}

/**
 * The recipe asked for, else the one whose script saves deltas in the dtype that all of this delta's tensors have.
 * @throws WbError WB2703 when that tells nothing.
 */
export function chooseRecipe(
  dtypes: readonly Dtype[],
  choice: RecipeChoice,
  path: string,
): DeltaRecipe {
  const found = [...new Set(dtypes)];
  const told = Object.keys(RECIPES)
    .filter(isRecipeName)
    .find((name) => found.length === 1 && found[0] === RECIPES[name].dtype);
  const name = choice.recipe ?? told;
  if (name === undefined) {
    throw new WbError(
      "WB2703",
      `${path}: its tensors are ${found.join(" and ")}, which neither FastChat's script (F16) nor Alpaca's (F32) saves`,
      { details: { path } },
    );
  }
  const { dtype, newRows } = RECIPES[name];
  const why = choice.recipe === undefined ? `all of the delta is ${dtype}` : "as asked for";
  return { name, dtype: choice.dtype ?? dtype, newRows, why };
}

function isRecipeName(name: string): name is RecipeName {
  return Object.hasOwn(RECIPES, name);
}
