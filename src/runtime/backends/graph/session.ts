import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WbError } from "../../../errors/wb-error.ts";
import { failure, TF_INT32, TF_UINT8, type Binding, type Handle } from "../native/binding.ts";

/** What a graph is given under one name: bytes, whole numbers, or the bits of float32. */
export interface Feed {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Uint8Array | Int32Array | Float32Array;
}

/** What a backend that runs whole graphs offers. */
export interface GraphSessions {
  /** Loads the part of a SavedModel that has the tag. @throws WbError WB6202. */
  open(savedModel: Uint8Array, tag: string): Promise<GraphSession>;
}

/** A graph that TensorFlow has loaded, with the variables of its own; `dispose` frees them. */
export class GraphSession {
  readonly #binding: Binding;
  readonly #id: number;

  private constructor(binding: Binding, id: number) {
    this.#binding = binding;
    this.#id = id;
  }

  /** Loads a SavedModel, which TensorFlow takes from a folder only. @throws WbError WB6202. */
  static async open(binding: Binding, savedModel: Uint8Array, tag: string): Promise<GraphSession> {
    const folder = await mkdtemp(join(tmpdir(), "weighbridge-graph-"));
    try {
      await writeFile(join(folder, "saved_model.pb"), savedModel);
      return new GraphSession(binding, binding.loadSavedModel(folder, tag));
    } catch (error) {
      throw failure("graph", error);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** Runs the graph for what it does. @throws WbError WB6003, WB6202. */
  run(feeds: readonly Feed[], output: string): void {
    for (const { id } of this.#run(feeds, [output])) this.#binding.deleteTensor(id);
  }

  /** Runs the graph for float32 results. @throws WbError WB6003, WB6202. */
  read(feeds: readonly Feed[], outputs: readonly string[]): readonly Float32Array[] {
    const results = this.#run(feeds, outputs);
    try {
      return results.map(({ id }) => floats(this.#binding.tensorDataSync(id)));
    } finally {
      for (const { id } of results) this.#binding.deleteTensor(id);
    }
  }

  #run(feeds: readonly Feed[], outputs: readonly string[]): readonly Handle[] {
    const inputs: number[] = [];
    try {
      for (const { shape, data } of feeds) {
        const [dtype, elements] =
          data instanceof Uint8Array ? [TF_UINT8, data] : [TF_INT32, wholeNumbers(data)];
        inputs.push(this.#binding.createTensor(shape, dtype, elements));
      }
      const names = feeds.map(({ name }) => `${name}:0`).join();
      const wanted = outputs.map((name) => `${name}:0`).join();
      return this.#binding.runSavedModel(this.#id, inputs, names, wanted);
    } catch (error) {
      throw failure("graph", error);
    } finally {
      for (const id of inputs) this.#binding.deleteTensor(id);
    }
  }

  dispose(): void {
    this.#binding.deleteSavedModel(this.#id);
  }
}

function wholeNumbers(data: Int32Array | Float32Array): Int32Array {
  if (data instanceof Int32Array) return data;
  return new Int32Array(data.buffer, data.byteOffset, data.length);
}

function floats(data: unknown): Float32Array {
  if (data instanceof Float32Array) return data;
  throw new WbError("WB7001", "TensorFlow gave an array that is not float32");
}
