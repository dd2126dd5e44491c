import { type CacheError, ConnectionError, ServerError, TimeoutError } from '@anycache/core'
import { withoutArguments } from './reply-text.js'

/** What the server means by the first word of an error reply, and the way out. */
const meanings: Readonly<Record<string, string>> = {
  OOM: 'is out of memory and stored nothing; raise maxmemory, or choose an eviction policy such as allkeys-lru',
  LOADING: 'is loading its data into memory; it answers when that is done',
  READONLY: 'is a replica and takes no writes; name the master',
  MASTERDOWN: 'is a replica that lost its master and serves nothing',
  NOREPLICAS: 'takes no writes, since it has too few replicas (min-replicas-to-write)',
  MISCONF: 'takes no writes, since it cannot save to disk (stop-writes-on-bgsave-error)',
  BUSY: 'is busy with a script',
  NOAUTH: 'asks for a password; pass password, and username for an ACL user',
  WRONGPASS: 'refused the username and password',
  NOPERM: "refused the command by its ACL; the user needs the commands and keys of the adapter's page",
  WRONGTYPE: 'holds something under the key that is not a string',
  MOVED: 'is a node of a Redis Cluster, which is not supported yet; name a single server',
  ASK: 'is a node of a Redis Cluster, which is not supported yet; name a single server',
  CROSSSLOT: 'is a node of a Redis Cluster, which is not supported yet; name a single server',
  DENIED: 'runs in protected mode and takes only local connections',
  CLUSTERDOWN: 'is a node of a Redis Cluster, which is not supported yet; name a single server',
}

/** What it means by the replies whose first word says nothing. */
const texts: readonly (readonly [text: RegExp, meaning: string])[] = [
  [/max number of clients/i, 'has no room for more clients (maxclients)'],
  [/unknown command/i, 'does not know the command; it was renamed or disabled, or the server is older than Redis 6.2'],
  // Inside a script the ACL's refusal has another text.
  [/user executing the script can't|ACL failure in script/, meanings.NOPERM as string],
  [/DB index is out of range/i, 'has no database of that number; name one that it has in db'],
]

/** An error of ioredis or of the socket, as far as it is read here. */
interface ClientError {
  readonly message?: string
  readonly code?: string
  /** One for each address that was tried. */
  readonly errors?: readonly Error[]
  command?: unknown
}

/** True for an error that the server itself replied. */
export function isReply(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError'
}

/** Whether an error reply begins with this word. */
export function isReplyOf(error: unknown, word: string): boolean {
  return isReply(error) && unwrapped(error.message).startsWith(word)
}

/** Redis 6.2 puts what refused a command inside a script behind words of its own. */
function unwrapped(reply: string): string {
  return reply.replace(/^ERR Error running script [^:]*:.*? -(?=[A-Z]+ )/s, '')
}

/** Whether a failure of {@link commandFailure} is an error reply that begins with this word. */
export function isRefusal(failure: unknown, word: string): boolean {
  return failure instanceof ServerError && failure.cause instanceof Reply && failure.cause.message.startsWith(word)
}

/** What the server replied, as far as it may be passed on. ioredis' own error holds the reply's text, and so the arguments in it. */
class Reply extends Error {
  override readonly name = 'ReplyError'
}

/** Why a command that was handed to the client has no answer. */
export function commandFailure(error: unknown, server: string): CacheError {
  const given = error as ClientError
  // ioredis hangs the command with its arguments on its errors: keys and values have no place in a log.
  delete given.command
  if (isReply(error)) return refusal(error.message, server)
  if (given.message === 'Command timed out') {
    return new TimeoutError(`${server} did not answer within the client's commandTimeout`, {
      server,
      outcome: 'unknown',
      cause: error,
    })
  }
  return new ConnectionError(
    `the connection to ${server} failed before the reply (${given.message}); the command may have taken effect`,
    {
      server,
      outcome: 'unknown',
      cause: error,
    },
  )
}

/** Why there is no connection: the error reply that came instead of it, the error that the client reported, or nothing known. */
export function connectionFailure(reason: unknown, server: string): CacheError {
  const reply = isReply(reason) ? reason.message : reason
  if (typeof reply === 'string') return refusal(reply, server)
  const { message, errors, code } = (reason ?? { message: 'it closed the connection' }) as ClientError
  const why = message || errors?.[0]?.message || code
  // ioredis' parser asks for a bug report; the cause is a server of another kind.
  if (why?.endsWith('Please report this.')) {
    const fact = `${server} sent bytes that are not Redis' protocol; see to it that host and port are those of a Redis`
    return new ConnectionError(fact, { server, outcome: 'not-sent', cause: reason })
  }
  return new ConnectionError(`${server} cannot be reached: ${why}`, { server, outcome: 'not-sent', cause: reason })
}

function refusal(text: string, server: string): ServerError {
  const reply = unwrapped(text)
  const cause = new Reply(withoutArguments(reply))
  return new ServerError(`${server} ${meaningOf(reply)}: ${cause.message}`, { server, outcome: 'refused', cause })
}

function meaningOf(reply: string): string {
  const [word] = reply.split(' ', 1) as [string]
  if (Object.hasOwn(meanings, word)) return meanings[word] as string
  return texts.find(([text]) => text.test(reply))?.[1] ?? 'refused the command'
}
