/**
 * Options of ioredis that change nothing here, as URLs written for it may name them: deadlines, connecting anew and what waits meanwhile
 * are the store's own affair.
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
