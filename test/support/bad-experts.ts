import type { EditableModel } from "./editable-model.ts";

/** One thing that is wrong with a model with experts, and what is said of it. */
export interface BadExperts {
  readonly fixture: string;
  readonly title: string;
  readonly change: (edited: EditableModel) => void;
  readonly code: "WB3701" | "WB3702";
  readonly said: RegExp;
}

/** A family's fixture by the names of its settings; its last layer has experts. */
interface Facts {
  readonly fixture: string;
  readonly layer: number;
  readonly experts: number;
  readonly size: number;
  /** What config.json calls how many there are, their inner size, and how many a token takes. */
  readonly count: string;
  readonly inner: string;
  readonly taken: string;
  /** Settings that make the last layer dense, or a dense one sparse. */
  readonly dense?: Readonly<Record<string, unknown>>;
  readonly sparse?: Readonly<Record<string, unknown>>;
  /** The network for all tokens: its module, and its setting with another value than the tensors have. */
  readonly shared?: {
    readonly module: string;
    readonly field: string;
    readonly other: number;
    readonly size: number;
  };
  readonly correction?: { readonly name: string; readonly shape: string; readonly less: string };
}

const FAMILIES: readonly Facts[] = [
  {
    fixture: "mixtral",
    layer: 1,
    experts: 5,
    size: 24,
    count: "num_local_experts",
    inner: "intermediate_size",
    taken: "num_experts_per_tok",
  },
  {
    fixture: "qwen2_moe",
    layer: 2,
    experts: 6,
    size: 12,
    count: "num_experts",
    inner: "moe_intermediate_size",
    taken: "num_experts_per_tok",
    dense: { mlp_only_layers: [1, 2] },
    sparse: { mlp_only_layers: [] },
    shared: {
      module: "shared_expert",
      field: "shared_expert_intermediate_size",
      other: 24,
      size: 20,
    },
  },
  {
    fixture: "qwen3_moe",
    layer: 1,
    experts: 8,
    size: 12,
    count: "num_local_experts",
    inner: "moe_intermediate_size",
    taken: "num_experts_per_tok",
    dense: { mlp_only_layers: [1] },
  },
  {
    fixture: "ernie4_5_moe",
    layer: 1,
    experts: 6,
    size: 12,
    count: "moe_num_experts",
    inner: "moe_intermediate_size",
    taken: "moe_k",
    dense: { moe_layer_end_index: 0 },
    sparse: { moe_layer_start_index: 0 },
    shared: { module: "shared_experts", field: "moe_num_shared_experts", other: 1, size: 24 },
    correction: {
      name: "mlp.moe_statics.e_score_correction_bias",
      shape: "[1, 6]",
      less: "[1, 5]",
    },
  },
  {
    fixture: "glm4_moe",
    layer: 1,
    experts: 6,
    size: 12,
    count: "n_routed_experts",
    inner: "moe_intermediate_size",
    taken: "num_experts_per_tok",
    dense: { first_k_dense_replace: 2 },
    sparse: { first_k_dense_replace: 0 },
    shared: { module: "shared_experts", field: "n_shared_experts", other: 2, size: 12 },
    correction: { name: "mlp.gate.e_score_correction_bias", shape: "[6]", less: "[5]" },
  },
  {
    fixture: "deepseek_v2",
    layer: 2,
    experts: 6,
    size: 12,
    count: "n_routed_experts",
    inner: "moe_intermediate_size",
    taken: "num_experts_per_tok",
    dense: { first_k_dense_replace: 3 },
    sparse: { first_k_dense_replace: 0 },
    shared: { module: "shared_experts", field: "n_shared_experts", other: 1, size: 24 },
  },
  {
    fixture: "deepseek_v3",
    layer: 2,
    experts: 8,
    size: 12,
    count: "n_routed_experts",
    inner: "moe_intermediate_size",
    taken: "num_experts_per_tok",
    dense: { first_k_dense_replace: 3 },
    sparse: { first_k_dense_replace: 0 },
    shared: { module: "shared_experts", field: "n_shared_experts", other: 2, size: 12 },
    correction: { name: "mlp.gate.e_score_correction_bias", shape: "[8]", less: "[7]" },
  },
];

const HIDDEN = 32;

