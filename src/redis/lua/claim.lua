-- ARGV: worker, what to tell of the worker, milliseconds to live, whether the claims of workers that are silent
-- may be taken over, last event seen, keys.
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
  if free then redis.call('HSET', claims, ARGV[i], me) else owners[owner] = true end
  won[#won + 1] = free and '1' or '0'
end
local others = {}
for owner in pairs(owners) do others[#others + 1] = owner end
local news = redis.call('XRANGE', events, ARGV[5], '+', 'COUNT', 1025)
return {id, table.concat(won), others, news}
