import { expect, test } from 'vitest'
import { parseUrl } from '../src/endpoint.js'

test.each([
  ['redis://cache?family=6&protocol=2&db=3', { host: 'cache', family: 6, protocol: 2, db: 3, tls: false }],
  [
    'redis://default:pw@cache:6379?family=0',
    { host: 'cache', port: 6379, username: 'default', password: 'pw', family: 0 },
  ],
  ['rediss://cache/1?family=4&lazyConnect=true', { host: 'cache', family: 4, db: 1, tls: true }],
  ['unix:///run/redis.sock?db=2&protocol=3&keepAlive=0', { path: '/run/redis.sock', db: 2, protocol: 3 }],
])('%s names all that a hoster may say', (url, parts) => {
  expect(parseUrl(url)).toMatchObject(parts)
})

test.each([
  ['redis://cache?family=5', 'family in url must be 0 or 4 or 6, got "5"'],
  ['redis://cache?family=ipv6', 'family in url must be 0 or 4 or 6, got "ipv6"'],
  ['redis://cache?protocol=1', 'protocol in url must be 2 or 3, got "1"'],
  ['redis://cache?protocl=2', 'unknown option "protocl"; did you mean "protocol"?'],
  ['redis://cache?keyPrefix=shop', 'unknown option "keyPrefix"'],
  ['redis://cache/1?db=2', 'names the database twice'],
])('%s is refused', (url, message) => {
  expect(() => parseUrl(url)).toThrow(
    expect.objectContaining({ code: 'ERR_CACHE_INVALID_ARGUMENT', message: expect.stringContaining(message) }),
  )
})
