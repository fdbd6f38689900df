import type { Dtype } from "../../../tensor/dtype.ts";
import type { HostTensor } from "../../compare/model-runner.ts";
import { gridOf } from "../values/number-grid.ts";
import { nearness, type Claim, type Statement } from "../../relate/claim.ts";
import { linearRelation } from "../../relate/linear.ts";
import { fall, type Diagnosis } from "../diagnosis.ts";
import type { LocalLab } from "./local-lab.ts";
import { diagnosePositions } from "./position-diagnosis.ts";
import { EMBEDDINGS, HEAD } from "../../../model/network.ts";
import { tableHypotheses } from "../hypotheses/table-hypotheses.ts";
import { roundedToBf16, roundedToF16, sameValues } from "../hypotheses/tensor-edits.ts";
import { judgeValues } from "../values/value-diagnosis.ts";

/** A token whose embedding is not the golden's. */
interface WrongRow {
  readonly id: number;
  readonly golden: Float32Array;
}

/** Rows of a message. */
const LISTED = 6;

/** What is wrong with the embeddings: the golden's first states are the true rows themselves. */
export async function diagnoseEmbeddings(
  lab: LocalLab,
  before: number,
): Promise<readonly Diagnosis[]> {
  const { laboratory } = lab;
  const positions = await diagnosePositions(lab, before);
  if (positions !== undefined) return [positions];
  const table = await statesTable(lab);
  const width = laboratory.config.hiddenSize;
  const { wrong, checked } = wrongRows(lab, table, width);
  const { vocabSize } = laboratory.config;
  const shifted = commonShift(wrong, table, width);
  if (shifted !== undefined) {
    const { shift, tokens, example } = shifted;
    return [
      {
        cause: isOfRanks(shift, vocabSize) ? "rank-order" : "row-shifted",
        tensors: [EMBEDDINGS],
        evidence: `the rows of ${tokens.length} of ${checked} tokens stand ${Math.abs(shift)} ${shift > 0 ? "further down" : "further up"}: that of token ${example} is row ${(example + shift + vocabSize) % vocabSize}`,
        claims: [
          rowsEqual(
            tokens.map((token) => (token + shift + vocabSize) % vocabSize),
            tokens,
          ),
        ],
        before,
        ...(tokens.length === wrong.length ? { after: 0 } : {}),
      },
    ];
  }
  const other = await fromHead(lab, wrong, table, width, before);
  if (other !== undefined) return [other];
  const zeros = zeroRows(wrong, table, width);
  if (zeros !== undefined) return [{ ...zeros, tensors: [EMBEDDINGS], before }];
  // Where most rows are right, the table as a whole is neither misread nor transposed.
  const isWhole = wrong.length > WHOLE * checked;
  const hypotheses = isWhole
    ? tableHypotheses(
        EMBEDDINGS,
        [EMBEDDINGS],
        laboratory.config.vocabSize,
        (name) => laboratory.facts(name)?.dtype,
      )
    : [];
  for (const hypothesis of hypotheses) {
    const undone = (await hypothesis.undo(lab.read, lab.readBits))?.get(EMBEDDINGS);
    if (undone !== undefined && wrong.every((row) => isRow(undone, row.id, row.golden, width))) {
      const ids = wrong.map(({ id }) => id);
      return [
        {
          cause: hypothesis.cause,
          tensors: [EMBEDDINGS],
          evidence: `${hypothesis.mistake}; ${fall(before, 0)}, in the rows of ${ids.length} tokens`,
          claims: [rowsDiffer(ids)],
          before,
          after: 0,
        },
      ];
    }
  }
  const dtype = laboratory.facts(EMBEDDINGS)?.dtype ?? "F32";
  const related = relatedRows(wrong, table, width, dtype);
  if (related !== undefined) return [{ ...related, tensors: [EMBEDDINGS], before }];
  const elsewhere = rowsElsewhere(wrong, table, width);
  if (elsewhere !== undefined) return [{ tensors: [EMBEDDINGS], ...elsewhere, before }];
  const nonFinite = await judgeValues([EMBEDDINGS], laboratory, lab.read, ["non-finite"]);
  if (nonFinite.length > 0) return nonFinite;
  // How the whole table was rounded says nothing of a few rows, where the others are right.
  const shown = isWhole ? await judgeValues([EMBEDDINGS], laboratory, lab.read) : [];
  if (shown.length > 0) return shown.map((diagnosis) => ({ ...diagnosis, before }));
  const listed = wrong.slice(0, LISTED).map(({ id }) => id);
  return [
    {
      cause: wrong.length < checked ? "corrupt" : "undetermined",
      tensors: [EMBEDDINGS],
      evidence: `the rows of ${wrong.length} of ${checked} tokens in the golden's prompts are not those of the reference: ${listed.join(", ")}`,
      claims: [rowsDiffer(wrong.map(({ id }) => id))],
      before,
    },
  ];
}

