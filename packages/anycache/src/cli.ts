import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { ConfigError } from '@anycache/core'
import { asJson, asText } from './diagnosis.js'
import { examine } from './doctor.js'
import { hint } from './problems.js'

const usage = `usage: anycache doctor [url] [--json]

Examines the cache that the url names, or, without one, the environment: CACHE_URL, else REDIS_URL,
MEMCACHE_SERVERS or MEMCACHIER_SERVERS, else memory. Says which of them won, whether each server
answers and how fast, its version, and what is dangerous about it.

  --json     prints the diagnosis as JSON
  --help     prints this
  --version  prints the version

Exit code: 0 no problem (there may be warnings), 1 a problem, 2 the config or the command is wrong.
`

process.exitCode = await run(process.argv.slice(2))

async function run(args: string[]): Promise<number> {
  let parsed: ReturnType<typeof parse>
  try {
    parsed = parse(args)
  } catch (error) {
    // Keep only the first sentence: Node then explains how to pass such text as a positional.
    return misused((error as Error).message.split('. ', 1)[0] as string)
  }
  const { values, positionals } = parsed
  const [command, url, ...more] = positionals
  if (values.help) return print(usage)
  if (values.version) return print(`${version()}\n`)
  if (command === undefined) return misused('no command is given')
  if (command !== 'doctor') {
    // Do not repeat a URL given instead of a command: it may contain a password.
    return misused(
      /^[\w-]+$/.test(command) ? `unknown command ${command}${hint(command, ['doctor'])}` : 'unknown command',
    )
  }
  if (more.length > 0) return misused('doctor takes one url')
  try {
    const diagnosis = await examine(url, process.env)
    print(`${values.json ? asJson(diagnosis) : asText(diagnosis)}\n`)
    return diagnosis.ok ? 0 : 1
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const { code, message } = error
    if (values.json) print(`${JSON.stringify({ ok: false, error: { code, message } }, undefined, 2)}\n`)
    else process.stderr.write(`${message}\n`)
    return 2
  }
}

function parse(args: string[]) {
  return parseArgs({
    args,
    allowPositionals: true,
    options: {
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean', short: 'v' },
    },
  })
}

function print(text: string): 0 {
  process.stdout.write(text)
  return 0
}

function misused(message: string): 2 {
  process.stderr.write(`anycache: ${message}\n\n${usage}`)
  return 2
}

function version(): string {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
  return manifest.version
}
