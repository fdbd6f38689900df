// Which folders of node_modules the tests need.

/** Where Node finds `name` from the package in `folder`: beside it, or beside one of those that hold it. */
function resolved(packages, folder, name) {
  for (let base = folder; ; base = base.slice(0, Math.max(0, base.lastIndexOf("/node_modules/")))) {
    const path = `${base === "" ? "" : `${base}/`}node_modules/${name}`;
    if (path in packages) return path;
    if (base === "") return undefined;
  }
}

/**
 * Folders of `roots` and all that they depend on, by a lock file.
 * @param packages "packages" of package-lock.json.
 * @param {string[]} roots Names of packages.
 * @returns {string[]} folders from the project's root; those for other platforms may not be there.
 */
export function foldersOf(packages, roots) {
  const found = new Set();
  const visit = (folder, names) => {
    for (const name of names) {
      const path = resolved(packages, folder, name);
      if (path === undefined || found.has(path)) continue;
      found.add(path);
      const { dependencies = {}, optionalDependencies = {} } = packages[path];
      visit(path, [...Object.keys(dependencies), ...Object.keys(optionalDependencies)]);
    }
  };
  visit("", roots);
  return [...found].toSorted((left, right) => (left < right ? -1 : 1));
}
