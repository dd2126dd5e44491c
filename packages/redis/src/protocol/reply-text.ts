/**
 * The words that Redis, its kin and the proxies in front of them use to refuse a command. Neither names nor numbers: a word that
 * is not here may be part of a key, a value or a password.
 */
const words = new Set(
  `a about accept accepts access active after against all allowed already although an and any application are argument arguments
  as at auth authenticated authentication available backend background bad be because been before beginning being big block
  blocked blocking both broken bulk busy but by call called calling can can't cannot change changed client clients close closed
  closing cluster command commands config configuration configured connect connected connecting connection connections contain
  contains count could current currently daily data database dataset db deadline default denied destination different disabled
  discarded disk do does doesn't don't down due during each empty enabled enough error errors exceed exceeded exceeds executed
  executing execution exist exists expected expire expired failed failing failover failure fewer first flag for forbidden format
  found from full function get getting good greater had has hash have health healthy hello holding host idle if illegal in
  inactive index info input instance integer interface internal interrupted invalid is isn't it it's its key keys kill kind last
  length less limit limited limits line link list loaded loading local log logs long longer lost lua made make many master match
  matching max maxclients maximum maxmemory may memory message min minimum missing mode modify module monthly more multibulk must
  name need needed negative network new no node nodes none not number object of offline on once one online only operation
  operations option options or other out over overflow overloaded pair parameter parameters parse pass password pending per permission
  permissions permitted persist please pool port positive primary protected protocol provided proxy quota range rate rdb reached
  read reading readonly read-only reason receive received redis refused reject rejected remote replica replicas reply report
  request requested requests require required requires reset resource response retry role run running save saving script scripts
  select send sent served server servers service session set shard short shut shutdown shutting size slave slot slots slow snapshots
  space state stop stopped stream string strings subcommand such suspended syntax system take tenant than that the then there
  they this throttled time timed timeout to too transaction try type unable unauthorized unavailable unexpected unhealthy unknown
  unsupported unusable up upstream usage use used user username-password using valid value values version via wait was were when
  where while will with within without write writes writing wrong you you're your
  err acl aof bgsave blocked busygroup busykey clusterdown crossslot denied execabort inprog invalidobj ioerr loading
  masterdown misconf moved ask noauth noeviction nogoodslave nogroup nomasterlink noperm noproto noreplicas noscript notbusy
  oom readonly tryagain unblocked unkillable wrongpass wrongtype`.split(/\s+/),
)

/** What may stand in quotes: the commands that are sent here, and an option that Redis names so. */
const quotable = new Set(
  'auth client eval exists flushdb get getdel getrange hello info maxmemory mget persist pexpire ping scan select set unlink'.split(
    ' ',
  ),
)

/** Longest text that is passed on; Redis explains its protected mode in 1,100 characters. */
const longest = 240

/**
 * An error reply without what may be of a key, a value or a login: servers quote the arguments that they refuse, and a proxy may
 * write anything. Whatever is not one of the words above becomes `…`.
 */
export function withoutArguments(reply: string): string {
  const kept = reply
    .slice(0, 4 * longest)
    // Redis escapes no quote in what it quotes, so that nothing behind this can be separated.
    .replace(/with args beginning with.*/s, '…')
    .replace(/ script: [0-9a-f]{40}, on @user_script:\d+\.$/, '')
    .replace(quoted, (_, before, quote, text) => before + quote + (quotable.has(text) ? text : '…') + quote)
    .trim()
    .split(/\s+/)
    .map(part => (tellable(part) ? part : '…'))
    .join(' ')
    .replace(/…(?: …)+/g, '…')
  return kept.length <= longest ? kept : `${kept.slice(0, kept.lastIndexOf(' ', longest))} …`
}

/** From the first quote to the last of its kind: what is quoted may hold quotes. */
const quoted = /(^|[\s(=:,])(["'`])(.*)\2/s

function tellable(part: string): boolean {
  const word = /^["'`(]*([A-Za-z]+(?:['-][A-Za-z]+)*|…|>)["'`).,:;!?]*$/.exec(part)?.[1]
  if (word === undefined) return false
  return word === '…' || word === '>' || words.has(word.toLowerCase()) || quotable.has(word)
}
