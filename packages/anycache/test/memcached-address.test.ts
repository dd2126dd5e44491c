import { MemcachedStore } from '@anycache/memcached'
import { nativeFormat } from '@anycache/serializer'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { MemcachedServerConfig } from '../src/config.js'
import { identityOf, openStore } from '../src/open-store.js'
import { resolveConfig } from '../src/resolve-config.js'

type Server = string | MemcachedServerConfig

const others = ['b:1', 'c:2', 'unix:/d.sock']
const keys = Array.from({ length: 300 }, (_, i) => `key:${i}`)

function configOf(config: unknown) {
  const resolved = resolveConfig(config)
  if ('problems' in resolved) throw new Error(JSON.stringify(resolved.problems))
  return resolved.config
}

/** Where keys lie for the config, and what its servers are called. */
async function throughConfig(config: unknown) {
  const store = await openStore(configOf(config))
  return { servers: store.servers, placed: keys.map(key => store.space([], nativeFormat).serverOf(key)) }
}

function throughStore(servers: readonly Server[]) {
  const store = new MemcachedStore({ servers: servers as string[] })
  return { servers: store.servers, placed: keys.map(key => store.space([], nativeFormat).serverOf(key)) }
}

const writings: [name: string, writings: Server[], urls: string[]][] = [
  ['a:11211', ['a', 'a:11211', { host: 'a' }, { host: 'a', port: 11_211 }], ['memcached://a', 'memcached://a:11211/']],
  ['a:7', ['a:7', 'a:07', { host: 'a', port: 7 }], ['memcached://a:7']],
  ['127.0.0.1:11211', ['127.0.0.1', { port: 11_211 }, {}], ['memcached://127.0.0.1']],
  ['[::1]:11211', ['[::1]', '[::1]:11211', { host: '::1' }, { host: '[::1]' }], ['memcached://[::1]']],
  ['[fe80::1%1]:5', ['[fe80::1%1]:5', { host: 'fe80::1%1', port: 5 }], ['memcached://[fe80::1%251]:5']],
  ['/run/m.sock', ['unix:/run/m.sock', 'unix:///run/m.sock', { path: '/run/m.sock' }], ['memcached:///run/m.sock']],
  ['/a b:1@c.sock', ['unix:/a b:1@c.sock', 'unix:///a b:1@c.sock', { path: '/a b:1@c.sock' }], []],
]

describe('every way to write one server', () => {
  test.each(writings)('%s is the same server to a config and to a MemcachedStore', async (name, servers, urls) => {
    const placed = throughStore([servers[0] as Server, ...others])
    expect(placed.servers[0]).toBe(name)
    for (const server of servers) {
      expect(throughStore([server, ...others])).toEqual(placed)
      expect(await throughConfig({ driver: 'memcached', servers: [server, ...others] })).toEqual(placed)
    }
    for (const url of urls) expect((await throughConfig(url)).servers).toEqual([name])
  })

  test.each(writings)('%s shares one connection with the others, and is not listed twice', (_, servers) => {
    const identities = servers.map(server => identityOf(configOf({ driver: 'memcached', servers: [server] })))
    expect(new Set(identities).size).toBe(1)
    for (const server of servers.slice(1)) {
      const resolved = resolveConfig({ driver: 'memcached', servers: [servers[0], server] })
      expect(resolved).toMatchObject({ problems: [{ path: 'servers.1' }] })
      expect(() => throughStore([servers[0] as Server, server])).toThrow('listed twice')
    }
  })

  test.each(['unix:', 'unix:p', 'unix://p', 'unix:////p', 'unix:/', ':1', '::1', 'a:b', 'a b'])('%j is none', text => {
    expect(resolveConfig({ driver: 'memcached', servers: [text] })).toMatchObject({ problems: [{ path: 'servers.0' }] })
    expect(() => throughStore([text])).toThrow('a server is "host"')
  })

  test('is read alike by both, whatever the text', async () => {
    const part = fc.constantFrom('unix:', '/', '//', 'a', ':', '1', '11211', '[', ']', '::1', '.', '%', '-', '_')
    const texts = fc.array(part, { minLength: 1, maxLength: 6 }).map(parts => parts.join(''))
    await fc.assert(
      fc.asyncProperty(texts, async text => {
        const config = { driver: 'memcached', servers: [text] }
        if ('problems' in resolveConfig(config)) return
        expect(await throughConfig(config)).toEqual(throughStore([text]))
      }),
    )
  })
})
