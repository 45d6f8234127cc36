-- Appends events, all or none, in an epoch that has to be the log's.
--
-- A node counts its events. What it has appended already is left out: whoever does not know, since
-- a connection has broken, sends it again.
--
-- A parcel with a key that has been used, and still counts, is left out: those are returned, as the
-- number that the parcel begins with and what is known of the key.
--
-- KEYS: log, meta, ids, epochs, keys, until when each counts, what the node has appended, what
-- waits for its time. ARGV:
-- epoch, the newest sequence of it that the node has seen, the most keys, the most events that may
-- wait and their bytes, the number of parcels with keys, then for each of these: the number that it
-- begins with, its size, its key, for how long that counts in ms, what is remembered with it, and
-- whether (1) any of its events waits; then for each event: its number, who appends it, when it is due
-- in ms since 1970 (0: now), and its record.
--
-- Where a parcel with a key has no room to wait, nothing is appended from there on: what follows is
-- sent again. (Otherwise it would count as appended, and so would this one if the answer is lost.)
--
-- Returns the parcels that are known, and the numbers that those without room begin with.
local log, meta, ids = KEYS[1], KEYS[2], KEYS[3]
local m = redis.call('HMGET', meta, 'epoch', 'seq')
if m[1] ~= ARGV[1] or tonumber(m[2]) < tonumber(ARGV[2]) then
  return redis.error_reply('STALE another log')
end
if m[2] ~= '0' and redis.call('EXISTS', log) == 0 then
  return redis.error_reply('STALE the stream is gone')
end
local epoch, seq, bytes, count = m[1], tonumber(m[2]), 0, 0
local done = tonumber(redis.call('GET', KEYS[7]) or '-1')
local padded = string.rep('0', 20 - #epoch) .. epoch .. '-'
local keyed, known = {}, {}
local events = 7 + 6 * tonumber(ARGV[6])
local now = 0
if events > 7 then
  local t = redis.call('TIME')
  now = t[1] * 1000 + math.floor(t[2] / 1000)
  for at = 7, events - 1, 6 do
    keyed[ARGV[at]] = at
  end
end
local waiting, crowded = 0, {}
-- Whether as much waits as may.
local function is_crowded()
  if #crowded > 0 then return true end
  local bytes = tonumber(redis.call('HGET', meta, 'later') or '0') + waiting
  return redis.call('ZCARD', KEYS[8]) >= tonumber(ARGV[4]) or bytes >= tonumber(ARGV[5])
end
-- Whether this parcel has been published before. If not, its key is used from now on, if it is
-- appended.
local function is_known(at, number, by)
  local key = ARGV[at + 2]
  local used = redis.call('HGET', KEYS[5], key)
  local till = used and tonumber(redis.call('ZSCORE', KEYS[6], key) or '0')
  if used and till > now then
    -- Its own is in the log: the answer was lost.
    if string.match(used, '^%S+') ~= by then
      table.insert(known, {tonumber(number), used})
    end
    return true
  end
  if tonumber(number) <= done then return false end
  if ARGV[at + 5] == '1' and is_crowded() then table.insert(crowded, tonumber(number)) end
  if #crowded > 0 then return false end
  local id = epoch .. '-' .. string.format('%.0f', seq + 1)
  redis.call('HSET', KEYS[5], key, by .. ' ' .. id .. ' ' .. ARGV[at + 4])
  redis.call('ZADD', KEYS[6], string.format('%.0f', now + tonumber(ARGV[at + 3])), key)
  local gone = redis.call('ZRANGEBYSCORE', KEYS[6], '-inf', string.format('%.0f', now), 'LIMIT', 0, 3)
  if #gone == 0 and redis.call('ZCARD', KEYS[6]) > tonumber(ARGV[3]) then
    gone = redis.call('ZRANGE', KEYS[6], 0, 0)
  end
  for _, old in ipairs(gone) do
    redis.call('HDEL', KEYS[5], old)
    redis.call('ZREM', KEYS[6], old)
  end
  return false
end
local skip = -1
local last = done
for at = events, #ARGV, 4 do
  local record, due = ARGV[at + 3], ARGV[at + 2]
  local number = tonumber(ARGV[at])
  local key = keyed[ARGV[at]]
  if key and is_known(key, ARGV[at], ARGV[at + 1]) then
    skip = number + tonumber(ARGV[key + 1]) - 1
  end
  local appends = number > done and number > skip and #crowded == 0
  if appends then last = number end
  if appends and due ~= '0' then
    -- Those of one time are in the order of their texts.
    local turn = string.format('%020.0f', redis.call('HINCRBY', meta, 'later_seq', 1))
    redis.call('ZADD', KEYS[8], due, turn .. ' ' .. ARGV[at + 1] .. ' ' .. record)
    waiting = waiting + #record
  elseif appends then
    seq = seq + 1
    count = count + 1
    local id = epoch .. '-' .. string.format('%.0f', seq)
    -- A record with a time to live (the fifth bit) is nothing that nodes of format 1 know.
    local format = record:byte(1) % 32 >= 16 and '2' or '1'
    redis.call('XADD', log, id, 'by', ARGV[at + 1], format, record)
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
end
if waiting > 0 then
  redis.call('HINCRBY', meta, 'later', waiting)
end
if last > done then
  redis.call('SET', KEYS[7], string.format('%.0f', last), 'EX', 3600)
end
return {known, crowded}
