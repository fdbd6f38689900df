// What every command prints with --json, beside schemaVersion, command and ok.
import {
  count,
  digest,
  exactly,
  fields,
  list,
  number,
  oneOf,
  orNull,
  said,
  text,
  truth,
} from "./notation.mjs";

const shape = list(count, "outermost dimension first");
const dtype = said(text, "as safetensors spells it; C128 for complex128");
const layout = oneOf("torch", "paddle", "unknown");
const metric = said(orNull(number), "null where it is not finite");
const device = oneOf("cuda", "cpu", "wasm");
const compute = oneOf("f32", "f16", "bf16");
const place = said({ type: "integer", minimum: -1 }, "-1 where nothing differs");
const activations = said(
  oneOf("f32", "f16", "bf16", "int8"),
  "what GGUF's quantised matrices are multiplied by",
);
const residence = said(oneOf("resident", "streamed"), "whether the weights stay in memory");
const seconds = number;
const notes = list(text, "what is worth knowing, one sentence each");
const code = { type: "string", pattern: "^WB\\d{4}$" };

const evidence = list(fields({ tensor: text, shape, layout: oneOf("torch", "paddle"), why: text }));

const diagnosis = list(
  fields({
    cause: text,
    tensors: list(text, "Hugging Face names"),
    "layer?": count,
    evidence: text,
    "relation?": said(text, "the exact relation to the right values, and what undoes it"),
    "harmless?": said(truth, "true where the relation changes nothing that the model computes"),
    "before?": metric,
    "after?": metric,
  }),
  "most likely first; empty when nothing is wrong",
);

const evaluatedTokens = fields({
  computed: said(count, "tokens of texts and prompts that passed the model"),
  whole: said(count, "tokens of all texts and prompts, which OpenCompass computes"),
});

const tensorDifference = fields({
  name: text,
  class: oneOf("identical", "equalValues", "withinTolerance", "differ", "onlyLeft", "onlyRight"),
  maxAbs: metric,
  maxRel: metric,
  ulp: orNull(number),
  firstIndex: orNull(count),
  differing: count,
  dtypes: list(dtype),
  shape,
  "note?": text,
  "cause?": text,
});

const prompt = fields({
  name: text,
  positions: count,
  maxAbs: metric,
  rmse: metric,
  cosine: metric,
  kl: said(metric, "nats; mean over positions"),
  top1Agreement: metric,
  nearTies: count,
  topOverlap: metric,
  wouldPassWith: said(orNull(number), "absolute tolerance on logits; null where none would do"),
  scale: metric,
  worst: fields({ position: place, token: place, ours: metric, reference: metric }),
  histogram: list(count, "by powers of ten of the difference: below 1e-8, then each decade"),
});

const parity = fields({
  passes: truth,
  "quantity?": said(oneOf("log-probabilities"), "what is compared, where it is not logits"),
  gate: fields({
    maxAbs: number,
    kl: number,
    origin: list(text),
    "rms?": said(number, "on the root of the mean square of all values"),
  }),
  compute: said(oneOf("f32", "f16", "bf16"), "what the coarser of the two sides computed in"),
  calibration: said(text, "how the noise was measured, and on how much"),
  referenceError: said(metric, "of the golden's logits against its float64 ones; null without"),
  noise: orNull(number),
  timesNoise: metric,
  curve: list(fields({ step: text, maxAbs: metric, scale: metric })),
  failures: list(text),
});

const coverage = fields({
  tokens: said(count, "different tokens whose embeddings were read"),
  positions: said(count, "rows of logits that were compared"),
  texts: said(count, "texts whose ids were compared, of two tokenizers each time"),
  tensors: count,
  unreached: list(text, "what no prompt reached"),
});

