/** The fields of INFO's reply. A field of several parts, such as `db0:keys=2,expires=0`, stays text. */
export function infoOf(reply: unknown): Record<string, string | number> {
  const stats: Record<string, string | number> = {}
  for (const line of String(reply).split('\r\n')) {
    const colon = line.indexOf(':')
    if (colon === -1 || line.startsWith('#')) continue
    const value = line.slice(colon + 1)
    const number = Number(value)
    // Only what reads back the same: a run id of digits, or 2^63, must not be rounded.
    stats[line.slice(0, colon)] = String(number) === value || /^\d{1,15}\.\d+$/.test(value) ? number : value
  }
  return stats
}
