-- Appends events, all or none, in an epoch that has to be the log's.
--
-- A node counts its events. What it has appended already is left out: whoever does not know, since
-- a connection has broken, sends it again.
--
-- KEYS: log, meta, ids, epochs, what the node has appended. ARGV: epoch, the newest sequence of it that the node has seen, then for
-- each event: its number, who appends it, and its record.
local log, meta, ids = KEYS[1], KEYS[2], KEYS[3]
local m = redis.call('HMGET', meta, 'epoch', 'seq')
if m[1] ~= ARGV[1] or tonumber(m[2]) < tonumber(ARGV[2]) then
  return redis.error_reply('STALE another log')
end
if m[2] ~= '0' and redis.call('EXISTS', log) == 0 then
  return redis.error_reply('STALE the stream is gone')
end
local epoch, seq, bytes, count = m[1], tonumber(m[2]), 0, 0
local done = tonumber(redis.call('GET', KEYS[5]) or '-1')
local padded = string.rep('0', 20 - #epoch) .. epoch .. '-'
for at = 3, #ARGV, 3 do
  local record = ARGV[at + 2]
  if tonumber(ARGV[at]) > done then
    seq = seq + 1
    count = count + 1
    local id = epoch .. '-' .. string.format('%.0f', seq)
    redis.call('XADD', log, id, 'by', ARGV[at + 1], '1', record)
    bytes = bytes + #record + 64
    -- The first bit tells of an own id: a length of two bytes and a text, from the tenth on.
    if record:byte(1) % 2 == 1 then
      local own = record:sub(12, 11 + record:byte(10) + 256 * record:byte(11))
      redis.call('ZADD', ids, 0, own .. '\0' .. padded .. string.format('%020.0f', seq))
    end
  end
end
if count > 0 then
  redis.call('HSET', meta, 'seq', string.format('%.0f', seq))
  redis.call('HINCRBY', meta, 'count', count)
  redis.call('HINCRBY', meta, 'bytes', bytes)
  redis.call('SET', KEYS[5], ARGV[#ARGV - 2], 'EX', 3600)
end