const endpoint = said(
  fields({
    url: text,
    model: said(text, "as the server calls it"),
    "way?": fields({ prompt: oneOf("ids", "text"), echo: truth, tellIds: truth }),
    requests: count,
    values: said(count, "log-probabilities that were compared"),
    toldTop: said(count, "rows that told of the likeliest tokens"),
    otherTop: said(count, "those of them whose likeliest are others"),
    unreadable: said(count, "likeliest tokens whose text belongs to no id, or to several"),
    tokenizer: fields({
      ids: said(count, "texts whose token ids were compared"),
      counts: said(count, "texts of which only the number of tokens was"),
      differences: list(text),
      isFirstTokenOnly: truth,
    }),
    "template?": said(
      fields({
        name: said(text, "the model's chat template"),
        ids: said(count, "conversations whose token ids were compared"),
        texts: said(count, "conversations whose text was"),
        counts: said(count, "conversations of which only the number of tokens was"),
        differences: list(text),
        isFirstTokenOnly: truth,
      }),
      "how the server writes conversations; left out where the model's files have no chat template",
    ),
    statement: said(text, "the verdict in one sentence"),
  }),
  "of the server, where one was asked",
);

const blockCounts = fields({
  total: count,
  identical: said(count, "with the very bytes that quantising the original gives"),
  rounded: said(count, "others whose every level is the nearest under some choice of scales"),
  unexplained: count,
});

const quantisedTensor = fields({
  name: text,
  type: said(text, "as GGUF calls it: Q8_0, Q4_K, …"),
  blocks: count,
  identical: count,
  rounded: count,
  unexplained: count,
  matrix: said(
    orNull(oneOf("used", "left-out", "other", "missing", "other-size")),
    "what a given importance matrix has to do with it; null without one",
  ),
  worst: said(
    metric,
    "largest error in half steps of its block's scale; of blocks proved to the byte the first thousand of a tensor, then one in a hundred",
  ),
  maxAbs: metric,
  loss: said(metric, "root of the squared error over the squared values"),
});

const layerLoss = fields({
  layer: said(orNull(count), "null for what is in none"),
  types: list(text),
  loss: metric,
});

const blockPlace = fields({
  tensor: said(text, "as the file calls it"),
  block: said(count, "among the tensor's blocks, from 0"),
  offset: said(count, "byte of the file"),
});

const importance = {
  importanceMatrix: said(truth, "the file names one, or one was given: scales fit what matters"),
  imatrix: said(orNull(fields({ path: text, tensors: count })), "the one that was given"),
};

const otherScales = list(
  blockPlace,
  "explained blocks in tensors whose other blocks have the very bytes",
);

const quantisation = fields({
  side: said(oneOf("model", "other"), "which of the two is quantised"),
  ...importance,
  tensors: list(quantisedTensor),
  blocks: blockCounts,
  otherScales,
  layers: list(layerLoss),
  positions: list(
    fields({
      prompt: text,
      position: count,
      kl: metric,
      top1: oneOf("same", "near-tie", "differs"),
    }),
  ),
  kl: said(metric, "mean over positions, in nats"),
  top1Agreement: metric,
  settings: said(
    orNull(fields({ passes: truth, maxAbs: metric })),
    "the original's weights under the quantised file's settings, against the original",
  ),
});

const filed = said(
  fields({
    tool: fields({ name: exactly("weighbridge"), version: text }),
    time: said(text, "when it ended: ISO 8601 in UTC"),
    files: list(
      fields({
        role: oneOf(
          "weights",
          "config",
          "tokenizer",
          "golden",
          "other-weights",
          "other-config",
          "imatrix",
        ),
        path: text,
        bytes: said(orNull(count), "null for a remote file"),
        sha256: said(orNull(text), "of all of its bytes; null for a remote file"),
      }),
    ),
  }),
  "what the verdict can be filed with",
);

const comparison = fields({
  kind: oneOf("golden", "checkpoint", "endpoint"),
  path: text,
  verdict: oneOf("pass", "fail"),
  greedy: list(
    fields({
      prompt: text,
      repetitionPenalty: number,
      tokens: count,
      agreeing: count,
      nearTies: count,
    }),
  ),
  "weights?": fields({
    compared: count,
    wrong: count,
    rounded: count,
    harmless: list(text, "what relates tensors that differ to no effect"),
    worst: list(tensorDifference),
  }),
  "endpoint?": endpoint,
  diagnosis,
  failures: list(text),
  coverage,
  "quantisation?": said(quantisation, "where one side is a quantisation of the other"),
  notRun: list(text, "checks that were not made"),
  parity: orNull(parity),
});

const answer = {
  text: orNull(text),
  newText: orNull(text),
  ids: list(count, "of the prompt and the new tokens"),
  promptTokens: count,
  newTokens: count,
  finish: oneOf("stop", "length"),
};

