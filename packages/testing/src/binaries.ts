import { spawn } from 'node:child_process'
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { delimiter, join } from 'node:path'

/** A program that tests run for real: where to find it, and how to install it. */
interface Program {
  readonly name: string
  /** Other names on PATH, and absolute paths, to look for. */
  readonly alsoAt?: readonly string[]
  /** The environment variable that names its path. */
  readonly variable: string
  readonly need: string
  /** Packages, by manager. */
  readonly packages: { readonly apt: string; readonly dnf: string; readonly apk: string; readonly brew: string }
}

const servers = {
  apt: 'redis-server memcached',
  dnf: 'redis memcached',
  apk: 'redis memcached',
  brew: 'redis memcached',
}
const programs = {
  'redis-server': {
    name: 'redis-server',
    variable: 'REDIS_SERVER',
    need: 'the tests need a real one',
    packages: servers,
  },
  memcached: { name: 'memcached', variable: 'MEMCACHED', need: 'the tests need a real one', packages: servers },
  chromium: {
    name: 'chromium',
    alsoAt: [
      ...['chromium-browser', 'google-chrome', 'google-chrome-stable'],
      '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    ],
    variable: 'CHROMIUM_PATH',
    need: "the example's tests need a real browser",
    packages: { apt: 'chromium', dnf: 'chromium', apk: 'chromium', brew: '--cask google-chrome' },
  },
} satisfies Record<string, Program>

/** A server that tests run for real. */
export type ServerName = 'redis-server' | 'memcached'

const found = new Map<string, Promise<string>>()

/**
 * Resolves the path of a server's executable: the one named by `REDIS_SERVER` or `MEMCACHED`, else the one on `PATH`,
 * else, for root on Debian, the one from the distribution's package, which is installed once.
 * Otherwise rejects with the command that installs the servers; tests are never skipped for lack of one.
 */
export function findServer(name: ServerName): Promise<string> {
  return find(programs[name])
}

/** {@link findServer} for a Chromium, by `CHROMIUM_PATH`. */
export function findChromium(): Promise<string> {
  return find(programs.chromium)
}

function find(program: Program): Promise<string> {
  let path = found.get(program.name)
  if (path === undefined) {
    path = locate(program)
    found.set(program.name, path)
  }
  return path
}

async function locate(program: Program): Promise<string> {
  const { name, variable, need } = program
  const named = process.env[variable]
  if (named) {
    if (await isExecutable(named)) return named
    throw new Error(`${variable} must be the path of an executable ${name}, got ${named}`)
  }
  const present = await installed(program)
  if (present !== undefined) return present

  let failure = ''
  if (process.getuid?.() === 0 && (await onPath('apt-get')) !== undefined) {
    failure = await installDebianPackages(program)
    const path = await installed(program)
    if (path !== undefined) return path
  }
  throw new Error(
    `${name} is not installed, and ${need}; run \`${await installCommand(program)}\`, ` +
      `or set ${variable} to its path.${failure && `\napt-get said: ${failure}`}`,
  )
}

async function installed({ name, alsoAt = [] }: Program): Promise<string | undefined> {
  for (const candidate of [name, ...alsoAt]) {
    const path = candidate.startsWith('/') ? candidate : await onPath(candidate)
    if (path !== undefined && (await isExecutable(path))) return path
  }
  return undefined
}

async function onPath(name: string): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, name)
    if (folder !== '' && (await isExecutable(path))) return path
  }
  return undefined
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}

/** Resolves the failure as text, or '' when the packages are installed. */
function installDebianPackages({ name, packages }: Program): Promise<string> {
  // Test workers arrive here concurrently: flock(1) lets one install, and the others then find the program.
  const script =
    `command -v ${name} || { apt-get update && ` +
    `apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends ${packages.apt}; }`
  const child = spawn('flock', ['/tmp/anycache-apt.lock', 'sh', '-c', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // RUNLEVEL=1 keeps the packages from starting their own servers on the default ports.
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
  })
  let output = ''
  const keep = (chunk: Buffer): void => {
    output = (output + chunk).slice(-4096)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  return new Promise(resolve => {
    child.on('error', error => resolve(error.message))
    child.on('close', code => resolve(code === 0 ? '' : output))
  })
}

async function installCommand({ packages }: Program): Promise<string> {
  const sudo = process.getuid?.() === 0 ? '' : 'sudo '
  if (process.platform === 'darwin') return `brew install ${packages.brew}`
  if ((await onPath('apt-get')) !== undefined)
    return `${sudo}apt-get update && ${sudo}apt-get install -y ${packages.apt}`
  if ((await onPath('dnf')) !== undefined) return `${sudo}dnf install -y ${packages.dnf}`
  if ((await onPath('apk')) !== undefined) return `${sudo}apk add ${packages.apk}`
  return `your package manager to install ${packages.apk.replace(' ', ' and ')}`
}
