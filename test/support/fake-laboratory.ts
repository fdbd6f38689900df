import type {
  HostTensor,
  Laboratory,
  ModelRunner,
  RunnerStates,
} from "../../src/verify/compare/model-runner.ts";
import { internlmConfig } from "./model-config.ts";

const HIDDEN = 2;

/** What a fake model does; its hidden states are the token's id and a count of the layers it went through. */
export interface FakeModel {
  readonly layers: number;
  readonly vocabSize: number;
  /** Logits for one position, from the state there. */
  logits(state: Float32Array): readonly number[];
  /** Added to the first number of every state by each layer. */
  readonly drift?: number;
}

/** Runners that were opened and not closed. */
export interface FakeLaboratory extends Laboratory {
  readonly opened: () => number;
}

/** A laboratory whose model is plain code. */
export function fakeLaboratory(model: FakeModel): FakeLaboratory {
  let open = 0;
  const openOne = (): Promise<ModelRunner> => {
    open++;
    return Promise.resolve(
      fakeRunner(model, () => {
        open--;
      }),
    );
  };
  return {
    config: internlmConfig({ num_hidden_layers: model.layers, vocab_size: model.vocabSize }),
    facts: () => undefined,
    names: () => [],
    read: (name) => Promise.reject<HostTensor>(new Error(`no tensor ${name}`)),
    readBytes: (name) => Promise.reject<Uint8Array>(new Error(`no tensor ${name}`)),
    open: openOne,
    openAgain: openOne,
    forget: () => undefined,
    opened: () => open,
  };
}

/** A model of plain code. */
export function fakeRunner(model: FakeModel, onClose: () => void = () => {}): ModelRunner {
  const { layers, vocabSize, drift = 0 } = model;
  const moved = (states: readonly RunnerStates[], by: number): readonly RunnerStates[] =>
    states.map((state) => ({
      ...state,
      data: state.data.map((value, index) => value + (index % HIDDEN === 0 ? by : 1)),
    }));
  return {
    layers,
    hiddenSize: HIDDEN,
    outputWidth: vocabSize,
    embed: (prompts) =>
      Promise.resolve(
        prompts.map((ids) => ({
          data: Float32Array.from(ids.flatMap((id) => [id, 0])),
          tokens: ids.length,
        })),
      ),
    runLayer: (_index, states) => Promise.resolve(moved(states, drift)),
    finalNorm: (states) => Promise.resolve(states),
    head: (states, positions) =>
      Promise.resolve(
        states.map(({ data, tokens }, prompt) => {
          const places =
            positions?.[prompt] ?? Array.from({ length: tokens }, (_unused, position) => position);
          return Float32Array.from(
            places.flatMap((position) =>
              model.logits(data.subarray(position * HIDDEN, (position + 1) * HIDDEN)),
            ),
          );
        }),
      ),
    close: () => {
      onClose();
      return Promise.resolve();
    },
  };
}