/** A tensor without its last row, or, at axis 1, its last column. */
function narrowed(edited: EditableModel, name: string, axis: 0 | 1): void {
  const { shape, data, dtype } = edited.get(name);
  const [rows = 0, columns = 1] = shape;
  const kept = [...data].filter((_value, index) =>
    axis === 0 ? index < (rows - 1) * columns : index % columns < columns - 1,
  );
  const less = axis === 0 ? [rows - 1, ...shape.slice(1)] : [rows, columns - 1];
  edited.set(name, { shape: less, data: Float32Array.from(kept), ...(dtype && { dtype }) });
}

function remove(edited: EditableModel, module: string): void {
  const names = edited.names().filter((name) => name.startsWith(`${module}.`));
  if (names.length === 0) throw new Error(`no tensor of ${module}`);
  for (const name of names) edited.delete(name);
}

function settings(fields: Readonly<Record<string, unknown>>): BadExperts["change"] {
  return (edited) => {
    Object.assign(edited.config, fields);
  };
}

function escapedShape(text: string): string {
  return text.replaceAll(/[[\]]/gu, String.raw`\$&`);
}

/** Every fault of every family. */
export const BAD_EXPERTS: readonly BadExperts[] = FAMILIES.flatMap((facts) =>
  [...expertFaults(facts), ...configFaults(facts), ...optionalFaults(facts)].map((fault) => ({
    ...fault,
    fixture: facts.fixture,
  })),
);

type Fault = Omit<BadExperts, "fixture">;

function expertFaults({ layer, experts, size }: Facts): readonly Fault[] {
  const mlp = `model.layers.${layer}.mlp`;
  const escaped = mlp.replaceAll(".", "\\.");
  const said = (text: string): RegExp => new RegExp(escaped + text, "u");
  return [
    {
      title: "an expert that is missing",
      change: (edited) => {
        remove(edited, `${mlp}.experts.2`);
      },
      code: "WB3702",
      said: said(String.raw`\.experts\.2\.gate_proj\.weight is missing`),
    },
    {
      title: "one matrix of an expert that is missing",
      change: (edited) => {
        edited.delete(`${mlp}.experts.2.up_proj.weight`);
      },
      code: "WB3702",
      said: said(String.raw`\.experts\.2\.up_proj\.weight is missing`),
    },
    {
      title: "an expert too many",
      change: (edited) => {
        edited.set(
          `${mlp}.experts.${experts}.up_proj.weight`,
          edited.get(`${mlp}.experts.2.up_proj.weight`),
        );
      },
      code: "WB3702",
      said: said(
        String.raw`\.experts\.${experts}\.up_proj\.weight \[${size}, ${HIDDEN}\] is not a tensor of the model: config\.json has ${experts} experts`,
      ),
    },
    {
      title: "a matrix of an expert with a row too few",
      change: (edited) => {
        narrowed(edited, `${mlp}.experts.1.gate_proj.weight`, 0);
      },
      code: "WB3702",
      said: said(
        String.raw`\.experts\.1\.gate_proj\.weight: expected \[${size}, ${HIDDEN}\], found \[${size - 1}, ${HIDDEN}\]`,
      ),
    },
    {
      title: "a router that is missing",
      change: (edited) => {
        edited.delete(`${mlp}.gate.weight`);
      },
      code: "WB3702",
      said: said(String.raw`\.gate\.weight is missing`),
    },
    {
      title: "a router for fewer experts",
      change: (edited) => {
        narrowed(edited, `${mlp}.gate.weight`, 0);
      },
      code: "WB3702",
      said: said(
        String.raw`\.gate\.weight: expected \[${experts}, ${HIDDEN}\], found \[${experts - 1}, ${HIDDEN}\]`,
      ),
    },
    {
      title: "a router of another hidden size",
      change: (edited) => {
        narrowed(edited, `${mlp}.gate.weight`, 1);
      },
      code: "WB3702",
      said: said(
        String.raw`\.gate\.weight: expected \[${experts}, ${HIDDEN}\], found \[${experts}, ${HIDDEN - 1}\]`,
      ),
    },
  ];
}

