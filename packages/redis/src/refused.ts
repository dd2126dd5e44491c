import { type CacheError, nextTurn } from '@anycache/core'

/** What is refused without asking the server settles in a later turn of the loop: who tries again and again leaves it time to return. */
export async function refused(error: CacheError): Promise<never> {
  await nextTurn()
  throw error
}
