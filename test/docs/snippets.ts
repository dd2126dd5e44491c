import type { Block } from './blocks.js'

/** A block that can be run as a program. */
export type Snippet = {
  block: Block
  /** `README.md:12`, as a failing test shows it. */
  title: string
  /** The file it is written to, relative to the folder of its page. */
  file: string
  /** The whole module: the block with the blocks it continues. */
  source: string
  /** Why it is compiled but not run, if it is not. */
  notRun: string | undefined
  /** Run by vitest instead of node. */
  isSuite: boolean
  env: Record<string, string>
  /** What happens to a server once a text was printed. */
  faults: Fault[]
  /** What it must print, if the page says so. */
  expected: string | undefined
}

/** `<!-- kill: redis when "hit" -->`. */
export type Fault = { what: 'kill' | 'restart'; server: 'redis' | 'memcached'; when: string }

/** Printed between a block and those it continues; only what follows is the block's own output. */
export const divider = '\u001e'

const languages = new Set(['ts', 'js'])
const known = new Set(['continues', 'name', 'file', 'not run', 'env', 'kill', 'restart'])

/** The snippets of one page. Throws for an unknown marker, or one that continues an unknown block. */
export function snippetsOf(blocks: readonly Block[]): Snippet[] {
  const named = new Map<string, string>()
  return blocks
    .filter(block => languages.has(block.language))
    .map(block => {
      const { page, line, language, code, markers } = block
      for (const name of markers.keys()) {
        if (!known.has(name))
          throw new Error(`${page}:${line}: the marker "${name}" is not one of ${[...known].join(', ')}`)
      }
      const continued = markers.get('continues')?.[0]
      const before = continued === undefined ? undefined : named.get(continued)
      if (continued !== undefined && before === undefined) {
        throw new Error(`${page}:${line}: it continues "${continued}", but no earlier block has that name`)
      }
      const source = before === undefined ? code : `${before}\nconsole.log(${JSON.stringify(divider)})\n${code}`
      const name = markers.get('name')?.[0]
      if (name !== undefined) named.set(name, source)
      return {
        block,
        title: `${page}:${line}`,
        file: markers.get('file')?.[0] ?? `line-${line}.${language}`,
        source: `${source}\nexport {}\n`,
        notRun: markers.get('not run')?.[0],
        isSuite: /from 'vitest'|describeCache\(/.test(code),
        env: Object.fromEntries((markers.get('env') ?? []).map(pair => pair.split(/=(.*)/s).slice(0, 2))),
        faults: faultsOf(block),
        expected: expectedOf(block),
      }
    })
}

function faultsOf({ page, line, markers }: Block): Fault[] {
  return (['kill', 'restart'] as const).flatMap(what =>
    (markers.get(what) ?? []).map(text => {
      const [, server, when] = /^(redis|memcached) when "(.+)"$/.exec(text) ?? []
      if (server === undefined || when === undefined) {
        throw new Error(`${page}:${line}: a marker reads <!-- ${what}: redis when "text" -->, got ${text}`)
      }
      return { what, server: server as Fault['server'], when }
    }),
  )
}

function expectedOf({ code, output }: Block): string | undefined {
  if (output !== undefined) return output
  const printed = [...code.matchAll(/\/\/ prints: (.*)$/gm)].map(match => match[1])
  return printed.length === 0 ? undefined : printed.join('\n')
}

/** Whether the output is what the page shows. A line `…` stands for any lines, `…` within a line for any text. */
export function isAsShown(output: string, expected: string): boolean {
  const source = expected
    .trimEnd()
    .split('\n')
    .map(line => line.trimEnd())
    .map(line => (line === '…' ? '(?:.*\n)*?' : `${line.split('…').map(escaped).join('.*')}\n`))
    .join('')
  const printed = output
    .split('\n')
    .map(line => line.trimEnd())
    .join('\n')
    .trimEnd()
  return new RegExp(`^${source}$`).test(printed === '' ? '' : `${printed}\n`)
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
}