function configFaults({ layer, experts, size, count, inner, taken }: Facts): readonly Fault[] {
  const mlp = String.raw`model\.layers\.${layer}\.mlp`;
  return [
    {
      title: "a configuration of half the experts",
      change: (edited) => {
        edited.config[count] = Math.floor(experts / 2);
        edited.config[taken] = 1;
      },
      code: "WB3702",
      said: new RegExp(
        String.raw`experts\.${experts - 1}\.\w+\.weight .*config\.json has ${Math.floor(experts / 2)} experts`,
        "u",
      ),
    },
    {
      title: "a configuration of twice the experts",
      change: settings({ [count]: experts * 2 }),
      code: "WB3702",
      said: new RegExp(
        String.raw`mlp\.gate\.weight: expected \[${experts * 2}, ${HIDDEN}\], found \[${experts}, ${HIDDEN}\]`,
        "u",
      ),
    },
    {
      title: "a configuration of wider experts",
      change: settings({ [inner]: size + 12 }),
      code: "WB3702",
      said: new RegExp(
        String.raw`${mlp}\.experts\.0\.down_proj\.weight: expected \[${HIDDEN}, ${size + 12}\], found \[${HIDDEN}, ${size}\]|and \d+ more`,
        "u",
      ),
    },
    {
      title: "a configuration of more experts than any model has",
      change: settings({ [count]: 1e9 }),
      code: "WB3701",
      said: new RegExp(String.raw`${count}: expected at most \d+, found 1000000000`, "u"),
    },
    {
      title: "a configuration without experts",
      change: settings({ [count]: 0 }),
      code: "WB3701",
      said: new RegExp(`${count}: expected a whole number above 0, found 0`, "u"),
    },
    {
      title: "a configuration that takes more experts than there are",
      change: settings({ [taken]: experts + 1 }),
      code: "WB3701",
      said: new RegExp(String.raw`${taken}: expected at most .*\d, found ${experts + 1}`, "u"),
    },
  ];
}

function optionalFaults({ layer, dense, sparse, shared, correction }: Facts): readonly Fault[] {
  const place = `model.layers.${layer}`;
  const escaped = place.replaceAll(".", "\\.");
  const faults: Fault[] = [];
  if (dense !== undefined)
    faults.push({
      title: "a configuration that has one network where the tensors have experts",
      change: settings(dense),
      code: "WB3702",
      said: new RegExp(
        String.raw`${escaped}\.mlp\..* is not a tensor of the model: by config\.json layer ${layer} has no experts`,
        "u",
      ),
    });
  if (sparse !== undefined)
    faults.push({
      title: "a configuration that has experts where the tensors have one network",
      change: settings(sparse),
      code: "WB3702",
      said: /mlp\.down_proj\.weight \[32, 56\] is not a tensor of the model: by config\.json layer \d has experts/u,
    });
  if (shared !== undefined) {
    const { module, field, other, size } = shared;
    const wanted = field.endsWith("_size") ? other : other * 12;
    faults.push(
      {
        title: "a configuration of another network for all tokens",
        change: settings({ [field]: other }),
        code: "WB3702",
        said: new RegExp(
          String.raw`${module}\.down_proj\.weight: expected \[32, ${wanted}\], found \[32, ${size}\]`,
          "u",
        ),
      },
      {
        title: "a network for all tokens that is missing",
        change: (edited) => {
          remove(edited, `${place}.mlp.${module}`);
        },
        code: "WB3702",
        said: new RegExp(String.raw`${escaped}\.mlp\.${module}\.gate_proj\.weight is missing`, "u"),
      },
    );
  }
  if (correction !== undefined) {
    const name = `${place}.${correction.name}`;
    const shown = name.replaceAll(".", "\\.");
    faults.push(
      {
        title: "a correction of scores that is missing",
        change: (edited) => {
          edited.delete(name);
        },
        code: "WB3702",
        said: new RegExp(`${shown} is missing`, "u"),
      },
      {
        title: "a correction of scores for fewer experts",
        change: (edited) => {
          narrowed(edited, name, correction.shape.startsWith("[1") ? 1 : 0);
        },
        code: "WB3702",
        said: new RegExp(
          `${shown}: expected ${escapedShape(correction.shape)}, found ${escapedShape(correction.less)}`,
          "u",
        ),
      },
    );
  }
  return faults;
}
