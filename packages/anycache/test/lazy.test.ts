import { expect, test } from 'vitest'
import { runNode } from './built.js'

// Prints the URL of every module that anything imports.
const hooks = `import { writeSync } from 'node:fs'
export function resolve(specifier, context, next) {
  if (specifier[0] !== '.') writeSync(1, specifier + '\\n')
  return next(specifier, context)
}`

async function importedBy(program: string): Promise<string[]> {
  const script = `
    import { register } from 'node:module'
    register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(hooks)}))
    const { createCache, createCaches } = await import('anycache')
    ${program}`
  const { code, stdout, stderr } = await runNode(['--input-type=module', '--eval', script])
  expect(stderr).toBe('')
  expect(code).toBe(0)
  return stdout.trim().split('\n')
}

test('an application on memory imports neither ioredis nor memjs', async () => {
  const imported = await importedBy(`
    const cache = await createCache('memory://')
    await cache.set('a', 1)
    if (await cache.get('a') !== 1) throw new Error('no hit')
    await createCaches({ default: 'a', stores: { a: 'memory://', b: 'null://' } })`)
  expect(imported).toContain('lru-cache')
  expect(imported).not.toContain('ioredis')
  expect(imported).not.toContain('memjs')
})

test('an application on Redis imports ioredis alone, and one on memcached memjs alone', async () => {
  const redis = await importedBy(`await createCache('redis://127.0.0.1:1')`)
  expect(redis).toContain('ioredis')
  expect(redis).not.toContain('memjs')
  expect(redis).not.toContain('lru-cache')
  const memcached = await importedBy(`await createCache('memcached://127.0.0.1:1')`)
  expect(memcached).toContain('memjs')
  expect(memcached).not.toContain('ioredis')
})

test('the import of anycache alone loads no driver, and not zod', async () => {
  const imported = await importedBy('')
  for (const name of ['lru-cache', 'ioredis', 'memjs', 'zod']) expect(imported).not.toContain(name)
})
