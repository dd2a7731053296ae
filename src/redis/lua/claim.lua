-- ARGV: worker, what the worker reports about itself, milliseconds to live, whether the claims of workers without a
-- heartbeat may be taken over, last event applied, keys. The answer ends with those keys that were claimed here and
-- that a worker had claimed when it died.
local id = opened()
redis.call('SET', alive .. me, '', 'PX', ARGV[3])
if redis.call('HSET', workers, me, ARGV[2]) == 1 and ARGV[4] == '1' then
  for _, worker in ipairs(redis.call('HKEYS', workers)) do
    if not is_alive(worker) then redis.call('HDEL', workers, worker) end
  end
end
local won, owners = {}, {}
for i = 6, #ARGV do
  local claim = redis.call('HGET', claims, ARGV[i])
  local owner = owner_of(claim)
  local free = not owner or claim == me or (ARGV[4] == '1' and owner ~= me and not is_alive(owner))
  if free then
    if owner and owner ~= me and redis.call('HEXISTS', results, ARGV[i]) == 0 then
      redis.call('SADD', suspects, ARGV[i])
    end
    redis.call('HSET', claims, ARGV[i], me)
  else
    owners[owner] = true
  end
  won[#won + 1] = free and '1' or '0'
end
local others = {}
for owner in pairs(owners) do others[#others + 1] = owner end
local news = redis.call('XRANGE', events, ARGV[5], '+', 'COUNT', 1025)
local risky = {}
if redis.call('EXISTS', suspects) == 1 then
  for i = 6, #ARGV do
    if won[i - 5] == '1' and redis.call('SISMEMBER', suspects, ARGV[i]) == 1 then risky[#risky + 1] = ARGV[i] end
  end
end
return {id, table.concat(won), others, news, risky}
