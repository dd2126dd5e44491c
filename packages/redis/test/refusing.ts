import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** A proxy before a Redis, which ends with the test: on request it answers each command itself, with one error reply. */
export async function refusing(target: { port: number }): Promise<{ port: number; refuse(reply: string): void }> {
  let refusal: string | undefined
  const sockets = new Set<Socket>()
  const listener = createServer(client => {
    const upstream = connect(target.port, '127.0.0.1')
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        client.destroy()
        upstream.destroy()
      })
    }
    upstream.on('data', chunk => client.write(chunk))
    client.on('data', chunk => {
      if (refusal === undefined) upstream.write(chunk)
      else for (const _ of chunk.toString().matchAll(/^\*\d+\r$/gm)) client.write(`-${refusal}\r\n`)
    })
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    listener.close()
  })
  return {
    port: (listener.address() as AddressInfo).port,
    refuse(reply) {
      refusal = reply
    },
  }
}
