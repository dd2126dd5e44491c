import type { Certificate } from './certificate.js'
import { removeFolder, type ServerProcess } from './server-process.js'

/** A server that runs until `stop()`, until the end of its `await using` block, or until this process ends. */
export interface TestServer {
  readonly host: '127.0.0.1'
  readonly port: number
  readonly url: string
  /** The pid of the current process; another one after `restart()`. */
  readonly pid: number
  /** The unix socket, if requested. */
  readonly path?: string
  /** The certificate to trust, if TLS was requested. */
  readonly tls?: Certificate
  /** Ends the process with SIGKILL and resolves when it is gone; connections are then refused. */
  kill(): Promise<void>
  /** Freezes the process: connecting succeeds, nothing answers. Resolves when it has stopped. */
  pause(): Promise<void>
  /** Resumes a paused process. */
  resume(): void
  /** Ends the process if it is running, and starts an empty one on the same port. */
  restart(): Promise<void>
  /** Ends the process and removes its folder. May be called twice. */
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** How a server was started, and how to start another like it. */
export interface Started {
  readonly port: number
  readonly url: string
  readonly path: string | undefined
  readonly tls: Certificate | undefined
  readonly folder: string
  readonly launch: () => Promise<ServerProcess>
  readonly first: ServerProcess
}

export function testServer({ port, url, path, tls, folder, launch, first }: Started): TestServer {
  let running = first
  const stop = async (): Promise<void> => {
    await running.kill()
    removeFolder(folder)
  }
  return {
    host: '127.0.0.1',
    port,
    url,
    get pid() {
      return running.pid
    },
    ...(path !== undefined && { path }),
    ...(tls && { tls }),
    kill: () => running.kill(),
    pause: () => running.pause(),
    resume: () => running.resume(),
    async restart() {
      await running.kill()
      running = await launch()
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}
