-- Gives events that are due their places: the script removes them from where they wait, so that of
-- several nodes one does it.
--
-- KEYS: log, meta, ids, epochs (and two that it has no use for), what waits. ARGV: epoch, the most
-- at a time. Returns how many wait, their bytes, and in how many ms the next is due (-1: none waits).
local log, meta, ids, later = KEYS[1], KEYS[2], KEYS[3], KEYS[7]
local m = redis.call('HMGET', meta, 'epoch', 'seq', 'later')
if m[1] ~= ARGV[1] or (m[2] ~= '0' and redis.call('EXISTS', log) == 0) then
  return redis.error_reply('STALE another log')
end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local epoch, seq, bytes = m[1], tonumber(m[2]), 0
local waiting = tonumber(m[3] or '0')
local padded = string.rep('0', 20 - #epoch) .. epoch .. '-'
local due = redis.call('ZRANGEBYSCORE', later, '-inf', string.format('%.0f', now), 'LIMIT', 0, ARGV[2])
for _, member in ipairs(due) do
  -- What an earlier version has put there has no number before who has appended it.
  local from = string.match(member, '^%d+ ()') or 1
  local at = string.find(member, ' ', from, true)
  local by, record = member:sub(from, at - 1), member:sub(at + 1)
  -- It is published now.
  record = record:sub(1, 1) .. struct.pack('<I8', now) .. record:sub(10)
  seq = seq + 1
  local format = record:byte(1) % 32 >= 16 and '2' or '1'
  redis.call('XADD', log, epoch .. '-' .. string.format('%.0f', seq), 'by', by, format, record)
  bytes = bytes + #record + 64
  waiting = waiting - #record
  if record:byte(1) % 2 == 1 then
    local own = record:sub(12, 11 + record:byte(10) + 256 * record:byte(11))
    redis.call('ZADD', ids, 0, own .. '\0' .. padded .. string.format('%020.0f', seq))
  end
  redis.call('ZREM', later, member)
end
if #due > 0 then
  redis.call('HSET', meta, 'seq', string.format('%.0f', seq), 'later',
    string.format('%.0f', math.max(waiting, 0)))
  redis.call('HINCRBY', meta, 'count', #due)
  redis.call('HINCRBY', meta, 'bytes', bytes)
end
local next = redis.call('ZRANGE', later, 0, 0, 'WITHSCORES')
local left = next[2] and math.max(tonumber(next[2]) - now, 0) or -1
return {redis.call('ZCARD', later), math.max(waiting, 0), left}
