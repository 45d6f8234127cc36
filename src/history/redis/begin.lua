-- Begins the work of a node on a connection: is this the log that it knows, and may ids go on?
--
-- An epoch belongs to one run of one server. So a server that was started again, or that takes over
-- from another, gives no id a second time, whatever its predecessor had shown and it never got.
-- Where a node has seen more than there is, something is lost: that is marked in the log, once,
-- for everyone who reads over that place.
--
-- KEYS: log, meta, ids, epochs, keys, until when each counts. ARGV: run of the server, time in ms, epoch and sequence of the
-- newest entry that the node has seen (0 0: none).
-- Returns the epoch, its last sequence, the floor, and all that is known of former epochs.
local log, meta, ids, epochs = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local seen_epoch, seen = tonumber(ARGV[3]), tonumber(ARGV[4])
local m = redis.call('HMGET', meta, 'format', 'run', 'epoch', 'seq', 'floor')
if m[1] and m[1] ~= '1' then
  return redis.error_reply('FORMAT ' .. m[1])
end
local run, epoch, seq, floor = m[2], tonumber(m[3] or '0'), tonumber(m[4] or '0'), m[5]
-- There is no stream before its first entry.
local new = floor and floor == m[3] .. '-0' and seq == 0
local whole = new or floor and redis.call('EXISTS', log) == 1

local lost
if whole and seen_epoch == epoch then
  lost = seen > seq
elseif seen_epoch > 0 then
  local last = redis.call('HGET', epochs, ARGV[3])
  if last then
    lost = seen > tonumber(last)
  else
    -- Whoever was away for so long that its epoch is forgotten finds a hole.
    local oldest = whole and tonumber(string.match(floor, '^%d+')) or 0
    lost = seen > 0 and seen_epoch >= oldest
  end
end

if not whole or run ~= ARGV[1] or seen_epoch > epoch or (seen_epoch == epoch and lost) then
  if epoch > 0 then
    redis.call('HSET', epochs, m[3], m[4])
  end
  epoch = math.max(tonumber(ARGV[2]), epoch + 1, seen_epoch + 1)
  seq = 0
  local name = string.format('%.0f', epoch)
  redis.call('HSET', meta, 'format', '1', 'run', ARGV[1], 'epoch', name, 'seq', '0')
  if not whole then
    redis.call('DEL', log, ids, KEYS[5], KEYS[6])
    floor = name .. '-0'
    redis.call('HSET', meta, 'floor', floor, 'count', '0', 'bytes', '0')
    redis.call('HDEL', meta, 'past', 'past_at')
  elseif new then
    -- It still is, in this epoch: what waits stays, and the keys that it came under.
    floor = name .. '-0'
    redis.call('HSET', meta, 'floor', floor)
  end
end

local name = string.format('%.0f', epoch)
if lost and redis.call('HEXISTS', epochs, 'lost:' .. ARGV[3]) == 0 then
  seq = seq + 1
  local id = name .. '-' .. string.format('%.0f', seq)
  redis.call('XADD', log, id, 'lost', '1')
  redis.call('HSET', meta, 'seq', string.format('%.0f', seq))
  redis.call('HSET', epochs, 'lost:' .. ARGV[3], id)
  if floor == name .. '-0' and seq == 1 then
    -- A new log: there is nothing before it that anyone could read.
    floor = id
    redis.call('HSET', meta, 'floor', floor)
  else
    redis.call('HINCRBY', meta, 'count', 1)
  end
end
return {name, string.format('%.0f', seq), floor, redis.call('HGETALL', epochs)}
