/** memjs as the raw contender calls it; the package brings no types. */
declare module 'memjs' {
  export class Client {
    static create(servers: string, options?: { timeout?: number }): Client
    get(key: string): Promise<{ value: Buffer | null; flags: Buffer | null }>
    set(key: string, value: string, options: { expires?: number }): Promise<boolean>
    close(): void
  }
}
