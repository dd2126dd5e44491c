import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { packages } from '../packaging/workspace.js'
import { root } from './blocks.js'
import type { Snippet } from './snippets.js'

/** The snippets as modules, next to the packages they import, all compiled from the current sources. */
export type Compiled = {
  /** The compiler's errors for each snippet, by title. */
  problems: Map<string, string[]>
  /** The compiled module of a snippet. */
  moduleOf: (snippet: Snippet) => string
  /** The folder of a page's modules. */
  folderOf: (page: string) => string
  /** The program `anycache`. */
  command: string
  remove: () => void
}

/**
 * Writes every snippet to a file and compiles all of them with the packages at once: this checks their types, and the tests run
 * the output. The output holds the packages as in `node_modules`, so that names resolve as for a user.
 */
export async function compile(snippets: readonly Snippet[]): Promise<Compiled> {
  const folder = mkdtempSync(join(import.meta.dirname, '.snippets-'))
  const out = join(folder, 'out')
  const sourceOf = (snippet: Snippet): string => join(folder, slug(snippet.block.page), snippet.file)
  const emitted = (path: string): string => join(out, relative(root, path)).replace(/\.ts$/, '.js')
  for (const snippet of snippets) {
    const path = sourceOf(snippet)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, snippet.source)
  }
  const config = {
    extends: relative(folder, join(root, 'tsconfig.test.json')),
    compilerOptions: {
      ...{ noEmit: false, rootDir: root, outDir: out, allowJs: true, checkJs: true },
      // A snippet may show what a call returns without using it.
      ...{ noUnusedLocals: false, noUnusedParameters: false },
    },
    files: snippets.map(sourceOf),
    include: [join(root, 'packages/*/src/**/*.ts')],
    exclude: [join(root, 'packages/bench')],
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
  const report = await run(join(root, 'node_modules/.bin/tsc'), ['-p', folder, '--pretty', 'false'])
  install(out)
  const problems = new Map<string, string[]>()
  for (const line of report.split('\n')) {
    const path = /^(.+?)\(\d+,\d+\): /.exec(line)?.[1]
    const snippet = path && snippets.find(candidate => sourceOf(candidate) === join(root, path))
    if (snippet) problems.set(snippet.title, [...(problems.get(snippet.title) ?? []), line])
  }
  return {
    problems,
    moduleOf: snippet => emitted(sourceOf(snippet)),
    folderOf: page => emitted(join(folder, slug(page))),
    command: join(out, 'packages/anycache/bin/anycache.js'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

function slug(page: string): string {
  return page.replace(/\.md$/, '').replaceAll('/', '-')
}

/** Turns the compiled sources into packages that Node finds by name. */
function install(out: string): void {
  writeFileSync(join(out, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  // For the blocks that are test suites: vitest uses the nearest config above them.
  writeFileSync(join(out, 'vitest.config.js'), "export default { test: { include: ['**/*.js'] } }")
  for (const { folder, directory, manifest } of packages()) {
    const compiled = join(out, 'packages', folder)
    if (!existsSync(compiled)) continue
    for (const name of ['package.json', 'bin', 'schema.json']) {
      if (existsSync(join(directory, name))) cpSync(join(directory, name), join(compiled, name), { recursive: true })
    }
    // The manifest's exports point to dist.
    symlinkSync('src', join(compiled, 'dist'))
    if (existsSync(join(directory, 'node_modules'))) {
      symlinkSync(join(directory, 'node_modules'), join(compiled, 'node_modules'))
    }
    const link = join(out, 'node_modules', manifest.name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(compiled, link)
  }
}

function run(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    child.stdout.on('data', chunk => {
      output += chunk
    })
    child.stderr.on('data', chunk => {
      output += chunk
    })
    child.once('error', reject)
    child.once('close', () => resolve(output))
  })
}