/** The table as it comes into states: by the model's factor, where it has one. */
async function statesTable({ laboratory, read }: LocalLab): Promise<HostTensor> {
  const { shape, data } = await read(EMBEDDINGS);
  const { embeddingScale } = laboratory.config;
  return embeddingScale === undefined
    ? { shape, data }
    : { shape, data: data.map((value) => value * embeddingScale) };
}

/** Share of the rows that are wrong before a mistake of the whole table is looked for. */
const WHOLE = 0.5;

/** Rows that were lost. */
function zeroRows(
  wrong: readonly WrongRow[],
  table: HostTensor,
  width: number,
): Pick<Diagnosis, "cause" | "evidence" | "claims"> | undefined {
  const isLost = ({ id }: WrongRow): boolean =>
    table.data.subarray(id * width, (id + 1) * width).every((value) => value === 0);
  if (wrong.length === 0 || !wrong.every(isLost)) return undefined;
  const rows = wrong.map(({ id }) => id);
  const listed = rows.slice(0, LISTED).join(", ") + (rows.length > LISTED ? " and more" : "");
  const statement = { kind: "constant", value: 0 } as const;
  return {
    cause: "corrupt",
    evidence: `rows of zeros, which the golden has not: ${listed}`,
    claims: [
      rowsDiffer(rows),
      { tensor: EMBEDDINGS, kind: "in-rows", rows, others: rows, statement },
    ],
  };
}

function wrongRows(
  lab: LocalLab,
  table: HostTensor,
  width: number,
): { wrong: readonly WrongRow[]; checked: number } {
  const seen = new Map<number, WrongRow | undefined>();
  for (const { ids, hiddenStates } of lab.prompts) {
    for (const [position, id] of ids.entries()) {
      if (seen.has(id)) continue;
      const golden = hiddenStates[0]?.subarray(position * width, (position + 1) * width);
      if (golden === undefined) continue;
      seen.set(id, isRow(table, id, golden, width) ? undefined : { id, golden });
    }
  }
  return { wrong: [...seen.values()].filter((row) => row !== undefined), checked: seen.size };
}

/** Ranks that a vocabulary is cut for. */
const MAX_RANKS = 8;

/** A roll by a whole part of the vocabulary: its parts stand in another order. */
export function isOfRanks(shift: number, rows: number): boolean {
  const ranks = rows / Math.abs(shift);
  return Number.isSafeInteger(ranks) && ranks <= MAX_RANKS;
}

/** How far values of another version of a table are off at most, of their size. */
const SAME_TABLE = 0.25;

const ROUNDINGS = [
  ["bfloat16", roundedToBf16, "BF16"],
  ["float16", roundedToF16, "F16"],
] as const;

/** A rounding, a factor or an offset of all wrong rows, or their being near and equal nowhere. */
function relatedRows(
  wrong: readonly WrongRow[],
  table: HostTensor,
  width: number,
  dtype: Dtype,
): Pick<Diagnosis, "cause" | "evidence" | "claims"> | undefined {
  if (wrong.length < 2) return undefined;
  const ids = wrong.map(({ id }) => id);
  const inRows = (statement: Statement): readonly Claim[] => [
    { tensor: EMBEDDINGS, kind: "in-rows", rows: ids, others: ids, statement },
  ];
  const ours = wrong.flatMap(({ id }) => [...table.data.subarray(id * width, (id + 1) * width)]);
  const shape = [wrong.length, width];
  const [left, right] = [
    { shape, data: Float32Array.from(ours) },
    { shape, data: Float32Array.from(wrong.flatMap(({ golden }) => [...golden])) },
  ] as const;
  const rounded = ROUNDINGS.find(([, round]) => sameValues(left, round(right)));
  if (rounded !== undefined)
    return {
      cause: "cast",
      evidence: `the golden's, rounded to ${rounded[0]}, in the rows of ${wrong.length} tokens`,
      claims: inRows({ kind: "rounded", dtype: rounded[2] }),
    };
  const linear = linearRelation(left, right, true);
  if (linear !== undefined)
    return {
      cause: linear.kind,
      evidence: `${linear.text.replaceAll("the other side's", "the golden's")}, in the rows of ${wrong.length} tokens`,
      claims: inRows(linear.claim),
    };
  const near = nearness(left, right);
  const { share } = near;
  if (!(share <= SAME_TABLE)) return undefined;
  const percent = (100 * share).toPrecision(2);
  const grid = gridOf(left, dtype);
  if (grid !== undefined && grid !== gridOf(right, "F32"))
    return {
      cause: "cast",
      evidence: `every value of the rows of ${wrong.length} tokens is one of ${grid}, ${percent} % off the golden's, which are not: it was rounded through it`,
      claims: inRows({ kind: "grid", grid }),
    };
  return {
    cause: "other-version",
    evidence: `the rows of ${wrong.length} tokens are ${percent} % off the golden's, and neither a factor, an offset nor a rounding of them: another version`,
    claims: inRows({ kind: "near", ...near }),
  };
}

