-- Appends events, all or none, in an epoch that has to be the log's.
--
-- KEYS: log, meta, ids. ARGV: epoch, the newest sequence of it that the node has seen, then for
-- each event: who appends it, and its record.
-- Returns the last sequence.
local log, meta, ids = KEYS[1], KEYS[2], KEYS[3]
local m = redis.call('HMGET', meta, 'epoch', 'seq')
if m[1] ~= ARGV[1] or tonumber(m[2]) < tonumber(ARGV[2]) then
  return redis.error_reply('STALE')
end
local epoch, seq, bytes = m[1], tonumber(m[2]), 0
local padded = string.rep('0', 20 - #epoch) .. epoch .. '-'
for at = 3, #ARGV, 2 do
  local record = ARGV[at + 1]
  seq = seq + 1
  redis.call('XADD', log, epoch .. '-' .. string.format('%.0f', seq), 'by', ARGV[at], '1', record)
  bytes = bytes + #record + 64
  -- The first bit tells of an own id: a length of two bytes and a text, from the tenth byte on.
  if record:byte(1) % 2 == 1 then
    local own = record:sub(12, 11 + record:byte(10) + 256 * record:byte(11))
    redis.call('ZADD', ids, 0, own .. '\0' .. padded .. string.format('%020.0f', seq))
  end
end
redis.call('HSET', meta, 'seq', string.format('%.0f', seq))
redis.call('HINCRBY', meta, 'count', (#ARGV - 2) / 2)
redis.call('HINCRBY', meta, 'bytes', bytes)
return string.format('%.0f', seq)
