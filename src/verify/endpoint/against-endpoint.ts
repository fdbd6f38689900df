import { WbError } from "../../errors/wb-error.ts";
import { findTokenizer, type Tokenizer } from "../../runtime/tokenizer/tokenizer.ts";
import type { Prompt } from "../../session/prompts.ts";
import type { Parity } from "../compare/parity.ts";
import { COMPUTE_NAME } from "../compare/tolerance.ts";
import type { Diagnosis } from "../diagnose/diagnosis.ts";
import type { Bench } from "../subject.ts";
import { endpointOf } from "./address.ts";
import { askAnswers } from "./audit/answers.ts";
import { auditServer, type AuditFindings } from "./audit/audit.ts";
import { ANSWER_TOKENS, askPrompts, type Asked } from "./ask-prompts.ts";
import { EndpointClient, type RequestLimits } from "./client.ts";
import { endpointPrompts, type EndpointPrompt } from "./endpoint-prompts.ts";
import { explainDeparture } from "./explain.ts";
import { judgeTold, type Judgement } from "./judge-told.ts";
import { modelName, Protocol, type Way } from "./protocol.ts";
import { checkTemplate, templateDiagnoses, type TemplateCheck } from "./server-template.ts";
import type { TokenizerCheck } from "./server-tokenizer.ts";

/** A server that a model is proved against. */
export interface EndpointOptions {
  /** "http://localhost:8000/v1". */
  readonly url: string;
  /** Name of the environment variable that holds the key; undefined for none. */
  readonly apiKeyEnv?: string | undefined;
  /** Which of the server's models; its only one when left out. */
  readonly model?: string | undefined;
  /** Bounds of a request; `REQUEST_LIMITS` when left out. */
  readonly limits?: RequestLimits | undefined;
}

/** What a comparison with a server rests on. */
export interface EndpointFindings {
  readonly url: string;
  /** As the server calls the model. */
  readonly model: string;
  /** How it was asked; undefined where no log-probabilities came of it. */
  readonly way: Way | undefined;
  readonly requests: number;
  /** Log-probabilities that were compared. */
  readonly values: number;
  /** Rows that told of the likeliest tokens, and those of them whose likeliest are others. */
  readonly toldTop: number;
  readonly otherTop: number;
  /** Likeliest tokens whose text belongs to no id of ours, or to several: not compared. */
  readonly unreadable: number;
  readonly tokenizer: TokenizerCheck;
  /** How it writes conversations; left out where the model has no chat template. */
  readonly template?: TemplateCheck | undefined;
  /** What its tokens alone say, where it tells no log-probabilities. */
  readonly audit?: AuditFindings | undefined;
  /** The verdict in one sentence. */
  readonly statement: string;
}

/** What came of asking a server. */
export interface EndpointOutcome {
  readonly endpoint: EndpointFindings;
  /** Undefined where the server tells no log-probabilities. */
  readonly parity: Parity | undefined;
  readonly prompts: readonly EndpointPrompt[];
  readonly diagnoses: readonly Diagnosis[];
  readonly failures: readonly string[];
}

/**
 * Asks a server for completions, and holds the log-probabilities that it tells against the model's own; where it tells none, its
 * tokens.
 * @throws WbError WB1961 where nothing can be compared, and those of the client, the protocol and the runtime.
 */
export async function verifyEndpoint(
  bench: Bench,
  { url, apiKeyEnv, model, limits }: EndpointOptions,
  given: readonly Prompt[] | undefined,
): Promise<EndpointOutcome> {
  const { signal } = bench.options.parity;
  const client = new EndpointClient(endpointOf(url, apiKeyEnv, process.env), signal, limits);
  const tokenizer = await findTokenizer(bench.folder, bench.options.tokenizer);
  const { vocabSize, maxPositions } = bench.laboratory.config;
  const prompts = endpointPrompts(given, tokenizer, vocabSize, maxPositions - ANSWER_TOKENS);
  const protocol = new Protocol(client, await modelName(client, model));
  const asked = await askPrompts(client, protocol, prompts, tokenizer, vocabSize);
  const template = await checkTemplate(client, protocol.model, bench.path, bench.options.tokenizer);
  if (asked.sequences.length === 0)
    return auditOutcome(bench, client, protocol.model, prompts, tokenizer, { ...asked, template });
  const judgement = await judgeTold(bench, asked.sequences);
  const departure = await departureOf(bench, asked, judgement, tokenizer);
  const diagnoses = [...readingDiagnoses({ ...asked, template }), ...departure];
  const failures = [...judgement.parity.failures, ...readingFailures(prompts, asked)];
  const passes = failures.length === 0 && diagnoses.length === 0;
  const { compute } = judgement.parity;
  return {
    endpoint: {
      url: client.url,
      model: protocol.model,
      way: asked.way,
      requests: client.requests,
      values: judgement.values,
      toldTop: judgement.toldTop,
      otherTop: judgement.otherTop,
      unreadable: asked.answers.reduce((sum, { unreadable }) => sum + unreadable, 0),
      tokenizer: asked.tokenizer,
      template,
      statement: passes
        ? `this server serves these weights, within ${COMPUTE_NAME[compute]}`
        : "this server does not serve these weights as they are",
    },
    parity: judgement.parity,
    prompts,
    diagnoses,
    // What hides within the gate is a failure of its own; another tokenizer or template is one in any comparison.
    failures: failures.length > 0 ? failures : departure.map(({ evidence }) => evidence),
  };
}