/** All of a row's values as one text. */
function keyOf(values: Float32Array): string {
  return values.join(" ");
}

/** Wrong rows that all stand elsewhere in the table. */
function rowsElsewhere(
  wrong: readonly WrongRow[],
  table: HostTensor,
  width: number,
): Pick<Diagnosis, "cause" | "evidence" | "claims"> | undefined {
  const places = new Map<string, number>();
  for (let row = 0; row < table.data.length / width; row++)
    places.set(keyOf(table.data.subarray(row * width, (row + 1) * width)), row);
  const found = wrong.flatMap(({ id, golden }) => {
    const row = places.get(keyOf(golden));
    return row === undefined ? [] : [{ id, row }];
  });
  if (found.length < wrong.length) return undefined;
  const listed = found.slice(0, LISTED).map(({ id, row }) => `that of token ${id} is row ${row}`);
  const which =
    wrong.length === 1
      ? "row of the wrong token stands"
      : `rows of all ${wrong.length} wrong tokens stand`;
  const evidence = `the ${which} elsewhere in the table: ${listed.join(", ")}`;
  return {
    // Of one row, it is not known whether others moved with it.
    cause: wrong.length === 1 ? "corrupt" : "row-shifted",
    evidence,
    claims: [
      rowsEqual(
        found.map(({ row }) => row),
        found.map(({ id }) => id),
      ),
    ],
  };
}

/** Rows of our table that are the golden's of these tokens. */
function rowsEqual(rows: readonly number[], tokens: readonly number[]): Claim {
  return {
    tensor: EMBEDDINGS,
    kind: "in-rows",
    rows,
    others: tokens,
    statement: { kind: "equal" },
  };
}

/** Rows of our table that are not the golden's. Others may differ, too: no prompt has their tokens. */
function rowsDiffer(rows: readonly number[]): Claim {
  return { tensor: EMBEDDINGS, kind: "rows-differ", rows, all: false };
}

function isRow(table: HostTensor, row: number, values: Float32Array, width: number): boolean {
  const begin = row * width;
  return (
    begin >= 0 &&
    begin + width <= table.data.length &&
    values.every((value, index) => value === table.data[begin + index])
  );
}

/** Share of the wrong rows that must be found again at one distance. */
const SHIFTED_SHARE = 0.75;

/** The one distance at which nearly all wrong rows are found again, for how many tokens, and one of them. */
function commonShift(
  wrong: readonly WrongRow[],
  table: HostTensor,
  width: number,
):
  | { readonly shift: number; readonly tokens: readonly number[]; readonly example: number }
  | undefined {
  const rows = table.data.length / width;
  const candidates = new Set(
    wrong.slice(0, 4).flatMap(({ id, golden }) =>
      Array.from({ length: rows }, (_unused, row) => row)
        .filter((row) => row !== id && isRow(table, row, golden, width))
        .map((row) => row - id),
    ),
  );
  for (const shift of candidates) {
    const shifted = wrong.filter(({ id, golden }) =>
      isRow(table, (id + shift + rows) % rows, golden, width),
    );
    const [first] = shifted;
    // One token alone could be a copied row; a shift moves its neighbours too, all but those that fell out at its end.
    if (first !== undefined && shifted.length > 1 && shifted.length >= SHIFTED_SHARE * wrong.length)
      return { shift, tokens: shifted.map(({ id }) => id), example: first.id };
  }
  return undefined;
}

/** The embeddings are the head's rows, or the true ones are found there. */
async function fromHead(
  lab: LocalLab,
  wrong: readonly WrongRow[],
  table: HostTensor,
  width: number,
  before: number,
): Promise<Diagnosis | undefined> {
  if (!lab.laboratory.names().includes(HEAD) || lab.laboratory.config.tieWordEmbeddings)
    return undefined;
  const head = await lab.read(HEAD);
  if (wrong.every(({ id, golden }) => isRow(head, id, golden, width))) {
    return {
      cause: "swapped",
      tensors: [EMBEDDINGS, HEAD],
      evidence: `the embeddings of the golden's ${wrong.length} wrong tokens are rows of lm_head; ${fall(before, 0)}`,
      claims: [
        {
          ...rowsEqual(
            wrong.map(({ id }) => id),
            wrong.map(({ id }) => id),
          ),
          tensor: HEAD,
          of: EMBEDDINGS,
        },
      ],
      before,
      after: 0,
    };
  }
  if (!sameValues(head, table)) return undefined;
  return {
    cause: "tied",
    tensors: [EMBEDDINGS],
    evidence: "the embeddings are the same as lm_head, though config.json does not tie them",
    claims: [{ tensor: EMBEDDINGS, of: HEAD, kind: "twin" }],
    before,
  };
}
