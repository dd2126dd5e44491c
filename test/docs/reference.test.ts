import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from './blocks.js'

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

function found(text: string, pattern: RegExp): string[] {
  return [...new Set([...text.matchAll(pattern)].map(match => match[1] as string))]
}

test('the API page has a section for every method of Cache, and no other', () => {
  const body = /^export interface Cache \{$([\s\S]*?)^\}$/m.exec(read('packages/core/src/cache.ts'))?.[1] ?? ''
  const methods = found(body, /^ {2}([a-z]\w*)[<(]/gm)
  expect(methods.length).toBeGreaterThan(25)
  expect(found(read('docs/reference/api.md'), /^### (\w+)$/gm).sort()).toEqual(methods.sort())
})

test('the page of errors has a row for every code, with its class', () => {
  const errors = read('packages/core/src/errors.ts')
  const classes = [...errors.matchAll(/name = '(\w+)'\s+readonly code = '(ERR_\w+)'/g)].map(
    ([, name, code]) => `| \`${code}\` | \`${name}\` |`,
  )
  expect(classes.length).toBe(found(errors, /^ {2}\| '(ERR_\w+)'$/gm).length)
  const page = read('docs/reference/errors.md')
  expect(classes.filter(row => !page.includes(row))).toEqual([])
})

test('the page of events has a row for every event and every count', () => {
  const page = read('docs/reference/events-and-stats.md')
  const events = /interface CacheEvents \{([\s\S]*?)^\}/m.exec(read('packages/core/src/events/events.ts'))?.[1] ?? ''
  const stats = /interface CacheStats \{([\s\S]*?)^\}/m.exec(read('packages/core/src/events/stats.ts'))?.[1] ?? ''
  const names = [...found(events, /^ {2}(\w+): /gm), ...found(stats, /^ {2}readonly (\w+): /gm)]
  expect(names.length).toBeGreaterThan(20)
  expect(names.filter(name => !page.includes(`| \`${name}\` |`))).toEqual([])
})
