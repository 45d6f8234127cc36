-- Removes the oldest entries while there are too many, or they are too old: a step of it.
--
-- What is removed is behind the floor, from which on nobody reads. It leaves the log some seconds
-- later, since nodes that follow the log may not have read it yet.
--
-- KEYS: log, meta, ids, epochs (and two that it has no use for). ARGV: most events, most bytes, time in ms up to which entries are
-- too old (0: none are), how long in ms they stay in the log.
-- Returns the floor, and 1 where there is more to remove.
local log, meta, ids, epochs = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local m = redis.call('HMGET', meta, 'floor', 'count', 'bytes', 'past', 'past_at')
local floor, count, bytes = m[1], tonumber(m[2] or '0'), tonumber(m[3] or '0')
if not floor then
  return redis.error_reply('STALE another log')
end
local events, size, expired = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local removed, more = 0, 0
while count > 0 and (count > events or bytes > size or expired > 0) do
  if removed >= 1024 then
    more = 1
    break
  end
  local entries = redis.call('XRANGE', log, '(' .. floor, '+', 'COUNT', 16)
  if #entries == 0 then
    -- Someone else has removed them.
    count, bytes = 0, 0
    break
  end
  local done = false
  for _, entry in ipairs(entries) do
    local record = entry[2][1] == 'by' and entry[2][4]
    local time = record and struct.unpack('<I8', record, 2) or 0
    if not (count > events or bytes > size or time <= expired) then
      done = true
      break
    end
    floor = entry[1]
    count = count - 1
    removed = removed + 1
    if record then
      bytes = bytes - #record - 64
      if record:byte(1) % 2 == 1 then
        local own = record:sub(12, 11 + record:byte(10) + 256 * record:byte(11))
        local epoch, seq = string.match(floor, '^(%d+)-(%d+)$')
        local pad = function(n) return string.rep('0', 20 - #n) .. n end
        redis.call('ZREM', ids, own .. '\0' .. pad(epoch) .. '-' .. pad(seq))
      end
    end
  end
  if done then break end
end
if removed > 0 then
  redis.call('HSET', meta, 'floor', floor, 'count', string.format('%.0f', count),
    'bytes', string.format('%.0f', math.max(bytes, 0)))
end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if not m[5] or now - tonumber(m[5]) >= tonumber(ARGV[4]) or now < tonumber(m[5]) then
  if m[4] then
    local epoch, seq = string.match(m[4], '^(%d+)-(%d+)$')
    redis.call('XTRIM', log, 'MINID', epoch .. '-' .. string.format('%.0f', tonumber(seq) + 1))
    for _, name in ipairs(redis.call('HKEYS', epochs)) do
      if tonumber(string.match(name, '%d+')) < tonumber(epoch) then
        redis.call('HDEL', epochs, name)
      end
    end
  end
  redis.call('HSET', meta, 'past', floor, 'past_at', string.format('%.0f', now))
end
return {floor, more}
