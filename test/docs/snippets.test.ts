import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Block, blocksOf, pages, root } from './blocks.js'
import { commandsOf } from './commands.js'
import { type Compiled, compile } from './compiled.js'
import { execute, type Program, type Ran, Servers } from './run.js'
import { divider, isAsShown, type Snippet, snippetsOf } from './snippets.js'

/** The most snippets that may go without being run. */
const mostNotRun = 12

const blocks = new Map(pages().map(page => [page, blocksOf(page)]))
const snippets = [...blocks.values()].flatMap(snippetsOf)
const shells = [...blocks.values()].flat().filter(({ language }) => language === 'sh')
const servers = new Servers()
const originals = new Map<string, string>()
let compiled: Compiled

beforeAll(async () => {
  compiled = await compile(snippets)
})

afterAll(async () => {
  await servers.stop()
  compiled?.remove()
})

describe.each(snippets.map(snippet => [snippet.title, snippet] as const))('%s', (_title, snippet) => {
  test('has correct types', () => {
    expect(compiled.problems.get(snippet.title) ?? []).toEqual([])
  })

  if (snippet.notRun === undefined) {
    test('runs and prints what the page says', async () => {
      const ran = await run(snippet, snippet.env)
      expect(ran.code, `${ran.stdout}\n${ran.stderr}`).toBe(0)
      const own = ran.stdout.split(`${divider}\n`).at(-1) as string
      if (snippet.expected !== undefined && !isAsShown(own, snippet.expected)) expect(own).toBe(snippet.expected)
    }, 150_000)
  }
})

describe.each(shells.map(block => [`${block.page}:${block.line}`, block] as const))('%s', (_title, block) => {
  test('holds commands that exist, and prints what the page says', async () => {
    if (block.markers.has('not run')) return
    let printed = ''
    for (const command of commandsOf(block.code)) {
      if (command.kind === 'checked') continue
      if (command.kind === 'node') {
        const ran = await run(fileOf(block, command.file), command.env)
        expect(ran.code, `${ran.stdout}\n${ran.stderr}`).toBe(0)
        printed += ran.stdout
        continue
      }
      const ran = await launch({ args: [compiled.command, ...command.args], cwd: root, env: command.env, faults: [] })
      // 1 means that the doctor found a problem, as some pages show.
      expect([0, 1], `${ran.stdout}\n${ran.stderr}`).toContain(ran.code)
      printed += ran.stdout
    }
    if (block.output !== undefined && !isAsShown(printed, block.output)) expect(printed).toBe(block.output)
  }, 150_000)
})

test('every json block parses', () => {
  const found = [...blocks.values()].flat().filter(({ language }) => language === 'json')
  for (const { page, line, code } of found) {
    expect(() => JSON.parse(code), `${page}:${line}`).not.toThrow()
  }
})

test('each block that is not run gives a reason, and there are few of them', () => {
  const reasons = [...blocks.values()].flat().flatMap(({ markers }) => markers.get('not run') ?? [])
  for (const reason of reasons) expect(reason).toMatch(/\w+ \w+/)
  expect(reasons.length).toBeLessThanOrEqual(mostNotRun)
})

function fileOf({ page, line }: Block, file: string): Snippet {
  const found = snippets.find(snippet => snippet.block.page === page && snippet.file.replace(/\.ts$/, '.js') === file)
  if (found === undefined) throw new Error(`${page}:${line}: no block of the page is marked <!-- file: ${file} -->`)
  return found
}

async function run(snippet: Snippet, env: Readonly<Record<string, string>>): Promise<Ran> {
  const path = compiled.moduleOf(snippet)
  const original = originals.get(path) ?? readFileSync(path, 'utf8')
  originals.set(path, original)
  writeFileSync(path, await servers.placed(original))
  const cwd = compiled.folderOf(snippet.block.page)
  const vitest = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', path, '--root', cwd]
  const args = snippet.isSuite ? vitest : [path]
  return launch({ args, cwd, env, faults: snippet.faults })
}

async function launch(program: Program): Promise<Ran> {
  const placed = (texts: readonly string[]): Promise<string[]> => Promise.all(texts.map(text => servers.placed(text)))
  const env = Object.fromEntries(
    await Promise.all(
      Object.entries(program.env).map(async ([name, value]) => [name, await servers.placed(value)] as const),
    ),
  )
  const ran = await execute({ ...program, args: await placed(program.args), env }, servers)
  await servers.restore(program.faults)
  return ran
}
