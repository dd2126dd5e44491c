import { type CacheError, ConnectionError, ServerError, TimeoutError } from '@anycache/core'

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

/** An error of ioredis or of the socket, as far as it is read here. */
interface Trouble {
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
  return isReply(error) && error.message.startsWith(word)
}

/** Whether a failure that was told already is an error reply that begins with this word. */
export function isRefusal(failure: unknown, word: string): boolean {
  return failure instanceof ServerError && isReplyOf(failure.cause, word)
}

/** Why a command that was handed to the client has no answer. */
export function commandFailure(error: unknown, server: string): CacheError {
  const given = error as Trouble
  // ioredis hangs the command with its arguments on its errors: keys and values have no place in a log.
  delete given.command
  if (isReply(error)) return refusal(error.message, server, error)
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

/** Why there is no connection: the error reply that came instead of it, the error that the client told, or nothing known. */
export function connectionFailure(trouble: unknown, server: string): CacheError {
  const reply = isReply(trouble) ? trouble.message : trouble
  // AUTH's arguments may be quoted ("with args beginning with: …"): they and the command are not passed on.
  if (typeof reply === 'string') return refusal(reply.replace(/,? ?with args beginning with.*/s, ''), server, undefined)
  const { message, errors, code } = (trouble ?? { message: 'it closed the connection' }) as Trouble
  const why = message || errors?.[0]?.message || code
  // ioredis' parser asks whoever sees this to report it to ioredis; it is what a server of another kind answers.
  if (why?.endsWith('Please report this.')) {
    const fact = `${server} sent bytes that are not Redis' protocol; see to it that host and port are those of a Redis`
    return new ConnectionError(fact, { server, outcome: 'not-sent', cause: trouble })
  }
  return new ConnectionError(`${server} cannot be reached: ${why}`, { server, outcome: 'not-sent', cause: trouble })
}

function refusal(message: string, server: string, cause: Error | undefined): ServerError {
  const word = message.split(' ', 1)[0] as string
  const meaning = /max number of clients/i.test(message)
    ? 'has no room for more clients (maxclients)'
    : Object.hasOwn(meanings, word)
      ? meanings[word]
      : 'refused the command'
  return new ServerError(`${server} ${meaning}: ${message}`, { server, outcome: 'refused', cause })
}