const weakened = list(
  fields({ option: said(text, "as it is given"), effect: text }),
  "checks that the options gave up",
);

/** Fields that any command may have. */
const COMMON = {
  "weakened?": weakened,
  "settings?": said(
    fields({
      file: said(orNull(text), "the settings file that was read"),
      "notRead?": fields({ file: text, why: text }),
      options: list(
        fields({
          name: text,
          value: said({ type: ["string", "number", "boolean"] }, "*** for a secret"),
          origin: said(text, "a variable's name or the file's path"),
        }),
      ),
    }),
    "options that the command line does not show; left out where there are none",
  ),
};

/** Fields by command; a list of tables where a command prints one of several. */
export const OUTPUTS = {
  inspect: {
    format: oneOf("pytorch-zip", "pytorch-legacy", "pytorch-tar", "paddle", "safetensors", "gguf"),
    files: list(text),
    architecture: said(text, 'the class that config.json names, or "none"'),
    "support?": said(
      fields({
        convert: exactly(true),
        verify: exactly(true),
        run: exactly(true),
        checkedAgainst: said(text, "the implementation whose logits ours were held against"),
      }),
      "what can be done with the family; left out where it is not known",
    ),
    parameters: count,
    bytes: count,
    tensors: list(
      fields({
        name: text,
        dtype: said(
          text,
          "as safetensors spells it; as llama.cpp does where the file holds it quantised",
        ),
        shape,
        bytes: count,
        "rank?": fields({ tp: count, pp: count }),
      }),
    ),
    layout: said(layout, "the layout of Linear weights"),
    layoutEvidence: evidence,
    tied: list(list(text), "names that share storage"),
    skipped: list(fields({ name: text, why: text })),
    metadata: said(
      { type: "object", additionalProperties: text },
      "__metadata__ of safetensors; GGUF's metadata but for its arrays; empty elsewhere",
    ),
  },
  check: {
    problems: list(fields({ code, message: text, "tensor?": text, "file?": text })),
    architecture: text,
    tensors: count,
  },
  scan: {
    verdict: oneOf("safe", "unsafe", "incomplete"),
    globals: list(
      fields({
        module: text,
        name: text,
        file: text,
        offset: said(count, "byte in the file, or in its member"),
        allowed: truth,
        "library?": said(truth, "a class of a known library, not examined for what it does"),
        "member?": said(text, "the pickle inside of an archive or a compressed file"),
      }),
    ),
    reasons: list(fields({ code, message: text, file: text })),
    files: list(
      fields({ file: text, state: oneOf("examined", "harmless", "not-understood"), why: text }),
    ),
  },
  convert: {
    tensors: list(
      fields({
        from: list(text),
        to: text,
        action: oneOf(
          "copy",
          "transpose",
          "split",
          "merge",
          "cast",
          "add",
          "dequantize",
          "merge-adapter",
        ),
        why: text,
        dtype,
        shape,
        sha256: said(orNull(digest), "of the little-endian row-major bytes; null in a dry run"),
      }),
    ),
    dropped: list(fields({ name: text, why: text })),
    tied: list(list(text)),
    files: list(text),
    sourceLayout: layout,
    layoutEvidence: evidence,
    bytesRead: count,
    bytesWritten: count,
    verified: said(truth, "whether the output was read back and every digest agreed"),
    cast: fields({ overflow: count, underflow: count }),
    weightsSha256: orNull(digest),
    sum: said(
      orNull(
        fields({
          recipe: oneOf("fastchat", "alpaca"),
          dtype,
          newRows: oneOf("zero", "mean"),
          newWords: count,
          baseWeightsSha256: digest,
          deltaWeightsSha256: digest,
        }),
      ),
      "what base + delta were; null without --delta and in a dry run",
    ),
    seconds,
    peakMemoryBytes: count,
    weakened,
    "dryRun?": exactly(true),
    "step?": said(
      {
        oneOf: [
          fields({
            kind: exactly("plan"),
            path: text,
            written: truth,
            files: list(fields({ name: text, bytes: count })),
          }),
          fields({
            kind: exactly("part"),
            part: fields({ index: count, of: count }),
            kept: list(text, "files of the part that were written before"),
          }),
          fields({ kind: exactly("finish") }),
        ],
      },
      "of a conversion in parts (--plan)",
    ),
  },
  match: {
    tensors: list(
      fields({ left: list(text), right: list(text), operation: text }),
      "how each tensor of the right side is made of the left's; ties have no right side",
    ),
    unexplained: list(text, "names of either side; empty where every tensor is explained"),
    statements: list(text, "left | right | operation, as --out writes them"),
    out: orNull(said(text, "the map that was written")),
    notes,
    seconds,
  },
  extract: {
    rank: count,
    factors: list(
      fields({
        name: said(text, "of the weight"),
        shape,
        change: said(orNull(number), "tuned - base against the base; null where that is all zeros"),
        error: said(number, "tuned - (base + B · A) against tuned - base"),
        rounding: said(
          number,
          "the most that rounding the tuned weight leaves, against tuned - base",
        ),
      }),
      "each number is of lengths: roots of sums of squares",
    ),
    whole: list(text, "tensors that are in the adapter as they are in the tuned model"),
    left: list(
      fields({ name: text, change: orNull(number) }),
      "tensors that differ and are not in the adapter",
    ),
    unchanged: said(count, "tensors that do not differ"),
    error: said(number, "as those of each, over all that have factors"),
    rounding: number,
    bytesWritten: count,
    notes,
    seconds,
    peakMemoryBytes: count,
  },
  diff: {
    summary: fields({
      identical: count,
      equalValues: count,
      withinTolerance: count,
      differ: count,
      onlyLeft: count,
      onlyRight: count,
    }),
    tensors: list(tensorDifference, "the most different first"),
    diagnosis,
    bytesRead: count,
    seconds,
    peakMemoryBytes: count,
    reports: list(text, "paths of the reports that were written"),
  },
  verify: {
    verdict: oneOf("pass", "fail"),
    coverage,
    model: text,
    architecture: text,
    parameters: count,
    layers: count,
    prompts: list(prompt),
    diagnosis,
    comparisons: list(comparison),
    device,
    backend: text,
    compute,
    seconds,
    peakMemoryBytes: count,
    weakened,
    evidence: filed,
    reports: list(text, "paths of the reports that were written"),
  },
  prove: {
    verdict: oneOf("pass", "fail"),
    model: text,
    original: text,
    architecture: text,
    ...importance,
    blocks: blockCounts,
    tensors: list(quantisedTensor),
    plain: list(
      fields({
        name: text,
        dtype: text,
        elements: count,
        differing: count,
        firstIndex: orNull(count),
        maxAbs: number,
      }),
    ),
    layers: list(layerLoss),
    unexplained: list(
      blockPlace,
      "blocks that the original does not explain, 4096 of a tensor at most",
    ),
    otherScales,
    diagnosis,
    failures: list(text),
    seconds,
    peakMemoryBytes: count,
    evidence: filed,
    "statement?": said(text, "where it was written"),
  },
  attest: {
    statement: said(
      { type: "object" },
      "an in-toto statement (https://in-toto.io/Statement/v1) with a test result as its predicate",
    ),
    "path?": said(text, "where it was written"),
  },
  golden: [
    {
      path: text,
      prompts: list(fields({ ids: list(count), positions: count })),
      metadata: { type: "object", additionalProperties: text },
      device,
      compute,
      seconds,
    },
    { framework: oneOf("transformers", "paddle"), script: text },
  ],
  generate: {
    ...answer,
    results: list(fields(answer), "one for each prompt; the first is repeated above"),
    tokensPerSecond: number,
    loadSeconds: seconds,
    prefillSeconds: seconds,
    decodeSeconds: seconds,
    device,
    backend: text,
    compute,
    activations,
    residence,
    peakMemoryBytes: count,
    template: said(orNull(text), "the chat template of --chat; null without"),
  },
  serve: {
    url: text,
    models: list(text, "ids that clients ask for"),
    answered: count,
    failed: count,
    cancelled: said(count, "requests whose client left"),
    cut: said(exactly(0), "answers that the end of the grace time cut off are exit code 130"),
  },
  chat: {
    model: text,
    template: text,
    templateWhy: text,
    messages: list(fields({ role: oneOf("system", "user", "assistant"), content: text })),
    turns: list(
      fields({
        answer: text,
        finish: oneOf("stop", "length", "interrupted"),
        promptTokens: count,
        reusedTokens: said(count, "tokens of the prompt that were in memory from the turn before"),
        newTokens: count,
        droppedTurns: said(count, "turns forgotten because the context had no room for them"),
      }),
    ),
    device,
    backend: text,
    compute,
    activations,
    residence,
  },
  eval: [
    {
      model: text,
      variant: oneOf("base", "chat"),
      tasks: list(
        fields({
          name: text,
          group: orNull(text),
          kind: oneOf("ppl", "gen"),
          items: count,
          correct: count,
          score: said(orNull(number), "per cent; null where answers would have to be run"),
          examples: said(count, "worked examples before each question"),
          fewerExamples: said(count, "items that had no room for all of them"),
          skipped: list(text, "rows that were left out, each with its place and what is wrong"),
          cut: said(count, "items of which a text had no room and was cut on the left"),
          tokens: evaluatedTokens,
          seconds,
          "changed?": said(count, "with another model or --golden: answers that are others"),
        }),
      ),
      groups: list(
        fields({ name: text, tasks: count, score: said(orNull(number), "the unweighted mean") }),
      ),
      tokens: evaluatedTokens,
      maxLength: said(count, "tokens of a text at most"),
      "against?": said(text, "the other weights, or the file of results"),
      "verdict?": oneOf("pass", "fail"),
      "failures?": list(text, "why it fails"),
      "decisions?": list(
        fields({
          name: text,
          decision: oneOf("pass", "fail"),
          items: said(count, "rows that were asked"),
          rows: count,
        }),
        "with --stop-when-decided",
      ),
      "noise?": said(number, "margin up to which a change of label is a near-tie, in nats"),
      "reports?": list(text, "files that were written"),
      "parity?": list(
        fields({
          name: text,
          items: count,
          score: orNull(number),
          otherScore: orNull(number),
          gained: said(count, "right here alone"),
          lost: said(count, "right in the reference alone"),
          p: said(number, "of McNemar's exact test, two-sided"),
          changes: list(
            fields({
              index: count,
              prediction: orNull(text),
              other: orNull(text),
              answer: text,
              margin: said(
                orNull(number),
                "of the reference's best label before its second, in nats",
              ),
              nearTie: truth,
            }),
          ),
        }),
      ),
      device,
      backend: text,
      compute,
      activations,
      residence,
      seconds,
    },
    { framework: text, script: said(text, "Python that exports data sets as task files") },
    {
      table: fields({ heads: list(text), rows: list(list(text)) }),
      reports: list(text, "files that were written"),
    },
    {
      model: text,
      step: said(
        fields({
          kind: exactly("plan"),
          path: text,
          written: said(truth, "false where the file held this plan already"),
          tasks: list(fields({ name: text, items: count, sha256: digest })),
        }),
        "with --plan alone",
      ),
    },
    {
      model: text,
      step: said(
        fields({
          kind: exactly("part"),
          path: said(text, "the file that holds its items until --finish"),
          part: fields({ index: count, of: count }),
          items: count,
          wasThere: said(truth, "true where it was computed before"),
        }),
        "with --part",
      ),
    },
  ],
  logits: {
    architecture: text,
    top: list(
      fields({
        prompt: count,
        position: count,
        ids: list(count),
        logits: list(metric),
        "probabilities?": list(metric, "of UIE's heads"),
      }),
      "largest logits first",
    ),
    outputs: fields({
      isDecoder: truth,
      gives: said(text, "what a row of logits is"),
      width: said(count, "numbers of a row"),
      labels: said(orNull(list(text)), "what they are called, where they are not of tokens"),
    }),
    inputIds: list(list(count)),
    device,
    backend: text,
    compute,
    activations,
    residence,
    seconds,
    out: orNull(text),
  },
  explain: {
    codes: list(
      fields({
        code,
        title: text,
        meaning: text,
        remedy: text,
        details: {
          type: "object",
          additionalProperties: text,
          description:
            "fields of its errors' details, with types; ? marks those that only some have",
        },
        exitCode: count,
      }),
    ),
  },
  doctor: {
    checks: list(
      fields({
        name: text,
        status: oneOf("ok", "advice", "problem"),
        found: text,
        needed: text,
        fix: text,
      }),
    ),
    devices: list(
      fields({
        device,
        usable: truth,
        description: text,
        keepsBits: said(truth, "whether a token's logits have the same bits whatever is beside it"),
      }),
    ),
  },
  demo: {
    steps: list(fields({ command: text, outcome: text, ok: truth, seconds })),
    seconds,
  },
  native: [
    {
      root: text,
      packages: list(
        fields({
          origin: text,
          packageFolder: text,
          tensorflow: orNull(text),
          gpu: orNull(truth),
          kernels: orNull(text),
          failure: orNull(text),
        }),
      ),
      devices: fields({ cpu: truth, cuda: truth, why: text }),
    },
    {
      variant: oneOf("cpu", "cuda"),
      folder: text,
      tensorflow: text,
      tfjsNode: text,
      gpu: truth,
      kernels: orNull(text),
      changed: truth,
      seconds,
    },
    { removed: list(text) },
  ],
  config: {
    configFile: orNull(text),
    settings: list(
      fields({
        command: text,
        name: text,
        value: { type: ["string", "number", "boolean", "null"] },
        origin: said(text, 'a variable, the path of a config file, or "default"'),
      }),
    ),
  },
  completion: { shell: oneOf("bash", "zsh", "fish"), script: text },
};

