import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** Where a server listens. */
export type Endpoint =
  | { port: number; ca?: string | undefined; cert?: string | undefined; key?: string | undefined }
  | { path: string }

const replyTimeout = 5_000

/**
 * Sends `request` on its own connection and resolves what `read` returns for the bytes that came back, as soon as that
 * is not `undefined`; `isEnd` tells `read` that no more will come. Rejects when the connection fails, ends without an
 * answer, or is silent for 5 s.
 */
export function exchange<T>(
  endpoint: Endpoint,
  request: Uint8Array,
  read: (bytes: Buffer, isEnd: boolean) => T | undefined,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = open(endpoint)
    const settle = (isEnd: boolean): void => {
      try {
        const answer = read(Buffer.concat(chunks), isEnd)
        if (answer !== undefined) resolve(answer)
        else if (isEnd) throw new Error('the server ended the connection without an answer')
        else return
      } catch (error) {
        reject(error as Error)
      }
      socket.destroy()
    }
    socket.setTimeout(replyTimeout, () => socket.destroy(new Error(`no answer within ${replyTimeout} ms`)))
    socket.on('error', reject)
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      settle(false)
    })
    socket.on('end', () => settle(true))
    socket.write(request)
  })
}

function open(endpoint: Endpoint): Socket {
  if ('path' in endpoint) return connect(endpoint.path)
  const { port, ca, cert, key } = endpoint
  return ca === undefined ? connect(port, '127.0.0.1') : connectTls({ host: '127.0.0.1', port, ca, cert, key })
}
