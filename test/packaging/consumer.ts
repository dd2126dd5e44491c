import { execFile } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Package, root } from './workspace.js'

const execute = promisify(execFile)

/** A project outside the repository that has installed the packed tarballs, as an npm user would. */
export interface Consumer {
  directory: string
  /** The paths inside each tarball, by package name. */
  packed: Map<string, string[]>
  /** Runs a program in the project and resolves its standard output; rejects with both outputs when it fails. */
  run(program: string, ...args: string[]): Promise<string>
  remove(): Promise<void>
}

// npm passes its scripts settings of the current run (workspace, prefix), and vitest its own mode; a user has neither.
const environment = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^(npm_(package|lifecycle)_|npm_config_(local_prefix|workspace|prefix)|VITEST|NODE_ENV$)/.test(name),
  ),
)

async function run(directory: string, program: string, args: readonly string[]): Promise<string> {
  try {
    const options = { cwd: directory, env: environment, timeout: 240_000, maxBuffer: 32 * 1024 * 1024 }
    return (await execute(program, args, options)).stdout
  } catch (error) {
    const { message, stdout, stderr } = error as Error & { stdout?: string; stderr?: string }
    throw new Error(`${message}\n${stdout ?? ''}\n${stderr ?? ''}`)
  }
}

/** Builds and packs the packages and installs them, with any other packages named, into a new empty project. */
export async function installPacked(packages: readonly Package[], others: readonly string[]): Promise<Consumer> {
  await run(root, 'npm', ['run', 'build'])
  const directory = await mkdtemp(join(tmpdir(), 'anycache-consumer-'))
  const remove = () => rm(directory, { recursive: true, force: true })
  try {
    const packed = await pack(packages, directory)
    const manifest = { name: 'consumer', private: true, type: 'module' }
    await writeFile(join(directory, 'package.json'), JSON.stringify(manifest))
    const tarballs = (await readdir(directory)).filter(file => file.endsWith('.tgz')).map(file => `./${file}`)
    const quiet = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error']
    await run(directory, 'npm', ['install', ...quiet, ...tarballs, ...others])
    await cp(join(root, 'test/packaging/fixtures'), directory, { recursive: true })
    return { directory, packed, run: (program, ...args) => run(directory, program, args), remove }
  } catch (error) {
    await remove()
    throw error
  }
}

async function pack(packages: readonly Package[], destination: string): Promise<Map<string, string[]>> {
  const folders = packages.map(({ folder }) => `./packages/${folder}`)
  const report = await run(root, 'npm', ['pack', ...folders, '--json', '--pack-destination', destination])
  // A list; in later versions of npm, an object by package name.
  const tarballs = Object.values(JSON.parse(report) as Record<string, PackedTarball>)
  return new Map(tarballs.map(({ name, files }) => [name, files.map(({ path }) => path)]))
}

type PackedTarball = { name: string; files: { path: string }[] }

/** The version of a development dependency of this repository, as `name@version`. */
export async function pinned(name: string): Promise<string> {
  const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    devDependencies: Record<string, string>
  }
  const version = manifest.devDependencies[name]
  if (version === undefined) throw new Error(`${name} is not a development dependency of the repository`)
  return `${name}@${version}`
}
