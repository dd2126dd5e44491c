import { describe, expect, test } from 'vitest'
import { publicPackages, sourcesOf } from './workspace.js'

/** Core keeps the real ones; the serializer only checks whether Node's ticks are real. */
const KEEPERS = ['packages/core/src/timers.ts', 'packages/serializer/src/compression.ts']

const NAMES =
  'setTimeout|clearTimeout|setInterval|clearInterval|setImmediate|clearImmediate|queueMicrotask|nextTick'.split('|')
const MEMBERS =
  /\b(?:performance|globalThis|global)\.\w+|\bDate\.now|\bnew Date\(\)|\bprocess\.(?:nextTick|hrtime)|'(?:node:)?(?:timers|timers\/promises|perf_hooks)'/g

/** Timers and clocks in a TypeScript source that a test's fakes would replace: all that are not imported from core. */
function globalTimersOf(text: string): string[] {
  const code = text.replace(/^[ \t]*(?:\/\/|\/?\*).*$/gm, '')
  const imported = new Set(
    [...code.matchAll(/import\s*\{([^}]*)\}\s*from\s*'(?:@anycache\/core|\.{1,2}\/timers\.js)'/g)].flatMap(
      ([, names]) => names!.split(',').map(name => name.trim()),
    ),
  )
  // Skips methods of the same name, both definitions and calls on other objects.
  const called = NAMES.filter(name => !imported.has(name) && new RegExp(`(?<![\\w.#])${name}\\((?!\\):)`).test(code))
  return [...called, ...(code.match(MEMBERS) ?? [])]
}

describe('the scan for timers', () => {
  test.each([
    ['setTimeout(run, 1)', ['setTimeout']],
    ['globalThis.setTimeout(run, 1)', ['globalThis.setTimeout']],
    ['process.nextTick(run)', ['process.nextTick']],
    ['const at = Date.now() + performance.now()', ['Date.now', 'performance.now']],
    [
      `import { setTimeout } from 'node:timers/promises'\nawait setTimeout(1)`,
      ['setTimeout', "'node:timers/promises'"],
    ],
    [`import {\n  now,\n  setTimeout,\n} from '@anycache/core'\nsetTimeout(run, now())`, []],
    [`import { setTimeout } from './timers.js'\nsetTimeout(run, 1)`, []],
    ['socket.setTimeout(0)', []],
    ['class Command {\n  setTimeout(): void {}\n}', []],
    ['  // not by performance.now()', []],
  ])('sees in %j what it should', (source, found) => {
    expect(globalTimersOf(source)).toEqual(found)
  })
})

test('every timer and clock comes from core', () => {
  const sources = publicPackages()
    .flatMap(sourcesOf)
    .filter(({ path }) => !KEEPERS.includes(path))
    // The rest of the conformance suite runs only in tests.
    .filter(({ path }) => !path.startsWith('packages/conformance/') || path.includes('/testing/'))
  expect(sources.length).toBeGreaterThan(50)
  const found = sources.flatMap(({ path, text }) => globalTimersOf(text).map(timer => `${path}: ${timer}`))
  expect(found).toEqual([])
})
