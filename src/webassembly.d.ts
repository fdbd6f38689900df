// The part of WebAssembly's JavaScript interface that is used here: TypeScript declares it for browsers only.
declare namespace WebAssembly {
  type ExportValue = Memory | ((...args: readonly number[]) => unknown);

  interface Module {
    readonly [Symbol.toStringTag]: string;
  }

  const Module: new (bytes: Uint8Array) => Module;

  class Instance {
    constructor(
      module: Module,
      imports?: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
    );
    readonly exports: Readonly<Record<string, ExportValue>>;
  }

  class Memory {
    constructor(size: { initial: number; maximum?: number; shared?: boolean });
    readonly buffer: ArrayBuffer;
    /** @returns Pages of 64 KiB before. */
    grow(pages: number): number;
  }

  /** Whether the engine has all that a module uses. */
  function validate(bytes: Uint8Array): boolean;
}
