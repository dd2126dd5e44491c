import { Client } from 'memjs'
import { describe, expect, test } from 'vitest'
import { endpointsOf } from '../src/endpoint.js'
import { type MemcachedOptions, MemcachedStore } from '../src/index.js'

const noLogin = { username: undefined, password: undefined, tls: undefined }

describe('a server', () => {
  test.each([
    ['a', 'a:11211', { host: 'a', port: 11211, ringName: 'a' }],
    ['a:11212', 'a:11212', { host: 'a', port: 11212, ringName: 'a:11212' }],
    ['127.0.0.1:22', '127.0.0.1:22', { host: '127.0.0.1', port: 22 }],
    ['[::1]', '[::1]:11211', { host: '::1', port: 11211 }],
    ['[::1]:5', '[::1]:5', { host: '::1', port: 5 }],
    ['memcached://a:7', 'a:7', { host: 'a', port: 7 }],
    ['memcached://u%40x:p%3A%2Fw@a:7/', 'a:7', { username: 'u@x', password: 'p:/w' }],
    ['unix:/run/m.sock', '/run/m.sock', { path: '/run/m.sock' }],
    ['unix:///run/m.sock', '/run/m.sock', { path: '/run/m.sock' }],
    [{ host: '::1', port: 5 }, '[::1]:5', { host: '::1' }],
    [{ port: 5 }, '127.0.0.1:5', { host: '127.0.0.1' }],
    [{ path: '/m' }, '/m', { path: '/m', weight: 1 }],
    [{ host: 'a', weight: 3, tls: true }, 'a:11211', { weight: 3, tls: {} }],
  ])('%j is %s', (given, name, parts) => {
    expect(endpointsOf([given], noLogin)).toMatchObject([{ name, ...parts }])
  })

  test.each<[unknown, RegExp]>([
    ['', /a server is "host"/],
    ['a:b', /a server is "host"/],
    ['a:0', /port must be/],
    ['a:65536', /port must be/],
    ['::1', /a server is "host"/],
    ['redis://a:1', /a server is "host"/],
    ['unix:', /a server is "host"/],
    ['a b', /a server is "host"/],
    [7, /options must be an object/],
    [{ host: 'a', weigth: 2 }, /did you mean "weight"/],
    [{ host: 'a', weight: 0 }, /weight must be a whole number from 1/],
    [{ host: 'a', weight: 1.5 }, /weight must be/],
    [{ host: 'a', weight: '2' }, /weight must be/],
    [{ host: 'a', port: '11211' }, /port must be/],
    [{ host: '' }, /host must be/],
    [{ host: 5 }, /host must be/],
    [{ path: '/a', port: 1 }, /a path, or host and port/],
    [{ host: 'a', tls: 'yes' }, /tls must be/],
  ])('%j is refused', (given, message) => {
    const open = () => new MemcachedStore({ servers: [given as string] })
    expect(open).toThrow(message)
    expect(open).toThrow(expect.objectContaining({ code: 'ERR_CACHE_INVALID_ARGUMENT' }))
  })

  test('a password in a server that cannot be read is not shown', () => {
    expect(() => new MemcachedStore({ servers: ['user:secret@a:b'] })).toThrow(/got "…@a:b"/)
    expect(() => new MemcachedStore({ servers: ['user:se%cret@a'] })).toThrow(/percent-encoded/)
    expect(new MemcachedStore({ servers: ['user:secret@a:1'] }).servers).toEqual(['a:1'])
  })
})

describe('the options', () => {
  test.each<[unknown, RegExp]>([
    [undefined, /options must be an object/],
    [{}, /either servers or a memjs client/],
    [{ servers: [] }, /at least one server/],
    [{ servers: 'a:1' }, /must be a list/],
    [{ servers: ['a:1', 'a:1'] }, /a:1 is listed twice/],
    [{ servers: ['a'], client: new Client([]) }, /either servers or a memjs client/],
    [{ client: {} }, /must be a Client of memjs/],
    [{ client: new Client([]) }, /Client of memjs with servers/],
    [{ servers: ['a'], timout: 5 }, /did you mean "timeout"/],
    [{ servers: ['a'], timeout: 0 }, /timeout must be/],
    [{ servers: ['a'], timeout: 'soon' }, /timeout must be/],
    [{ servers: ['a'], username: 'u' }, /belong together/],
    [{ servers: ['a'], username: 1, password: 'p' }, /username must be a string/],
    [{ servers: ['a'], maxInFlightBytes: -1 }, /maxInFlightBytes/],
    [{ servers: ['a'], maxInFlightBytes: 0 }, /maxInFlightBytes/],
    [{ servers: ['a'], breaker: true }, /options must be an object/],
    [{ servers: ['a'], breaker: { failures: 0 } }, /breaker.failures/],
    [{ servers: ['a'], breaker: { minDelay: -1 } }, /breaker.minDelay/],
  ])('%j is refused', (given, message) => {
    const open = () => new MemcachedStore(given as MemcachedOptions)
    expect(open).toThrow(message)
    expect(open).toThrow(expect.objectContaining({ code: 'ERR_CACHE_INVALID_ARGUMENT' }))
  })

  test('are neither changed nor kept', () => {
    const options = Object.freeze({
      servers: Object.freeze([Object.freeze({ host: 'a', port: 1 }), 'b:2']),
      breaker: Object.freeze({ failures: 2 }),
    })
    expect(new MemcachedStore(options).servers).toEqual(['a:1', 'b:2'])
  })

  test('credentials are neither in the store nor in its client', () => {
    const store = new MemcachedStore({ servers: ['a'], username: 'u', password: 'secret' })
    expect(JSON.stringify(store)).not.toContain('secret')
    const { servers } = store.client
    expect(servers[0]?.password).toBeUndefined()
  })
})
