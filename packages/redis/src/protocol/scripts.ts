// By EVAL, never EVALSHA: the second try after NOSCRIPT would let later commands on the key overtake it.
// Each writes once, as its last step: one that is refused half-way has changed nothing. Each answers a word of the SPI, or its own below.
// The server hashes the text of a script at every call: short names, and blanks at no line's head.

/** The token of a list or another type, which is no value's. */
export const otherType = 'of another type'

/** Answers the refusal in `v`, unless it is WRONGTYPE: the key then holds a list or another type, and `v` stays a table. */
const passRefusal = `if type(v)=='table' and not string.find(v.err,'^WRONGTYPE') then return v end`

/**
 * `v`: the head of the value, and `s`, what it says: 2, the value counts as absent at ARGV[1] (ms since 1970; '' where nothing does); 1, it
 * has metadata; 0, neither. As `countsAsAbsent` on what `unframe` gives: a value whose metadata is cut is there.
 */
const look = `local v,s=redis.pcall('GETRANGE',KEYS[1],0,16),0
${passRefusal}
if type(v)~='table' and ARGV[1]~='' then
local f,m=string.match(v,'^\\193\\1([\\128-\\255]+[\\1-\\127])\\161(........)')
if string.sub(v,1,4)=='\\193\\1\\128@' then s=2
elseif f and #f<6 and (string.byte(f,5) or 0)<16 and string.byte(f,2)%64>31 then
local b,t={string.byte(m,1,8)},0
local e=#f+b[1]*256+b[2]+1
for i=3,8 do t=t*256+b[i] end
if e>#f+27 and redis.call('GETRANGE',KEYS[1],e,e)~='' then s=t>0 and t<=tonumber(ARGV[1]) and 2 or 1 end
end
end`

/** ARGV: now, value, px ('' for no expiry). */
export const add: string = `local function set(...) return redis.call('SET',KEYS[1],ARGV[2],...) end
local p=ARGV[3]~='' and {'PX',ARGV[3]} or {}
if set('NX',unpack(p)) then return 'stored' end
${look}
if s<2 then return 'exists' end
set(unpack(p))
return 'stored'`

/** ARGV: now, value, px ('' for no expiry). */
export const replace: string = `${look}
if s==2 then return 'missing' end
local p=ARGV[3]~='' and {'PX',ARGV[3]} or {}
return redis.call('SET',KEYS[1],ARGV[2],'XX',unpack(p)) and 'stored' or 'missing'`

/** ARGV: token, value, px ('' for no expiry). A list or another type gives way to a lease alone: a load replaces it, and nothing else of a cache does. */
export const compareAndSet: string = `local v=redis.pcall('GET',KEYS[1])
${passRefusal}
if not v then return 'missing' end
if type(v)=='table' then
if ARGV[1]~='${otherType}' or string.sub(ARGV[2],1,4)~='\\193\\1\\128@' then return 'conflict' end
elseif redis.sha1hex(v)~=ARGV[1] then return 'conflict' end
local p=ARGV[3]~='' and {'PX',ARGV[3]} or {}
redis.call('SET',KEYS[1],ARGV[2],unpack(p))
return 'stored'`

/** ARGV: token. Answers 1 where it deleted. */
export const compareAndDelete: string = `local v=redis.pcall('GET',KEYS[1])
${passRefusal}
if not v or type(v)=='table' or redis.sha1hex(v)~=ARGV[1] then return 0 end
return redis.call('UNLINK',KEYS[1])`

/** ARGV: lease, px ('' for no expiry). Answers 1 where it won, else the value that stands in the way; 0 for one of another type. */
export const claim: string = `local p=ARGV[2]~='' and {'PX',ARGV[2]} or {}
if redis.call('SET',KEYS[1],ARGV[1],'NX',unpack(p)) then return 1 end
local v=redis.pcall('GET',KEYS[1])
${passRefusal}
return type(v)=='table' and 0 or v`

/** ARGV: now, px ('' for no expiry). PERSIST alone answers 0 for a key without expiry as it does for none. */
export const touch: string = `${look}
if s==1 then return 'has-metadata' end
local n=0
if s==0 and ARGV[2]~='' then n=redis.call('PEXPIRE',KEYS[1],ARGV[2])
elseif s==0 then n=redis.call('EXISTS',KEYS[1]) redis.call('PERSIST',KEYS[1]) end
return n==1 and 'touched' or 'missing'`

/**
 * ARGV: now, by, value to create at ('' for none), px of a created one ('' for no expiry). Answers the count as digits, or why there is none.
 * Lua's numbers are doubles: every one here is at most 2^53 from 0 and so exact; INCRBY would not stop at 2^53-1, and would count what is no
 * counter to the other backends.
 */
export const count: string = `local max=9007199254740991
${look}
if s==2 or v=='' and redis.call('EXISTS',KEYS[1])==0 then
if ARGV[3]=='' then return 'missing' end
if tonumber(ARGV[3])>max then return 'out-of-range' end
local p=ARGV[4]~='' and {'PX',ARGV[4]} or {}
redis.call('SET',KEYS[1],ARGV[3],unpack(p))
return ARGV[3]
end
if type(v)=='table' or #v>16 or not (v=='0' or string.match(v,'^[1-9]%d*$')) then return 'not-a-counter' end
local n,by=tonumber(v),tonumber(ARGV[2])
if n>max then return 'not-a-counter' end
if by>max-n then return 'out-of-range' end
n=string.format('%.0f',math.max(0,n+by))
redis.call('SET',KEYS[1],n,'KEEPTTL')
return n`
