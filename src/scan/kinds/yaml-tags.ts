import type { Target } from "./target.ts";

/** Tags of HyperPyYAML, by which SpeechBrain's files import and call (hyperpyyaml 1.2, core.py), with the name behind them. */
const IMPORTING_TAG = /(?:^|[\s,[{:-])(!(?:new|name|apply|module)):([^\s,\]}]*)/g;

/** Tags that read another file, or run a text as Python, and those of other languages, whose loaders build objects. */
const OTHER_TAG =
  /(?:^|[\s,[{:-])(!(?:include|applyref|eval|exec|py|python|import|call|obj|object|partial|lambda|ruby|perl|php|java|javax|com|org|node|js)\b[^\s]*|!!(?:js|java|javax|com|org|perl|ruby|php)[/.:][^\s]*)/i;

/** What tags of HyperPyYAML make its loader import. */
export function tagTargets(text: string): readonly Target[] {
  return [...text.matchAll(IMPORTING_TAG)].map(([, key = "", name = ""]) => ({ key, name }));
}

/** A tag by which some loader does more than import a name; undefined where there is none. */
export function hasOtherTag(text: string): string | undefined {
  return OTHER_TAG.exec(text)?.[1];
}
