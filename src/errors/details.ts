import type { DetailFields, KindsOfFacts } from "./code-table.ts";
import type { ErrorCode, ERROR_CODES } from "./codes.ts";

type Always<Fields extends DetailFields> = {
  readonly [
    Name in keyof Fields as Name extends `${string}?` ? never : Name
  ]: KindsOfFacts[Fields[Name]];
};

type Sometimes<Fields extends DetailFields> = {
  readonly [
    Name in keyof Fields as Name extends `${infer Bare}?` ? Bare : never
  ]?: KindsOfFacts[Fields[Name]];
};

/** A code without fields takes none: {} as a type would take any. */
type DetailsIn<Fields extends DetailFields> = [keyof Fields] extends [never]
  ? Readonly<Record<string, never>>
  : Always<Fields> & Sometimes<Fields>;

/** The facts that programs read of an error of one code, as its row in `errors/codes` says. */
export type ErrorDetails<Code extends ErrorCode = ErrorCode> = {
  [Each in Code]: DetailsIn<(typeof ERROR_CODES)[Each]["details"]>;
}[Code];

/** Names of the fields that every error of the code has. */
export type NeededFacts<Code extends ErrorCode> = {
  [Each in Code]: Exclude<keyof (typeof ERROR_CODES)[Each]["details"], `${string}?`>;
}[Code];

/** What fits every one of several codes, since only one of them will be the error's. */
export type DetailsOfEach<Code extends ErrorCode> = {
  [Each in Code]: (details: ErrorDetails<Each>) => void;
}[Code] extends (details: infer All) => void
  ? All
  : never;
