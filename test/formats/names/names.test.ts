import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { namePattern } from "../../../src/formats/names/glob.ts";
import { applyRule, parseNameRules } from "../../../src/formats/names/name-rules.ts";
import { selectNames } from "../../../src/formats/names/select-names.ts";
import { unwrapNames } from "../../../src/formats/names/wrapper-segments.ts";
import type { Checkpoint } from "../../../src/tensor/table.ts";
import { memoryCheckpoint, memoryTensor } from "../../support/memory-checkpoint.ts";
import { openCheckpoint, type Selection } from "../../../src/formats/open.ts";
import { archive, dictOf, tensor } from "../../support/hostile/torch-files.ts";
import { caught } from "../../support/caught.ts";

/** What a pattern means, by an expression of the language's own. */
function asExpression(pattern: string): RegExp {
  const escaped = pattern.replaceAll(/[.+^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${escaped.replaceAll(/[*?]/g, (sign) => (sign === "*" ? "[^]*?" : "[^]"))}$`);
}

describe("a pattern of names", () => {
  it("fits the names that the same regular expression fits", () => {
    const words = fc.string({ unit: fc.constantFrom("a", "b", ".", "*", "?"), maxLength: 8 });
    fc.assert(
      fc.property(words, words, (pattern, name) => {
        const isFit = namePattern(pattern).match(name) !== undefined;
        expect(isFit).toBe(asExpression(pattern).test(name));
      }),
    );
  });

  it("gives what each star stands for, so that putting it back gives the name", () => {
    const words = fc.string({ unit: fc.constantFrom("a", "b", ".", "*"), maxLength: 8 });
    fc.assert(
      fc.property(words, words, (pattern, name) => {
        const stars = namePattern(pattern).match(name);
        if (stars === undefined) return;
        let next = 0;
        expect(pattern.replaceAll("*", () => stars[next++] ?? "")).toBe(name);
        expect(next).toBe(stars.length);
      }),
    );
  });

  it("takes no time that grows faster than pattern times name", () => {
    expect(namePattern("*a".repeat(200)).match("a".repeat(2000))).toHaveLength(200);
    expect(namePattern(`${"*a".repeat(200)}b`).match("a".repeat(2000))).toBeUndefined();
  });
});

function after(options: Parameters<typeof parseNameRules>[0], name: string): unknown {
  return parseNameRules(options).map((rule) => applyRule(rule, name));
}

describe("a rule for names", () => {
  it("takes a beginning off, renames whole names, and leaves names out", () => {
    expect(after({ stripPrefix: ["net."] }, "net.a.weight")).toEqual(["a.weight"]);
    expect(after({ stripPrefix: ["net."] }, "a.net.weight")).toEqual([undefined]);
    expect(after({ stripPrefix: ["net."] }, "net.")).toEqual([undefined]);
    expect(after({ rename: ["a.*.w=b.*.weight"] }, "a.3.x.w")).toEqual(["b.3.x.weight"]);
    expect(after({ rename: ["*.gamma=*.weight"] }, "ln.gamma")).toEqual(["ln.weight"]);
    expect(after({ rename: ["a=b"] }, "a.c")).toEqual([undefined]);
    expect(after({ drop: ["*.bias"] }, "a.bias")).toEqual([null]);
  });

  it.each([
    [{ rename: ["a"] }, "expected FROM=TO"],
    [{ rename: ["=b"] }, "expected FROM=TO"],
    [{ rename: ["a*=*b*"] }, "TO has 2 × *, and FROM only 1"],
    [{ drop: [""] }, "expected a pattern of names"],
    [{ stripPrefix: [""] }, "expected the beginning of a name"],
  ])("that is malformed is refused: %j", async (options, message) => {
    const error = await caught(() => Promise.resolve(parseNameRules(options)));
    expect(error.code).toBe("WB2711");
    expect(error.message).toContain(message);
  });
});

describe("two tensors that a rule gives one name", () => {
  it("are refused with both of their names", async () => {
    const bytes = new Uint8Array(4);
    const checkpoint: Checkpoint = {
      format: "safetensors",
      path: "m",
      files: ["m"],
      tensors: ["a.w", "b.w"].map((name) => memoryTensor(name, "F32", [1], bytes)),
      skipped: [],
      metadata: new Map(),
      close: () => Promise.resolve(),
    };
    const error = await caught(() =>
      Promise.resolve(selectNames(checkpoint, { rename: ["*.w=w"] })),
    );
    expect(error.code).toBe("WB2712");
    expect(error.message).toBe('m: "a.w" and "b.w" would both be called "w"');
    expect(selectNames(checkpoint, { drop: ["a.*"], rename: ["c=d"] })).toMatchObject({
      unmatched: ["--rename c=d"],
      checkpoint: { skipped: [{ name: "a.w", why: "left out as asked (--drop a.*)" }] },
    });
  });
});

describe("names of a file that is taken as it is", () => {
  it("keep the words of tools, without a note", async () => {
    const folder = mkdtempSync(join(tmpdir(), "weighbridge-names-"));
    const path = join(folder, "m.pt");
    writeFileSync(path, archive(dictOf(tensor({}, {}, "module._orig_mod.w"))));
    const names = async (selection: Selection) => {
      const { checkpoint, notes } = await openCheckpoint(path, { selection });
      await checkpoint.close();
      return [checkpoint.tensors.map(({ name }) => name), notes.length];
    };
    expect(await names({})).toEqual([["w"], 2]);
    expect(await names({ select: "." })).toEqual([["module._orig_mod.w"], 0]);
    rmSync(folder, { recursive: true });
  });
});

function memory(names: readonly string[]): Checkpoint {
  return memoryCheckpoint(names.map((name) => memoryTensor(name, "F32", [1], new Uint8Array(4))));
}

describe("names that a training tool changed", () => {
  it.each([
    [["_orig_mod.fc.weight"], ["fc.weight"]],
    [["model.layers.0._orig_mod.w"], ["model.layers.0.w"]],
    [["_fsdp_wrapped_module.a._fsdp_wrapped_module.w"], ["a.w"]],
    [["a._checkpoint_wrapped_module.w"], ["a.w"]],
    [
      ["module._orig_mod.w", "module.b"],
      ["w", "b"],
    ],
    [["_orig_mod.module.w"], ["w"]],
    [
      ["module.module.a", "module.module.b"],
      ["a", "b"],
    ],
    [["base_model.model.q.weight"], ["q.weight"]],
    [["base_model.model.q.base_layer.weight"], ["q.weight"]],
  ])("lose its words: %j", (stored, names) => {
    const unwrapped = unwrapNames(stored);
    expect(unwrapped.names).toEqual(names);
    expect(unwrapped.notes.length).toBeGreaterThan(0);
  });

  it.each([
    [["module.a", "b"]],
    [["module.", "module.a"]],
    [["_orig_mod"]],
    [["modules.a"]],
    [["base_model.model.q.lora_A.weight", "base_model.model.q.lora_B.weight"]],
    [[]],
  ])("are left as they are where the word may be the model's own: %j", (stored) => {
    expect(unwrapNames(stored)).toEqual({ names: stored, notes: [], superseded: new Map() });
  });

  it("are those of modules that PEFT trained whole, whose originals are left out", () => {
    const stored = [
      "base_model.model.h.original_module.weight",
      "base_model.model.h.modules_to_save.default.weight",
      "base_model.model.original_module.weight",
    ];
    const { checkpoint, notes } = selectNames(memory(stored), {});
    expect(checkpoint.tensors.map(({ name, storedName }) => [name, storedName])).toEqual([
      ["h.weight", stored[1]],
      ["original_module.weight", stored[2]],
    ]);
    expect(checkpoint.skipped.map(({ name }) => name)).toEqual([stored[0]]);
    expect(notes.join()).toContain("the originals are left out");
    const two = ["a.modules_to_save.one.w", "a.modules_to_save.two.w", "a.original_module.w"];
    expect(selectNames(memory(two), {}).checkpoint.tensors.map(({ name }) => name)).toEqual(two);
  });

  it("go where an adapter is dropped, since the base alone is left", () => {
    const stored = [
      "base_model.model.q.base_layer.weight",
      "base_model.model.q.lora_A.default.weight",
      "base_model.model.v.weight",
    ];
    const drop = ["*lora_*"];
    const { checkpoint, notes } = selectNames(
      memoryCheckpoint(stored.map((name) => memoryTensor(name, "F32", [1], new Uint8Array(4)))),
      { drop },
    );
    expect(checkpoint.tensors.map(({ name }) => name)).toEqual(["q.weight", "v.weight"]);
    expect(checkpoint.skipped.map(({ name }) => name)).toEqual([stored[1]]);
    expect(notes).toHaveLength(2);
  });

  it("keep an adapter that is not merged, and the user is told", () => {
    const stored = [
      "base_model.model.q.base_layer.weight",
      "base_model.model.q.lora_A.default.weight",
    ];
    const { names, notes } = unwrapNames(stored);
    expect(names).toEqual(stored);
    expect(notes.join()).toContain("not merged");
  });
});
