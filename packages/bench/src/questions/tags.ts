import type { Contender } from '../contender.js'
import type { Setting } from './question.js'

/** Contenders with tags; the raw client reads the same entries without. */
export const withTags: readonly string[] = ['anycache', 'bentocache']

/** Two for each entry, as a product has its own and its category's. */
export function tagsOf(key: string, number: number): string[] {
  return [`entry:${key}`, `group:${number % 10}`]
}

export async function fillTagged(contender: Contender, { keys, values }: Setting): Promise<void> {
  for (const [i, key] of keys.entries()) {
    if (contender.tagged === undefined) await contender.set(key, values[i])
    else await contender.tagged.set(key, values[i], tagsOf(key, i))
  }
}
