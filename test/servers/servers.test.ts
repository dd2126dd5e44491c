import { expect, test } from 'vitest'
import { startMemcached } from './memcached.js'
import { startRedis } from './redis.js'

test('smoke', async () => {
  const t0 = performance.now()
  const r = await startRedis()
  const t1 = performance.now()
  const m = await startMemcached()
  console.log(t1 - t0, performance.now() - t1, r.url, m.url)
  expect(await r.command('SET', 'a', 'b')).toBe('OK')
  expect(await m.command('set a 0 0 1\r\nx')).toBe('STORED')
  await r.restart()
  await m.restart()
  expect(await r.command('GET', 'a')).toBe(null)
  expect(await m.command('get a')).toBe('END')
  const t = await startRedis({
    tls: true,
    password: 'p w',
    users: { app: { password: 'x', rules: ['~*', '+@all'] } },
    unixSocket: true,
  })
  console.log(t.url, t.path, await t.command('ACL', 'LIST'))
  const mt = await startMemcached({ tls: true })
  expect(await mt.command('version')).toContain('VERSION')
  await Promise.all([r, m, t].map(s => s.stop()))
})
