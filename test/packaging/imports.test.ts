import { describe, expect, test } from 'vitest'
import { findCycle, importsOf, packageOf } from './imports.js'

describe('the import scan', () => {
  const cases: [title: string, source: string, specifier: string, isStatic: boolean][] = [
    ['a named import', `import { a } from 'x'`, 'x', true],
    ['a default import', `import a from "x"`, 'x', true],
    ['a namespace import', `import * as a from 'x/y.js'`, 'x/y.js', true],
    ['an import over several lines', `import {\n  a,\n  type B,\n} from './x.js'`, './x.js', true],
    ['a type import', `import type { A } from 'x'`, 'x', false],
    ['a default import named type', `import type from 'x'`, 'x', true],
    ['an import for its side effects', `import 'x'`, 'x', true],
    ['a re-export', `export { a } from 'x'`, 'x', true],
    ['a re-export of types', `export type { A } from 'x'`, 'x', false],
    ['a star re-export', `export * from 'x'`, 'x', true],
    ['a dynamic import', `const a = await import('x')`, 'x', false],
    ['a type in an import call', `let a: import('x').A`, 'x', false],
  ]
  test.each(cases)('sees %s', (_, source, specifier, isStatic) => {
    expect(importsOf(`const before = 1\n${source}\nconst after = 'from'\n`)).toEqual([{ specifier, isStatic }])
  })

  test.each([
    `// import 'x'`,
    `/**\n * import { a } from 'x'\n * await import('x')\n */`,
    `export const from = 'x'`,
    `export function load(name: string): string { return 'from' + name }`,
  ])('sees no import in %j', source => {
    expect(importsOf(source)).toEqual([])
  })

  test('does not merge neighbouring statements', () => {
    const source = `export const a = 1\nimport type { A } from './a.js'\nexport type B = A\nimport { c } from './c.js'\n`
    expect(importsOf(source)).toEqual([
      { specifier: './a.js', isStatic: false },
      { specifier: './c.js', isStatic: true },
    ])
  })

  test('cuts subpaths off package names', () => {
    expect(packageOf('@anycache/conformance/testing')).toBe('@anycache/conformance')
    expect(packageOf('zod/v4')).toBe('zod')
  })
})

describe('the cycle search', () => {
  test('finds a cycle and shows it', () => {
    const graph = new Map([
      ['a', ['b']],
      ['b', ['c', 'd']],
      ['c', []],
      ['d', ['b']],
    ])
    expect(findCycle(graph)).toEqual(['b', 'd', 'b'])
  })

  test('accepts a file that is reached by two paths', () => {
    const graph = new Map([
      ['a', ['b', 'c']],
      ['b', ['d']],
      ['c', ['d']],
      ['d', []],
    ])
    expect(findCycle(graph)).toBeUndefined()
  })
})
