import { ServerError, shown } from '@anycache/core'
import { replyError } from './reply-error.js'
import { type Reader, type Reply, Request } from './request.js'

/** Asks for a section of the statistics and puts them into `found`. */
export function statsRequest(
  section: string,
  deadline: number,
  found: Map<string, string>,
  read: Reader = readStats,
): Request {
  const request = new Request('stats', section, deadline, read)
  request.partial = reply => {
    found.set(reply.name, reply.data.toString())
  }
  return request
}

function readStats(request: Request, reply: Reply): void {
  if (reply.status === 'missing') {
    const { server, wireKey } = request
    throw new ServerError(`${server} has no statistics ${shown(wireKey)}`, { server, outcome: 'refused' })
  }
  if (reply.status !== 'ok') throw replyError(request, reply)
}
