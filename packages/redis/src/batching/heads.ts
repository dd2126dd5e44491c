import type { Connection } from '../connection/connection.js'
import type { ClientExchange } from '../connection/exchanges.js'
import { headRange } from '../protocol/absence.js'
import type { Argument } from '../protocol/command.js'

/** The heads of values, read in front of a command and in one write with it, so that its answer can leave out what counts as absent. */
export class Heads {
  readonly keys: readonly Argument[]
  /** In the order of the keys. `undefined`: no string lies there, or the user may not read it. */
  readonly found: (Buffer | undefined)[] = []

  constructor(keys: readonly Argument[]) {
    this.keys = keys
  }

  /** Their replies are no sign of health: that to the command, right behind them, is one, unless it is late. */
  send(connection: Connection, exchange: ClientExchange, deadline: number): void {
    const { exchanges } = connection
    this.found.length = 0
    const answered = (reply: unknown): void => {
      exchanges.answered(exchange, true)
      this.found.push(reply as Buffer)
    }
    const failed = (error: unknown): void => {
      exchanges.failure(error, exchange, true)
      this.found.push(undefined)
    }
    for (const key of this.keys) {
      connection.send('getrange', [key, ...headRange], exchange, key.length, deadline, answered, failed)
    }
  }
}
