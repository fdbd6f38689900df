import { TF_FLOAT, TF_INT32 } from "../../src/runtime/backends/native/binding.ts";
import { typeAttribute, GraphNodes } from "../../src/runtime/backends/graph/nodes.ts";
import { GraphOps, GraphValue, GraphWeight } from "../../src/runtime/backends/graph/ops.ts";
import { TAG } from "../../src/runtime/backends/graph/plan.ts";
import type { Feed, GraphSessions } from "../../src/runtime/backends/graph/session.ts";
import { graphSteps } from "../../src/runtime/backends/graph/steps.ts";
import type { Given, PlainSteps, StepDevice } from "./step-cases.ts";

/** What hides a key from a query: float32's lowest number, as the model's own masks have. */
const LOWEST = -3.4028234663852886e38;

/** A device that writes each case down as a graph in float32 and runs it once. */
export function graphStepDevice(sessions: GraphSessions): StepDevice {
  return {
    // As `GraphDecoder` says.
    keepsBits: false,
    refuses: ["activate", "scale", "limits", "layerNorm", "widen"],
    run: async (values, weights, work) => {
      const nodes = new GraphNodes();
      const ops = new GraphOps(nodes);
      const feeds: Feed[] = [];
      const input = ({ data, shape }: Given): string => {
        const name = `in${feeds.length}`;
        feeds.push({ name, shape, data });
        return nodes.bitcast(nodes.input(name, TF_INT32), TF_INT32, TF_FLOAT);
      };
      const value = (given: Given) => new GraphValue(input(given), given.shape, "f32");
      const steps = graphSteps(nodes, ops);
      const plain: PlainSteps = {
        ...steps,
        rotate: (x, cos, sin) => {
          const size = sin.shape.at(-1) ?? 0;
          const signed = sin.data.map((one, index) => (index % size < size / 2 ? -one : one));
          const signedSin = value({ data: signed, shape: sin.shape });
          return steps.rotate(x, { cos: value(cos), signedSin, pairs: "halves" });
        },
        attention: (queries, keys, all, mask, limits) => {
          const [b = 0, h = 0, t = 0] = queries.shape;
          const [, g = 0, l = 0] = keys.shape;
          const rows = (h / g) * t;
          const data = Float32Array.from({ length: b * rows * l }, (_, index) => {
            const [key, query] = [index % l, Math.floor(index / l) % rows];
            const row = Math.floor(index / (l * rows));
            return key > l - t + (query % t) || mask?.[row]?.[key] === 0 ? LOWEST : 0;
          });
          return steps.attention(
            queries,
            keys,
            all,
            input({ data, shape: [b, 1, rows, l] }),
            limits,
          );
        },
      };
      const layers = weights.map((given) => ({
        weight: new GraphWeight(input(given), given.shape, "f32"),
        bias: undefined,
      }));
      const made = work(plain, values.map(value), layers);
      const attributes = { T: typeAttribute(TF_FLOAT) };
      nodes.add("Identity", [ops.node(made)], attributes, { name: "result" });
      const session = await sessions.open(nodes.savedModel(TAG), TAG);
      try {
        const [found = new Float32Array(0)] = session.read(feeds, ["result"]);
        return found.slice();
      } finally {
        session.dispose();
      }
    },
    close: () => undefined,
  };
}
