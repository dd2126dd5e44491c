import { existsSync, readFileSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Consumer, installPacked, pinned } from './consumer.js'
import { publicPackages, root, specifiersOf } from './workspace.js'

const published = publicPackages()
// The suite imports vitest, which refuses to load under plain Node.
const suite = '@anycache/conformance'
const specifiers = published.flatMap(specifiersOf).filter(specifier => specifier !== suite)
const application = /\bcreateCache\b/.test(readFileSync(join(root, 'packages/anycache/src/index.ts'), 'utf8'))
const greeting = '{"hello":"world"}\n'

describe('the packed tarballs, installed into an empty project', { timeout: 120_000 }, () => {
  let consumer: Consumer

  beforeAll(async () => {
    consumer = await installPacked(published, [await pinned('vitest'), await pinned('@types/node')])
  }, 300_000)

  afterAll(() => consumer?.remove())

  test.each(published.map(({ manifest }) => manifest.name))(
    'hold %s’s build, README and licence, and no sources',
    name => {
      const files = consumer.packed.get(name) ?? []
      expect(files).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'dist/index.d.ts', 'dist/index.js']))
      const other = files.filter(
        path =>
          !/^(LICENSE|README\.md|package\.json|schema\.json|CHANGELOG\.md|bin\/.+\.js|dist\/.+\.(js|js\.map|d\.ts))$/.test(
            path,
          ),
      )
      expect(other).toEqual([])
    },
  )

  test('export the same names to `import` and to `require`', async () => {
    const imported = JSON.parse(await consumer.run('node', 'names.mjs', ...specifiers)) as Record<string, string[]>
    const required = JSON.parse(await consumer.run('node', 'names.cjs', ...specifiers)) as Record<string, string[]>
    expect(Object.keys(imported)).toEqual(specifiers)
    for (const names of Object.values(imported)) expect(names).not.toEqual([])
    for (const names of Object.values(required)) names.splice(0, names.length, ...names.filter(n => n !== '__esModule'))
    expect(required).toEqual(imported)
  })

  test('compile in a strict TypeScript project on nodenext, from ESM and from CommonJS, without skipLibCheck', async () => {
    // Not exactOptionalPropertyTypes: @types/node itself does not compile with it.
    const options = {
      target: 'es2023',
      lib: ['es2023', 'esnext.disposable'],
      module: 'nodenext',
      types: ['node'],
      strict: true,
      skipLibCheck: false,
      noEmit: true,
    }
    const modules = specifiers.map((specifier, index) => ({ specifier, name: `module${index}` }))
    const used = `export const modules: object[] = [${modules.map(({ name }) => name).join(', ')}]\n`
    const imports = modules.map(({ specifier, name }) => `import * as ${name} from '${specifier}'\n`)
    const requires = modules.map(({ specifier, name }) => `import ${name} = require('${specifier}')\n`)
    await writeFile(join(consumer.directory, 'modules.mts'), imports.join('') + used)
    await writeFile(join(consumer.directory, 'modules.cts'), requires.join('') + used)
    const files = ['modules.mts', 'modules.cts', ...(application ? ['application.ts'] : [])]
    await writeFile(join(consumer.directory, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files }))
    await consumer.run(join(root, 'node_modules/.bin/tsc'), '-p', '.')
  })

  test('load the conformance suite under the project’s own vitest', async () => {
    await writeFile(
      join(consumer.directory, 'suite.test.mjs'),
      `import * as suite from '${suite}'\nimport { expect, test } from 'vitest'\n` +
        `test('exports something', () => expect(Object.keys(suite)).not.toEqual([]))\n`,
    )
    await consumer.run(join(consumer.directory, 'node_modules/.bin/vitest'), 'run', 'suite.test.mjs')
  })

  test('put the command `anycache` on the path', () => {
    expect(existsSync(join(consumer.directory, 'node_modules/.bin/anycache'))).toBe(true)
  })

  describe.runIf(application)('an application', () => {
    test('caches in memory from ESM', async () => {
      expect(await consumer.run('node', 'application.mjs')).toBe(greeting)
    })

    test('caches in memory from CommonJS', async () => {
      expect(await consumer.run('node', 'application.cjs')).toBe(greeting)
    })

    test('caches in memory without loading ioredis or memjs', async () => {
      const clients = ['ioredis', 'memjs'].map(name => join(consumer.directory, 'node_modules', name))
      for (const client of clients) await rename(client, `${client}-away`)
      try {
        expect(await consumer.run('node', 'application.mjs')).toBe(greeting)
      } finally {
        for (const client of clients) await rename(`${client}-away`, client)
      }
    })
  })
})
