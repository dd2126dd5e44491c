/** One import of a source file. `isStatic`: it runs when the file is loaded, which `import type` and `import()` do not. */
export type Import = { specifier: string; isStatic: boolean }

const FROM = /^[ \t]*(?:import|export)\b(\s+type\b(?!\s*(?:,|from\b)))?[^'"`;()=]*?\bfrom\s*(['"])([^'"\n]+)\2/gm
const SIDE_EFFECT = /^[ \t]*import\s*(['"])([^'"\n]+)\1/gm
const CALL = /\bimport\s*\(\s*(['"])([^'"\n]+)\1\s*[,)]/g

/**
 * Everything a TypeScript source imports or re-exports, types included, in no particular order. Works on text without
 * line and doc comments, so that it needs no compiler; it does not see an `import()` of a computed name.
 */
export function importsOf(text: string): Import[] {
  const code = text.replace(/^[ \t]*(?:\/\/|\/?\*).*$/gm, '')
  return [
    ...Array.from(code.matchAll(FROM), match => ({ specifier: match[3]!, isStatic: match[1] === undefined })),
    ...Array.from(code.matchAll(SIDE_EFFECT), match => ({ specifier: match[2]!, isStatic: true })),
    ...Array.from(code.matchAll(CALL), match => ({ specifier: match[2]!, isStatic: false })),
  ]
}

/** `@scope/name/sub` and `name/sub` without the subpath. */
export function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

/**
 * The first import cycle found, as the files along it with the first one again at its end, or `undefined`.
 * `graph` holds, for each file, the files it imports.
 */
export function findCycle(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const finished = new Set<string>()
  const path: string[] = []

  function visit(file: string): string[] | undefined {
    if (finished.has(file)) return undefined
    const start = path.indexOf(file)
    if (start !== -1) return [...path.slice(start), file]
    path.push(file)
    for (const imported of graph.get(file) ?? []) {
      const cycle = visit(imported)
      if (cycle) return cycle
    }
    path.pop()
    finished.add(file)
    return undefined
  }

  for (const file of graph.keys()) {
    const cycle = visit(file)
    if (cycle) return cycle
  }
  return undefined
}
