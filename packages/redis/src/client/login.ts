import { clearTimeout, setTimeout } from '@anycache/core'

/** Gives the password of a connection that is about to be made, or promises it. */
export type PasswordSource = () => string | Promise<string>

/** A password that the application gives for each connection. ioredis reads it as text, by then the newest one. */
export class Login {
  readonly #ask: PasswordSource
  readonly #patience: number
  #password = ''

  /** `patience`: how many ms the application has to give it. */
  constructor(ask: PasswordSource, patience: number) {
    this.#ask = ask
    this.#patience = patience
  }

  /** Asks for the password. Rejects with what went wrong, never with what was given. */
  async renew(): Promise<void> {
    const password: unknown = await new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`the password function gave nothing within ${Math.round(this.#patience)} ms`))
      }, this.#patience)
      timer.unref()
      const failed = (cause: unknown): void => {
        const reason = cause instanceof Error ? cause.message : `it threw a ${typeof cause}`
        reject(new Error(`the password function failed: ${reason}`, cause instanceof Error ? { cause } : undefined))
      }
      // Called in a promise of its own: it may throw, too.
      new Promise(given => given(this.#ask())).then(resolve, failed).finally(() => clearTimeout(timer))
    })
    if (typeof password !== 'string' || password === '') {
      const given =
        password === '' ? 'an empty string' : password === null ? 'null' : `a value of type ${typeof password}`
      throw new Error(`the password function must give a non-empty string, and gave ${given}`)
    }
    this.#password = password
  }

  toString(): string {
    return this.#password
  }
}
