/**
 * What V8's structured clone loses, written after the value and restored when it is read. Each list references objects
 * in the value, so that cycles through them survive.
 */
export type Restoration = [
  /** Objects without a prototype. */
  nullPrototypes: object[],
  /** Errors that are AggregateErrors. */
  aggregates: Error[],
  /** Own properties, four items each: object, key, whether it is enumerable, value. */
  properties: unknown[],
]

/** Restores in a value just read what its restoration lists. */
export function restore(restoration: unknown): void {
  const [nullPrototypes, aggregates, properties] = restoration as Restoration
  for (const object of nullPrototypes) Object.setPrototypeOf(object, null)
  for (const error of aggregates) Object.setPrototypeOf(error, AggregateError.prototype)
  for (let at = 0; at < properties.length; at += 4) {
    const [object, key, enumerable, value] = properties.slice(at, at + 4) as [object, string, boolean, unknown]
    // A RegExp's only own property cannot be redefined.
    if (object instanceof RegExp) object.lastIndex = value as number
    else Object.defineProperty(object, key, { value, enumerable, writable: true, configurable: true })
  }
}
