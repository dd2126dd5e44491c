import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { publicPackages } from '../packaging/workspace.js'
import { root } from './blocks.js'

/** One line of a `sh` block: a program to run here, or a command that is known to be right. */
export type Command =
  | { kind: 'node'; file: string; env: Record<string, string> }
  | { kind: 'anycache'; args: string[]; env: Record<string, string> }
  | { kind: 'checked' }

const scripts = Object.keys(
  (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }).scripts,
)
const builtIn = new Set(['npm ci', 'npm install'])

/** The commands of a `sh` block. Throws for a command that the tests cannot check, and for a missing script or package. */
export function commandsOf(code: string): Command[] {
  return code
    .replace(/\\\n\s*/g, '')
    .split('\n')
    .map(line => line.replace(/\s#.*$/, '').trim())
    .filter(line => line !== '' && !line.startsWith('#'))
    .flatMap(line => line.split(' && '))
    .map(commandOf)
}

function commandOf(line: string): Command {
  const words = line.split(/\s+/)
  const env: Record<string, string> = {}
  while (/^[A-Z_]+=/.test(words[0] ?? '')) {
    const [name = '', value = ''] = (words.shift() as string).split(/=(.*)/s)
    env[name] = value.replace(/^'(.*)'$/, '$1')
  }
  const [program, ...args] = words
  if (program === 'node' && args.length === 1) return { kind: 'node', file: args[0] as string, env }
  if (program === 'npx' && args[0] === 'anycache') return { kind: 'anycache', args: args.slice(1).map(unquoted), env }
  if (program === 'npm' && isKnown(args)) return { kind: 'checked' }
  throw new Error(`"${line}" is not a command that the tests can run or check; mark the block <!-- not run: why -->`)
}

function isKnown(args: readonly string[]): boolean {
  const [verb = '', ...rest] = args
  if (builtIn.has(`npm ${verb}`) && rest.length === 0) return true
  if (verb === 'test' && rest.length === 0) return scripts.includes('test')
  if (verb === 'run') return scripts.includes(rest[0] ?? '')
  // What we publish, and the packages it works with.
  const published = publicPackages().flatMap(({ manifest }) => [
    manifest.name,
    ...Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }),
  ])
  return (
    verb === 'install' && rest.filter(word => !/^(-D|--save-dev)$/.test(word)).every(name => published.includes(name))
  )
}

function unquoted(word: string): string {
  return word.replace(/^'(.*)'$/, '$1')
}
