-- ARGV: worker, whether workers without a heartbeat count as dead, workers that are dead in any case. Their claims
-- end, and their tasks become suspects; the answer is how many.
local dead, n = {}, 0
for i = 3, #ARGV do
  dead[ARGV[i]] = true
  redis.call('DEL', alive .. ARGV[i])
  redis.call('HDEL', workers, ARGV[i])
end
local all = redis.call('HGETALL', claims)
for i = 1, #all, 2 do
  local owner = owner_of(all[i + 1])
  if dead[owner] or (ARGV[2] == '1' and owner ~= me and not is_alive(owner)) then
    redis.call('HDEL', claims, all[i])
    if redis.call('HEXISTS', results, all[i]) == 0 then redis.call('SADD', suspects, all[i]) end
    n = n + 1
  end
end
if n > 0 then publish('free', {}) end
return n
