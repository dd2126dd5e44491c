import { createServer } from 'node:net'

// Below the range that Linux (32768) and macOS (49152) use for outgoing connections: no client can take the port of a
// server that is down before it is restarted, and a client that connects to it cannot connect to itself.
const firstPort = 20_000
const lastPort = 31_999

/** Resolves a port of 127.0.0.1 on which nothing listens right now. It is not reserved: see `withFreePort`. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = firstPort + Math.floor(Math.random() * (lastPort - firstPort + 1))
    if (await isFree(port)) return port
  }
  throw new Error(`no free port on 127.0.0.1 between ${firstPort} and ${lastPort} in 100 tries`)
}

/** Calls `start` with a free port, and again with another one if another process was faster and it failed with EADDRINUSE. */
export async function withFreePort<T>(start: (port: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(await freePort())
    } catch (error) {
      if (attempt === 5 || !isAddressInUse(error)) throw error
    }
  }
}

function isAddressInUse(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
}
