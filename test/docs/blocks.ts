import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The root folder of the repository. */
export const root: string = fileURLToPath(new URL('../..', import.meta.url))

/** One fenced block of a page, with the markers in the HTML comments directly before it. */
export type Block = {
  /** The page, relative to the root. */
  page: string
  /** The line of the opening fence, from 1. */
  line: number
  language: string
  code: string
  /** `<!-- name: value -->`, by name; a name may occur several times. */
  markers: Map<string, string[]>
  /** The `text` block after it under the same heading, if any: its expected output. */
  output: string | undefined
}

/** Every page whose snippets are tested: the root README, docs, and the packages' READMEs. */
export function pages(): string[] {
  const docs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter(path => path.endsWith('.md'))
    .map(path => join('docs', path))
  const readmes = ['packages', 'examples'].flatMap(folder =>
    readdirSync(join(root, folder)).map(name => join(folder, name, 'README.md')),
  )
  return [...['README.md', ...readmes].filter(isPage), ...docs].sort()
}

function isPage(path: string): boolean {
  try {
    readFileSync(join(root, path))
    return true
  } catch {
    return false
  }
}

/** The blocks of one page, in order. */
export function blocksOf(page: string): Block[] {
  const lines = readFileSync(join(root, page), 'utf8').split('\n')
  const blocks: Block[] = []
  let markers: [string, string][] = []
  let headings = 0
  let lastHeading = 0
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] as string
    const fence = /^(\s*)(`{3,})(\w*)\s*$/.exec(line)
    if (fence === null) {
      if (/^#+ /.test(line)) headings++
      const marker = /^\s*<!-- ([\w ]+): (.*) -->\s*$/.exec(line)
      if (marker !== null) markers.push([marker[1] as string, marker[2] as string])
      else if (line.trim() !== '') markers = []
      continue
    }
    const [, indent = '', ticks = '', language = ''] = fence
    const end = lines.findIndex((other, j) => j > i && other.trim() === ticks)
    if (end === -1) throw new Error(`${page}:${i + 1}: the block is never closed`)
    const code = lines.slice(i + 1, end).map(text => (text.startsWith(indent) ? text.slice(indent.length) : text))
    const previous = blocks.at(-1)
    if (language === 'text' && previous !== undefined && previous.output === undefined && lastHeading === headings) {
      if (previous.language !== 'text') previous.output = code.join('\n')
    }
    blocks.push({
      page,
      line: i + 1,
      language,
      code: code.join('\n'),
      markers: grouped(markers),
      output: undefined,
    })
    markers = []
    lastHeading = headings
    i = end
  }
  return blocks
}

function grouped(markers: readonly [string, string][]): Map<string, string[]> {
  const byName = new Map<string, string[]>()
  for (const [name, value] of markers) byName.set(name, [...(byName.get(name) ?? []), value])
  return byName
}

/** The links of a page to other files of the repository: target and fragment, relative to the page. */
export function linksOf(page: string): { target: string; fragment: string | undefined }[] {
  const text = readFileSync(join(root, page), 'utf8').replace(/^(`{3,})[\s\S]*?^\1$/gm, '')
  return [...text.matchAll(/\]\(([^()\s]+)\)/g)]
    .map(match => match[1] as string)
    .filter(link => !/^[a-z]+:/.test(link))
    .map(link => {
      const [path = '', fragment] = link.split('#')
      const target = path === '' ? page : relative(root, join(root, dirname(page), path))
      return { target, fragment }
    })
}

/** The anchors that a renderer gives a page's headings. */
export function anchorsOf(page: string): Set<string> {
  const text = readFileSync(join(root, page), 'utf8').replace(/^(`{3,})[\s\S]*?^\1$/gm, '')
  const seen = new Map<string, number>()
  const anchors = new Set<string>()
  for (const [, heading = ''] of text.matchAll(/^#+ (.*)$/gm)) {
    const slug = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M}_ -]/gu, '')
      .replaceAll(' ', '-')
    const times = seen.get(slug) ?? 0
    seen.set(slug, times + 1)
    anchors.add(times === 0 ? slug : `${slug}-${times}`)
  }
  return anchors
}
