-- ARGV: worker, id of the store in which it claimed, whether a claim is needed, then keys and results. The answer
-- has a digit a key: whether its result counts.
local lost = opened() ~= ARGV[2]
local counts, changed = {}, {}
for i = 4, #ARGV, 2 do
  local key = ARGV[i]
  local claim = redis.call('HGET', claims, key)
  local may = ARGV[3] == '0' or claim == me or (lost and not claim)
  if may then
    redis.call('HSET', results, key, ARGV[i + 1])
    if claim == me then redis.call('HDEL', claims, key) end
    if redis.call('HDEL', failed, key) == 1 then redis.call('HDEL', printed, key) end
    redis.call('SREM', kept, key)
    redis.call('SREM', suspects, key)
    changed[#changed + 1] = key
  else
    -- It may be stored already: an answer that did not arrive is asked for once more.
    may = redis.call('HGET', results, key) == ARGV[i + 1]
  end
  counts[#counts + 1] = may and '1' or '0'
end
if #changed > 0 then publish('result', changed) end
return table.concat(counts)
