import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { proxy, server } from './opened.js'

const folder = fileURLToPath(new URL('..', import.meta.url))

/** Runs a program of its own on the built package, and returns what it printed and how many ms it lived on after "done". */
function run(port: number, body: string): Promise<{ printed: string; code: number | null; lingered: number }> {
  if (!existsSync(`${folder}/dist/index.js`)) throw new Error('not built; run npm run build, or npm test, which does')
  const program = `
    import { RedisStore } from '@anycache/redis'
    import { nativeFormat } from '@anycache/serializer'
    const store = new RedisStore({ host: '127.0.0.1', port: ${port} })
    const space = store.space(['exit'], nativeFormat)
    const within = (ms = 500) => ({ deadline: performance.now() + ms })
    ${body}
    console.log('done')`
  let done = 0
  return new Promise(resolve => {
    const args = ['--input-type=module', '-e', program]
    const child = execFile(process.execPath, args, { cwd: folder, timeout: 10_000 }, (_error, stdout, stderr) => {
      resolve({ printed: stdout + stderr, code: child.exitCode, lingered: performance.now() - done })
    })
    child.stdout?.on('data', () => {
      done = performance.now()
    })
  })
}

test('an idle open store lets the process end', async () => {
  const redis = await server()
  const ended = await run(
    redis.port,
    `await space.write({ key: 'k', item: { flags: 0, data: 'v' }, ttl: 1000, when: 'always' }, within())`,
  )
  expect(ended).toMatchObject({ printed: 'done\n', code: 0 })
  expect(ended.lingered).toBeLessThan(1500)
})

test('a store whose server is dead lets the process end', async () => {
  const redis = await server()
  await redis.kill()
  const ended = await run(redis.port, `await space.get('k', within()).catch(error => console.log(error.code))`)
  expect(ended).toMatchObject({ printed: 'ERR_CACHE_CONNECTION\ndone\n', code: 0 })
  expect(ended.lingered).toBeLessThan(1500)
})

test('a store whose server is a black hole lets the process end', async () => {
  const redis = await server()
  const wire = await proxy({ port: redis.port })
  wire.blackHole()
  const ended = await run(wire.port, `await space.get('k', within(100)).catch(error => console.log(error.code))`)
  expect(ended).toMatchObject({ printed: 'ERR_CACHE_TIMEOUT\ndone\n', code: 0 })
  expect(ended.lingered).toBeLessThan(1500)
})

test('a call that is pending settles before the process ends', async () => {
  const redis = await server()
  const wire = await proxy({ port: redis.port })
  wire.delay(300)
  const connecting = await run(wire.port, `space.get('k', within(5000)).then(() => console.log('answered'))`)
  expect(connecting).toMatchObject({ printed: 'done\nanswered\n', code: 0 })
  wire.blackHole()
  const lost = await run(wire.port, `space.get('k', within(300)).catch(error => console.log(error.code))`)
  expect(lost).toMatchObject({ printed: 'done\nERR_CACHE_TIMEOUT\n', code: 0 })
})

test('a closed store lets the process end', async () => {
  const redis = await server()
  const ended = await run(redis.port, `await store.ping(within()); await store.close(within())`)
  expect(ended).toMatchObject({ printed: 'done\n', code: 0 })
  expect(ended.lingered).toBeLessThan(1500)
})

test('a command of store.client settles before the process ends, and lets it end then', async () => {
  const redis = await server()
  const wire = await proxy({ port: redis.port })
  wire.delay(100)
  const ended = await run(
    wire.port,
    `console.log(await store.client.rpush('list', 'a', 'b'))
    console.log(await store.client.blpop('none', 0.3))
    console.log(String(await space.get('k', within(5000))))
    console.log(await store.client.multi().llen('list').exec())`,
  )
  expect(ended).toMatchObject({ printed: '2\nnull\nundefined\n[ [ null, 2 ] ]\ndone\n', code: 0 })
  expect(ended.lingered).toBeLessThan(1500)
})
