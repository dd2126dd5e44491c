import { Socket } from 'node:net'

/** Counts the writes of this process to one port of 127.0.0.1. */
export interface WriteCount {
  /** Writes passed to the kernel since the count began; chunks corked together are one. */
  readonly writes: number
  [Symbol.dispose](): void
}

type Write = (this: Socket, ...args: unknown[]) => unknown

/**
 * Starts to count the writes of this process' sockets to `port`. A proxy cannot: the kernel joins the writes of one tick
 * before they are read. So this watches the two methods with which a net.Socket passes bytes to the system.
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
      // Writes made before the connection is established are kept, and sent once it is.
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