const error = fields({
  code,
  message: text,
  hint: text,
  details: { type: "object" },
});

/** The schema of one command's document: what it found, or why it failed. */
export function outputSchema(command) {
  const head = { schemaVersion: exactly(1), command: exactly(command) };
  const kinds = [OUTPUTS[command]].flat();
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: `weighbridge ${command} --json`,
    oneOf: [
      ...kinds.map((kind) => fields({ ...head, ok: truth, notes, ...COMMON, ...kind })),
      fields({ ...head, ok: exactly(false), error, "settings?": COMMON["settings?"] }),
    ],
  };
}

/** The schema of a failure of any command, also where the command itself is not known. */
export function errorSchema() {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "a failure of weighbridge with --json",
    ...fields({
      schemaVersion: exactly(1),
      command: text,
      ok: exactly(false),
      error,
      "settings?": COMMON["settings?"],
    }),
  };
}

/** The schema of the file that `convert --plan` writes. */
export function planSchema() {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "a plan of weighbridge convert --plan",
    ...fields({
      schemaVersion: exactly(1),
      kind: exactly("weighbridge conversion in parts"),
      weighbridge: said(text, "the version that made the plan, and must write its parts"),
      options: said(
        fields({
          "to?": oneOf("safetensors", "pytorch", "paddle"),
          "layout?": oneOf("torch", "paddle"),
          "sourceLayout?": oneOf("torch", "paddle"),
          "for?": oneOf("paddlenlp", "paddleformers", "erniekit"),
          "dtype?": oneOf("keep", "F32", "F16", "BF16"),
          "maxShardSize?": said(count, "bytes"),
          "architecture?": text,
        }),
        "those that decide what is written; left out where they were not given",
      ),
      sources: list(
        fields({
          name: text,
          version: said(text, "size and time of change, or size and entity tag"),
        }),
      ),
      headersSha256: said(digest, "of the table of tensors in all source files"),
      files: list(fields({ name: text, bytes: count }), "what will be written"),
      planSha256: said(digest, "of all above and of the place of every tensor"),
    }),
  };
}

/** The schema of the file that `eval --plan` writes. */
export function evalPlanSchema() {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "a plan of weighbridge eval --plan",
    ...fields({
      schemaVersion: exactly(1),
      kind: exactly("weighbridge evaluation in parts"),
      weighbridge: said(text, "the version that made the plan, and must compute its parts"),
      options: said(
        fields({
          tasks: list(text),
          "variant?": oneOf("base", "chat"),
          "turns?": text,
          "limit?": count,
          "seed?": count,
          "maxNewTokens?": count,
          "maxLength?": count,
          "skipBad?": truth,
          "compute?": compute,
        }),
        "those that decide what is asked; left out where they were not given",
      ),
      weightsSha256: said(digest, "of the config and the weights' vectors"),
      tokenizerSha256: said(digest, "of the ids of the first text of each task"),
      tasks: list(
        fields({
          name: text,
          items: count,
          sha256: said(digest, "of rows, worked examples and templates"),
        }),
      ),
      planSha256: said(digest, "of all above"),
    }),
  };
}
