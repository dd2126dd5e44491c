import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'anycache-path-'))
  vi.stubEnv('PATH', folder)
  vi.stubEnv('REDIS_SERVER', undefined)
  vi.stubEnv('MEMCACHED', undefined)
})

afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})

/** A copy of the module that has not found anything yet, as in a test worker that just started. */
async function freshFindServer() {
  vi.resetModules()
  return (await import('../src/binaries.js')).findServer
}

function executable(name: string, script = ''): string {
  const path = join(folder, name)
  writeFileSync(path, `#!/bin/sh\n${script}`)
  chmodSync(path, 0o755)
  return path
}

test('the path in the environment wins over the one on PATH', async () => {
  executable('memcached')
  const own = executable('my-memcached')
  vi.stubEnv('MEMCACHED', own)
  const findServer = await freshFindServer()
  expect(await findServer('memcached')).toBe(own)
})

test('a path in the environment that is not an executable is an error, not a reason to take another', async () => {
  executable('redis-server')
  vi.stubEnv('REDIS_SERVER', '/nowhere/redis-server')
  const findServer = await freshFindServer()
  await expect(findServer('redis-server')).rejects.toThrow(
    'REDIS_SERVER must be the path of an executable redis-server, got /nowhere/redis-server',
  )
})

test('the first executable on PATH is taken', async () => {
  vi.stubEnv('PATH', ['/nowhere', folder].join(delimiter))
  const path = executable('memcached')
  const findServer = await freshFindServer()
  expect(await findServer('memcached')).toBe(path)
})

test.each(['true', ''])('a missing server is an error that says how to install it, with CI=%j', async ci => {
  vi.stubEnv('CI', ci)
  const findServer = await freshFindServer()
  await expect(findServer('memcached')).rejects.toThrow(
    /^memcached is not installed.*`.+`, or set MEMCACHED to its path/,
  )
})

test.each(['dnf', 'apk'])('the suggested command uses %s if that is the package manager', async manager => {
  vi.spyOn(process, 'platform', 'get').mockReturnValue('linux')
  executable(manager)
  const findServer = await freshFindServer()
  await expect(findServer('redis-server')).rejects.toThrow(new RegExp(`\`(sudo )?${manager} .*redis memcached\``))
})

const isRoot = process.getuid?.() === 0

test.runIf(isRoot)('root on Debian installs the packages once, however many workers need them', async () => {
  for (const tool of ['flock', 'sh', 'sleep', 'chmod']) symlinkSync(whereIs(tool), join(folder, tool))
  const log = join(folder, 'calls')
  const installed = join(folder, 'memcached')
  executable(
    'apt-get',
    `echo "$*" >> ${log}; [ "$1" = update ] || { sleep 0.1; echo > ${installed}; chmod 755 ${installed}; }`,
  )
  const workers = [await freshFindServer(), await freshFindServer(), await freshFindServer()]
  const paths = await Promise.all(workers.map(findServer => findServer('memcached')))
  expect(paths).toEqual([installed, installed, installed])
  const calls = readFileSync(log, 'utf8').trim().split('\n')
  expect(calls).toEqual(['update', expect.stringMatching(/ install -y .*redis-server memcached$/)])
})

test.runIf(isRoot)('an installation that fails is told with the reason', async () => {
  for (const tool of ['flock', 'sh']) symlinkSync(whereIs(tool), join(folder, tool))
  executable('apt-get', 'echo "E: no network" >&2; exit 100')
  const findServer = await freshFindServer()
  await expect(findServer('memcached')).rejects.toThrow(/apt-get install -y redis-server memcached.*E: no network/s)
})

function whereIs(tool: string): string {
  const path = ['/usr/bin', '/bin'].map(place => join(place, tool)).find(existsSync)
  if (path === undefined) throw new Error(`no ${tool} in /usr/bin or /bin`)
  return path
}
