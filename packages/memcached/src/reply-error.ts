import { ServerError } from '@anycache/core'
import type { Reply, Request } from './request.js'

/** The server said no, for a reason of its own. Its text is not passed on: a proxy may quote keys and values in it. */
export function replyError({ server, verb }: Request, { reason }: Reply): ServerError {
  return new ServerError(`${server} refused ${verb}: ${reason}`, { server, outcome: 'refused' })
}
