import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startMemcached } from '@anycache/testing/memcached'
import { startRedis } from '@anycache/testing/redis'
import { expect, test } from 'vitest'
import { run } from './run.js'

const jest = join(dirname(createRequire(import.meta.url).resolve('jest/package.json')), 'bin/jest.js')

// Jest in its own process, since it gives each test file its own globals. It would not exit while a connection or an interval is left.
test.each([
  ['works under fakes that a test installs', 'jest.config.js'],
  ['works under fakes that Jest installs everywhere, when a setup file loads anycache', 'globally.config.js'],
])(
  '%s, and lets Jest exit',
  async (_title, config) => {
    await using redis = await startRedis()
    await using memcached = await startMemcached()
    const path = fileURLToPath(new URL(`jest/${config}`, import.meta.url))
    const ended = await run(['--experimental-vm-modules', jest, '--config', path, '--runInBand'], {
      REDIS_URL: redis.url,
      REDIS_PID: String(redis.pid),
      MEMCACHED_URL: memcached.url,
      MEMCACHED_PID: String(memcached.pid),
    })
    expect(ended.stderr).toContain('Tests:       18 passed, 18 total')
    expect(ended.stderr).not.toContain('did not exit')
    expect(ended).toMatchObject({ code: 0, signal: null })
  },
  180_000,
)
