const whole = new Intl.NumberFormat('en')
const euros = new Intl.NumberFormat('en', { style: 'currency', currency: 'EUR' })
const percent = new Intl.NumberFormat('en', { style: 'percent', maximumFractionDigits: 1 })
const regions = new Intl.DisplayNames('en', { type: 'region' })

/** `1,234,567` */
export function count(value: number): string {
  return whole.format(value)
}

/** `€1.20`, from cents. */
export function money(cents: number): string {
  return euros.format(cents / 100)
}

/** `42.5%`, from a share of 1. */
export function share(value: number): string {
  return percent.format(value)
}

/** The English name of an ISO 3166 code; the code itself if it has none. */
export function countryName(code: string): string {
  return regions.of(code) ?? code
}

/** `0.42 ms`, `95 ms`: only significant digits. */
export function milliseconds(value: number): string {
  return `${value < 10 ? value.toFixed(2) : Math.round(value)} ms`
}
