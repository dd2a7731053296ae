-- Precedes every script. KEYS are those of `script::KEYS`, ARGV[1] is the worker that runs it.
local store, results, claims, failed, kept, names, workers, events, alive, suspects, printed = unpack(KEYS)
local me = ARGV[1]

-- Appends an event about some keys, which are 32 bytes each.
local function publish(kind, keys)
  for first = 1, math.max(#keys, 1), 256 do
    local some = table.concat(keys, '', first, math.min(first + 255, #keys))
    local seq = redis.call('HINCRBY', store, 'seq', 1)
    redis.call('XADD', events, 'MAXLEN', '~', 4096, seq .. '-0', kind, some, 'by', me)
  end
end

-- The id of this store, which is new where there was none: a server that lost all its data is another store.
local function opened()
  local id = redis.call('HGET', store, 'id')
  if not id then
    id = me .. '.' .. table.concat(redis.call('TIME'), '.')
    redis.call('HSET', store, 'id', id)
  end
  return id
end

-- A claim that begins with ! holds its task, but its result will not count.
local function owner_of(claim)
  return claim and (claim:gsub('^!', ''))
end

local known = {}
local function is_alive(worker)
  if known[worker] == nil then
    known[worker] = redis.call('EXISTS', alive .. worker) == 1
  end
  return known[worker]
end
