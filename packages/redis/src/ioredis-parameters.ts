/**
 * Options of ioredis that have no effect here, since URLs written for it may name them: the store itself decides on deadlines, on
 * reconnecting and on calls that wait for a connection.
 */
export const ioredisParameters: ReadonlySet<string> = new Set([
  'autoResendUnfulfilledCommands',
  'autoResubscribe',
  'blockingTimeout',
  'blockingTimeoutGrace',
  'clientInfoTag',
  'commandTimeout',
  'connectTimeout',
  'connectionName',
  'disableClientInfo',
  'disconnectTimeout',
  'enableAutoPipelining',
  'enableOfflineQueue',
  'enableReadyCheck',
  'keepAlive',
  'lazyConnect',
  'maxLoadingRetryTime',
  'maxRetriesPerRequest',
  'noDelay',
  'replyMapping',
  'showFriendlyErrorStack',
  'socketTimeout',
  'stringNumbers',
])