/** What the server's tokens say, where it tells nothing else of them. */
async function auditOutcome(
  bench: Bench,
  client: EndpointClient,
  model: string,
  prompts: readonly EndpointPrompt[],
  tokenizer: Tokenizer | undefined,
  asked: Asked & Pick<EndpointFindings, "template">,
): Promise<EndpointOutcome> {
  const { config } = bench.laboratory;
  const { vocabSize, eosTokenIds: endIds } = config;
  const { parity, diagnose } = bench.options;
  const audit = await auditServer(
    (round) => askAnswers({ client, model, tokenizer, vocabSize, endIds }, prompts, round),
    {
      laboratory: bench.laboratory,
      firstIds: firstIdsOf(tokenizer),
      shakenTokens: parity.shakenTokens,
      diagnose,
      options: { signal: parity.signal },
    },
  );
  if (audit === undefined) throw nothing(client.url, asked);
  const { findings, diagnoses, passes } = audit;
  const reading = readingFailures(prompts, asked);
  const others = readingDiagnoses(asked);
  const isRight = passes && reading.length === 0 && others.length === 0;
  return {
    endpoint: {
      url: client.url,
      model,
      way: undefined,
      requests: client.requests,
      values: 0,
      toldTop: 0,
      otherTop: 0,
      unreadable: 0,
      tokenizer: asked.tokenizer,
      template: asked.template,
      audit: findings,
      statement: isRight
        ? "this server's tokens are such as these weights give; it tells no log-probabilities"
        : "this server does not serve these weights as they are",
    },
    parity: undefined,
    prompts,
    diagnoses: [...others, ...diagnoses],
    failures: [
      ...reading,
      ...(passes
        ? []
        : [
            `${findings.drawn + findings.greedy} tokens: the evidence against these weights is e^${findings.evidence.toFixed(1)}, allowed is e^${findings.threshold.toFixed(1)}`,
          ]),
    ],
  };
}

/** Ids that a tokenizer may put first. */
function firstIdsOf(tokenizer: Tokenizer | undefined): readonly number[] {
  const bos = tokenizer === undefined ? 1 : tokenizer.settings.bosId;
  return bos === undefined ? [] : [bos];
}

async function departureOf(
  bench: Bench,
  { sequences }: Asked,
  { own, parity, gate }: Judgement,
  tokenizer: Tokenizer | undefined,
): Promise<readonly Diagnosis[]> {
  // Within float32 there is no room for anything else.
  if (!bench.options.diagnose || (parity.passes && parity.compute === "f32")) return [];
  const found = await explainDeparture({
    laboratory: bench.laboratory,
    sequences,
    own,
    firstIds: firstIdsOf(tokenizer),
    options: { signal: bench.options.parity.signal },
    allowed: gate.rms,
    isWithin: parity.passes,
  });
  return found === undefined ? [] : [found];
}

/** What the server reads or writes otherwise; where it reads texts otherwise, conversations say nothing more. */
function readingDiagnoses({
  tokenizer,
  template,
}: Pick<EndpointFindings, "tokenizer" | "template">): readonly Diagnosis[] {
  const others = tokenizerDiagnoses(tokenizer);
  return others.length > 0 ? others : templateDiagnoses(template);
}

function tokenizerDiagnoses({ differences }: TokenizerCheck): readonly Diagnosis[] {
  const [first] = differences;
  if (first === undefined) return [];
  const rest = differences.length - 1;
  const evidence = rest === 0 ? first : `${first}; so do ${rest} more of the texts`;
  return [{ cause: "tokenizer", tensors: [], evidence }];
}

/** Prompts of which the server read another number of tokens than it was sent. */
function readingFailures(
  prompts: readonly EndpointPrompt[],
  { answers }: Asked,
): readonly string[] {
  return answers.flatMap(({ reading }, index) => {
    const { name = "", ids = [] } = prompts[index] ?? {};
    switch (reading.kind) {
      case "same":
        return [];
      case "without-first":
        return [
          `${name}: the server read ${ids.length - 1} of ${ids.length} tokens, without the first (id ${reading.id})`,
        ];
      case "with-first":
        return [`${name}: the server put a token before the ${ids.length} of the prompt`];
      case "other":
        return [`${name}: the server read ${reading.theirs} tokens, ${reading.ours} were sent`];
      default:
        return reading satisfies never;
    }
  });
}

function nothing(url: string, { answers }: Asked): WbError {
  const read = answers.filter(({ reading }) => reading.kind !== "same").length;
  const why =
    read > 0
      ? `it read ${read} of ${answers.length} prompts as another number of tokens, and told of none what can be compared`
      : `none of ${answers.length} answers has log-probabilities`;
  return new WbError("WB1961", `${url}: nothing was compared: ${why}`, { details: { url } });
}
