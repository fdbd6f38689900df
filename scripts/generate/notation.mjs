// A short notation for JSON Schema: objects whose optional fields end in "?".

export const text = { type: "string" };
export const number = { type: "number" };
export const count = { type: "integer", minimum: 0 };
export const truth = { type: "boolean" };
export const digest = { type: "string", pattern: "^[0-9a-f]{64}$" };
export const exactly = (value) => ({ const: value });
export const oneOf = (...values) => ({ enum: values });
export const list = (items, description) => ({
  type: "array",
  items,
  ...(description && { description }),
});
export const orNull = (schema) => ({ anyOf: [schema, { type: "null" }] });
export const said = (schema, description) => ({ ...schema, description });

export function fields(table) {
  const names = Object.keys(table);
  return {
    type: "object",
    properties: Object.fromEntries(names.map((name) => [name.replace(/\?$/, ""), table[name]])),
    required: names.filter((name) => !name.endsWith("?")),
  };
}
