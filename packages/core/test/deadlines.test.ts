import { unwatch, watchDeadline } from '@anycache/core'
import { expect, test } from 'vitest'

function pending(ms: number): { deadline: number; expire(): void; expired: Promise<string> } {
  let expire = (): void => {}
  const expired = new Promise<string>(resolve => {
    expire = () => resolve('expired')
  })
  return { deadline: performance.now() + ms, expire, expired }
}

test('expires what is late, in any order of deadlines, and never what was settled', async () => {
  const slow = pending(150)
  const quick = pending(30)
  const answered = pending(30)
  for (const one of [slow, answered, quick]) watchDeadline(one)
  unwatch(answered)
  unwatch(answered)
  expect(await Promise.race([slow.expired, quick.expired.then(() => 'quick'), answered.expired])).toBe('quick')
  expect(await slow.expired).toBe('expired')
})

test('a reply that came while the event loop was blocked is not late', async () => {
  const { createServer, connect } = await import('node:net')
  const server = createServer(socket => socket.on('data', () => socket.write('x')))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const socket = connect(port, '127.0.0.1')
  await new Promise(resolve => socket.on('connect', resolve))
  const one = pending(50)
  const reply = new Promise<string>(resolve =>
    socket.on('data', () => {
      unwatch(one)
      resolve('reply')
    }),
  )
  watchDeadline(one)
  // The reply comes from this very process, so let it be written before the loop is blocked.
  socket.write('x')
  await new Promise(resolve => server.once('connection', resolve).getConnections(resolve))
  const until = performance.now() + 200
  while (performance.now() < until) {
    // A busy event loop is not a sick server.
  }
  expect(await Promise.race([one.expired, reply])).toBe('reply')
  socket.destroy()
  server.close()
})

test('one expiry may settle others', async () => {
  const second = pending(10)
  const first = pending(10)
  const killing = { ...first, expire: () => unwatch(second) }
  watchDeadline(killing)
  watchDeadline(second)
  const calm = new Promise(resolve => setTimeout(resolve, 120, 'calm'))
  expect(await Promise.race([second.expired, calm])).toBe('calm')
})
