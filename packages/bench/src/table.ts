import type { Score } from './rounds.js'

/** The scores of one question on one backend: one row per contender, the raw client first. */
export type Results = {
  readonly heading: string
  readonly inFlight: readonly number[]
  readonly rows: readonly { readonly contender: string; readonly scores: readonly Score[] }[]
}

/** A Markdown table whose columns line up, for the terminal and the page alike. */
export function tableOf({ heading, inFlight, rows }: Results): string {
  const head = ['', ...inFlight.flatMap(count => [`${count} in flight`, '×', 'CPU µs'])]
  const body = rows.map(({ contender, scores }) => [
    contender,
    ...scores.flatMap(({ callsPerSecond, ratio, cpu }) => [perSecond(callsPerSecond), figure(ratio), figure(cpu)]),
  ])
  const widths = head.map((title, column) =>
    Math.max(3, title.length, ...body.map(row => (row[column] as string).length)),
  )
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => pad(cell, widths[column] as number, column)).join(' | ')} |`
  const rule = `| ${widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`
  return [`### ${heading}`, '', line(head), rule, ...body.map(line), ''].join('\n')
}

function pad(cell: string, width: number, column: number): string {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width)
}

function perSecond(calls: number): string {
  return calls >= 1e6 ? `${(calls / 1e6).toFixed(2)} M/s` : `${figure(calls / 1000)} k/s`
}

/** Three significant digits. */
function figure(number: number): string {
  if (number >= 100) return number.toFixed(0)
  return number >= 10 ? number.toFixed(1) : number.toFixed(2)
}
