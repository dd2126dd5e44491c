import { clearTimeout, setTimeout, TimeoutError } from '@anycache/core'
import type { Argument } from '../protocol/command.js'
import type { Exchanges } from './exchanges.js'
import { isReply } from '../protocol/failures.js'

/** The connection that is asked. */
interface Asked {
  readonly server: string
  readonly exchanges: Exchanges
  send(name: string, args: Argument[], answered: (reply: unknown) => void, failed: (error: unknown) => void): void
}

/** Asks for a sign of life. Rejects without one within `patience` ms. The connection must be ready. */
export async function ping(connection: Asked, patience: number): Promise<void> {
  const { exchanges, server } = connection
  const exchange = exchanges.begin()
  const pinged = new Promise((answer, fail) => connection.send('ping', [], answer, fail))
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      exchanges.hangUpIfSilent(exchange)
      reject(new TimeoutError(`${server} did not answer a PING within ${patience} ms`, { server }))
    }, patience)
    timer.unref()
    const settle = (error?: unknown): void => {
      clearTimeout(timer)
      // An error reply is a sign of life as well; a lost connection is not.
      if (error === undefined || isReply(error)) {
        exchanges.answered(exchange, false)
        resolve()
      } else reject(error)
    }
    pinged.then(() => settle(), settle)
  })
}
