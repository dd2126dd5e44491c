import { Socket } from 'node:net'

/** Counts the writes of this process to one port of 127.0.0.1. */
export interface WriteCount {
  /** Writes handed to the kernel since the count began; what was corked together is one. */
  readonly writes: number
  [Symbol.dispose](): void
}

type Write = (this: Socket, ...args: unknown[]) => unknown

/**
 * Starts to count what the sockets of this process write to `port`. A proxy cannot: the kernel joins writes of one tick
 * before anybody reads them. So the two methods are watched in which a net.Socket hands bytes to the system.
 */
export function countWrites(port: number): WriteCount {
  const prototype = Socket.prototype as unknown as { _write: Write; _writev: Write }
  const { _write, _writev } = prototype
  let writes = 0
  const count = (socket: Socket): void => {
    if (socket.remotePort === port) writes++
  }
  const counting = (write: Write): Write =>
    function (...args) {
      // What is written before the connection stands is kept, and leaves when it does.
      if (this.connecting) this.once('connect', () => count(this))
      else count(this)
      return write.apply(this, args)
    }
  prototype._write = counting(_write)
  prototype._writev = counting(_writev)
  return {
    get writes() {
      return writes
    },
    [Symbol.dispose]() {
      prototype._write = _write
      prototype._writev = _writev
    },
  }
}
