import { existsSync, statSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, test } from 'vitest'
import { findCycle, importsOf, packageOf } from './imports.js'
import { publicPackages, root, sourcesOf } from './workspace.js'

/** What each package may import besides Node: the arrows of the architecture, and each third-party package in one place only. */
const ALLOWED: Record<string, string[]> = {
  serializer: [],
  core: ['@anycache/serializer'],
  memory: ['@anycache/core', '@anycache/serializer', 'lru-cache'],
  redis: ['@anycache/core', '@anycache/serializer', 'ioredis'],
  memcached: ['@anycache/core', '@anycache/serializer', 'memjs'],
  conformance: ['@anycache/core', '@anycache/serializer', 'vitest'],
  anycache: [
    '@anycache/core',
    '@anycache/memcached',
    '@anycache/memory',
    '@anycache/redis',
    '@anycache/serializer',
    'zod',
  ],
}

/** Modules that load a network client, which `anycache` imports only when a config chooses them. */
const LAZY = ['@anycache/redis', '@anycache/memcached']
/** A module of such a package that imports nothing. */
const LIGHT = ['@anycache/memcached/address', '@anycache/redis/ioredis-parameters']

/** The floors of core, lowest first: a file imports only from its own floor and those below. */
const FLOORS = [
  ['answer', 'cache', 'options', 'loader', 'schema', 'store', 'errors', 'timers'],
  ['input'],
  ['events'],
  ['server'],
  ['outage'],
  ['entries'],
  ['lease'],
  ['verbs'],
  ['read-through'],
  ['store-cache', 'hold', 'cache-over', 'index'],
]

const published = publicPackages()

test('every published package has its arrows', () => {
  expect(published.map(({ folder }) => folder).sort()).toEqual(Object.keys(ALLOWED).sort())
})

describe.each(published.map(pack => [pack.folder, pack] as const))('packages/%s', (_, pack) => {
  const sources = sourcesOf(pack)
  const imports = sources.flatMap(({ path, text }) => importsOf(text).map(found => ({ path, ...found })))
  const foreign = imports.filter(({ specifier }) => !specifier.startsWith('.'))
  const relative = imports.filter(({ specifier }) => specifier.startsWith('.'))

  test('imports only what its arrows allow, and Node by `node:`', () => {
    const allowed = ALLOWED[pack.folder] ?? []
    const wrong = foreign.filter(({ specifier }) =>
      isBuiltin(specifier) ? !specifier.startsWith('node:') : !allowed.includes(packageOf(specifier)),
    )
    expect(wrong).toEqual([])
  })

  test('declares what it imports', () => {
    const { dependencies, peerDependencies } = pack.manifest
    const declared = Object.keys({ ...dependencies, ...peerDependencies })
    const missing = foreign.filter(({ specifier }) => !isBuiltin(specifier) && !declared.includes(packageOf(specifier)))
    expect(missing).toEqual([])
  })

  test('declares nothing beyond its arrows', () => {
    const { dependencies, peerDependencies } = pack.manifest
    const declared = Object.keys({ ...dependencies, ...peerDependencies })
    expect(declared.filter(name => !ALLOWED[pack.folder]?.includes(name))).toEqual([])
  })

  test('reaches its own files by `.js` paths that stay inside src', () => {
    const wrong = relative.filter(({ path, specifier }) => {
      const target = normalize(join(dirname(path), specifier))
      const source = join(root, target.replace(/\.js$/, '.ts'))
      const inside = target.startsWith(join('packages', pack.folder, 'src', '/'))
      return !inside || !target.endsWith('.js') || !existsSync(source) || !statSync(source).isFile()
    })
    expect(wrong).toEqual([])
  })

  test('has no import cycle, types included', () => {
    const graph = new Map(
      sources.map(({ path, text }) => [
        path,
        importsOf(text)
          .filter(({ specifier }) => specifier.startsWith('.'))
          .map(({ specifier }) => normalize(join(dirname(path), specifier)).replace(/\.js$/, '.ts')),
      ]),
    )
    expect(findCycle(graph)).toBeUndefined()
  })
})

test('packages/anycache imports no network driver before a config asks for one', () => {
  const sources = published.filter(({ folder }) => folder === 'anycache').flatMap(sourcesOf)
  expect(sources.length).toBeGreaterThan(0)
  const eager = sources.flatMap(({ path, text }) =>
    importsOf(text)
      .filter(
        ({ specifier, isStatic }) => isStatic && LAZY.includes(packageOf(specifier)) && !LIGHT.includes(specifier),
      )
      .map(({ specifier }) => `${path} imports ${specifier}`),
  )
  expect(eager).toEqual([])
})

test('packages/core imports from its own floor and from lower ones; only types, from higher ones, where an interface names them', () => {
  const core = published.filter(({ folder }) => folder === 'core').flatMap(sourcesOf)
  const floorOf = (path: string): number => {
    const [room] = path.replace('packages/core/src/', '').split(/[/.]/)
    return FLOORS.findIndex(rooms => rooms.includes(room as string))
  }
  expect(core.filter(({ path }) => floorOf(path) === -1)).toEqual([])
  const wrong = core.flatMap(({ path, text }) =>
    importsOf(text)
      .filter(({ specifier }) => specifier.startsWith('.'))
      .filter(({ specifier }) => floorOf(normalize(join(dirname(path), specifier))) > floorOf(path))
      .filter(({ isStatic }) => !(!isStatic && floorOf(path) === 0))
      .map(({ specifier }) => `${path} imports ${specifier}`),
  )
  expect(wrong).toEqual([])
})
