/** The part of memjs 1.3.2 that this package and its tests use; memjs itself comes without types. */
declare module 'memjs' {
  import type { EventEmitter } from 'node:events'

  export interface Response {
    header: { opcode: number; status: number; opaque: number; totalBodyLength: number; cas: Buffer }
    key: Buffer
    extras: Buffer
    val: Buffer
  }

  /** With `quiet` set it takes several responses. */
  export interface ResponseHandler {
    (response: Response): void
    quiet?: boolean
  }

  export class Server extends EventEmitter {
    constructor(host: string, port: number, username?: string, password?: string, options?: object)
    host: string
    port: number
    username: string | undefined
    password: string | undefined
    onResponse(seq: number, handler: ResponseHandler): void
    onError(seq: number, handler: (error: Error) => void): void
    write(request: Buffer): void
    close(): void
  }

  export class Client {
    static create(servers?: string, options?: object): Client
    constructor(servers: Server[], options?: object)
    servers: Server[]
    seq: number
    getServer(key: string): number
    incrSeq(): void
    close(): void
  }

  export const Utils: {
    parseMessage(data: Buffer): Response | false
  }
}
